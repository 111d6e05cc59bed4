# SPDX-License-Identifier: Apache-2.0
"""One file through the gateway's own decisions and changes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dromos_crds import ConfigMap, Destination, Project, Secret, reasons
from dromos_crds.masks import Mask
from dromos_gateway import pipeline
from dromos_gateway.changes.change import Change, Excluded, Held, Original, Outcome, Ready
from dromos_gateway.changes.failing import held_by
from dromos_gateway.commands.calling import WrongUsage
from dromos_gateway.commands.previewtables import Shown
from dromos_gateway.configuration.changing import change_of
from dromos_gateway.configuration.folder import Folder, Loaded
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.dimse.part10 import FileHead, NotPart10, read_head
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.pixels.outcome import Held as NoPicture
from dromos_gateway.pixels.plan import MaskValues, PixelPlan
from dromos_gateway.projects.use import Namespace
from dromos_gateway.spool.records import Instance
from dromos_gateway.workers.job import Failed, Job, Limits
from dromos_gateway.workers.oneatatime import OneAtATime

_MAKE = "dromos_gateway.changes.making:make_with_trail"
_PICTURE = "dromos_gateway.pixels.preview:preview_png"


class Previewer:
    """One Destination among manifests."""

    def __init__(self, paths: Sequence[Path], name: str, worker: OneAtATime) -> None:
        """Read the manifests. OSError; WrongUsage when there is no such Destination."""
        self._worker = worker
        loaded = Folder(paths).load()
        self._settings = _chosen(loaded, name)
        self._change: Change | None = None
        self._held: Held | None = None
        hold = self._settings.hold
        if hold is not None and hold.reason != reasons.FORWARD_NODE_NOT_FOUND:
            self._held = Held(hold.reason, str(hold))
            return
        try:  # what is previewed needs no ForwardNode yet
            self._change, _ = change_of(*_documents(loaded, self._settings.key))
        except Unresolved as error:
            self._held = Held(error.reason, f"{error.field}: {error}")

    def preview(self, file: Path, scratch: Path, out: Path | None) -> Shown:
        """What would become of a file. OSError; WrongUsage when it is no DICOM file."""
        try:
            head = read_head(file)
        except NotPart10 as error:
            raise WrongUsage(f"{file}: {error}") from None
        outcome = self._held or self._decide(file, head) or self._make(file, head, scratch)
        key = self._settings.key
        if isinstance(outcome, Excluded):
            return Shown(file, key, "Excluded", "", outcome.rule, sop_class_uid=head.sop_class_uid)
        if isinstance(outcome, Held):
            return Shown(file, key, "Held", outcome.reason, outcome.message, sop_class_uid=head.sop_class_uid)
        shown = Shown(
            file,
            key,
            "Sent",
            sop_class_uid=outcome.sop_class_uid,
            transfer_syntax=(head.transfer_syntax_uid, outcome.transfer_syntax_uid),
            steps=tuple(sorted(outcome.steps, key=lambda step: step.path)),
            notes=outcome.notes,
            digest=outcome.digest,
            rectangles=tuple(map(str, outcome.mask.rectangles)) if outcome.mask is not None else (),
            out=out,
        )
        if out is None:
            return shown
        shutil.copyfile(outcome.path, out)
        if outcome.mask is None:
            return shown
        png, notes = self._picture(file, head, outcome.mask, out, scratch)
        return replace(shown, png=png, notes=(*shown.notes, *notes))

    def _decide(self, file: Path, head: FileHead) -> Excluded | Held | None:
        """What the rules say before anything is changed; None: it goes on."""
        instance = _instance(file, head, self._settings.node)
        with InstanceValues(instance, file) as values:
            decision = pipeline.on_arrival(instance, replace(self._settings, hold=None), values)
        if isinstance(decision, pipeline.Exclude):
            return Excluded(decision.rule)
        if isinstance(decision, pipeline.Hold | pipeline.Fail):
            return Held(decision.reason, decision.message)
        return None

    def _make(self, file: Path, head: FileHead, scratch: Path) -> Ready | Excluded | Held:
        """The file that would be sent, as the gateway's workers make it."""
        change = self._change or Change()
        if change.use is None and change.transfer_syntax is None:
            size = file.stat().st_size
            uids = (head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid)
            return Ready(file, head.data_set_offset, size, *uids)
        target = scratch / "made.dcm"
        for left in scratch.iterdir():
            left.unlink()
        original = Original(file.absolute(), head.data_set_offset, file.stat().st_size, head.transfer_syntax_uid)
        done = self._worker.run(Job[Outcome](_MAKE, (original, target, change)), Limits.for_object(original.size))
        if not isinstance(done, Failed):
            return done.value
        if done.worth_retrying:
            raise WrongUsage(f"{file}: {done.message}")
        return held_by(done)

    def _picture(
        self, file: Path, head: FileHead, mask: Mask, out: Path, scratch: Path
    ) -> tuple[Path | None, tuple[str, ...]]:
        """The image before and after its mask, for people to look at; or why there is none."""
        values = MaskValues(head.sop_class_uid, "YES", mask.station_name, mask.columns, mask.rows)
        plan = PixelPlan(masks=(mask,), mask_values=values)
        job = Job[bytes | NoPicture](_PICTURE, (file.absolute(), plan, scratch))
        done = self._worker.run(job, Limits.for_object(file.stat().st_size))
        drawn = done if isinstance(done, Failed) else done.value
        if not isinstance(drawn, bytes):
            return None, (f"no picture: {drawn.message}",)
        png = out.with_name(f"{out.name}.png")
        png.write_bytes(drawn)
        return png, ()


def _chosen(loaded: Loaded, name: str) -> DestinationSettings:
    destinations = loaded.configuration.destinations
    found = [item for key, item in destinations.items() if name in (key, key.partition("/")[2])]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted(destinations)) or "none"
    if found:
        raise WrongUsage(f"there are several Destinations {name}: give NAMESPACE/NAME; there are: {known}")
    broken = [problem for problem in loaded.configuration.problems if problem.kind == "Destination"]
    hint = f"; {broken[0]}" if broken else ""
    raise WrongUsage(f"there is no Destination {name} among these manifests; there are: {known}{hint}")


def _documents(loaded: Loaded, key: str) -> tuple[Destination, Namespace]:
    objects = [document.object for document in loaded.documents]
    around = Namespace(
        projects={_key(item): item for item in objects if isinstance(item, Project)},
        config_maps={_key(item): item for item in objects if isinstance(item, ConfigMap)},
        secrets={_key(item): item for item in objects if isinstance(item, Secret)},
    )
    return next(item for item in objects if isinstance(item, Destination) and _key(item) == key), around


def _key(item: Project | ConfigMap | Secret | Destination) -> str:
    return f"{item.metadata.namespace}/{item.metadata.name}"


def _instance(file: Path, head: FileHead, node: str) -> Instance:
    return Instance(
        id=0,
        file=file.name,
        size=file.stat().st_size,
        data_set_offset=head.data_set_offset,
        sop_class_uid=head.sop_class_uid,
        sop_instance_uid=head.sop_instance_uid,
        transfer_syntax_uid=head.transfer_syntax_uid,
        study="",
        calling_ae_title="",
        called_ae_title="",
        peer_host="",
        node=node,
        received_at=0.0,
    )
