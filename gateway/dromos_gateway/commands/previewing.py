# SPDX-License-Identifier: Apache-2.0
"""One file through the gateway's own decisions and changes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dromos_crds import ConfigMap, Destination, Project, Secret, reasons
from dromos_crds.masks import Mask
from dromos_gateway import pipeline
from dromos_gateway.commands.calling import WrongUsage
from dromos_gateway.commands.previewtables import Shown
from dromos_gateway.configuration.folder import Folder, Loaded
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.deid.deidentify import Instance as Original
from dromos_gateway.deid.outcomes import Changed, Excluded
from dromos_gateway.dimse.part10 import FileHead, NotPart10, read_head
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.pixels import outcome as pixels
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.pixels.preview import preview_png
from dromos_gateway.projects.pixels import pixel_plan
from dromos_gateway.projects.use import Namespace, Use, use_of
from dromos_gateway.projects.work import Held, carry_out
from dromos_gateway.spool.records import Instance


@dataclass(frozen=True, slots=True)
class _Ready:
    """What would be sent."""

    path: Path
    shown: Shown
    picture: bytes | None = None


class Previewer:
    """One Destination among manifests."""

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        """Read the manifests. OSError; WrongUsage when there is no such Destination."""
        loaded = Folder(paths).load()
        self._settings = _chosen(loaded, name)
        self._destination, around = _documents(loaded, self._settings.key)
        self._use: Use | None = None
        self._held: Held | None = None
        try:
            found = use_of(self._destination, around)
            self._use = found[0] if found is not None else None
        except Unresolved as error:
            self._held = Held(error.reason, f"{error.field}: {error}")
        self._notes: tuple[str, ...] = ()
        hold = self._settings.hold
        if hold is not None and hold.reason == reasons.NOT_SUPPORTED:
            self._notes = (str(hold),)
        elif self._held is None and hold is not None and hold.reason != reasons.FORWARD_NODE_NOT_FOUND:
            self._held = Held(hold.reason, str(hold))

    def preview(self, file: Path, scratch: Path, out: Path | None) -> Shown:
        """What would become of a file. OSError; WrongUsage when it is no DICOM file."""
        try:
            head = read_head(file)
        except NotPart10 as error:
            raise WrongUsage(f"{file}: {error}") from None
        outcome = self._held or self._decide(file, head) or self._change(file, head, scratch)
        key = self._settings.key
        if isinstance(outcome, Excluded):
            return Shown(file, key, "Excluded", "", outcome.rule, sop_class_uid=head.sop_class_uid)
        if isinstance(outcome, Held):
            return Shown(file, key, "Held", outcome.reason, outcome.message, sop_class_uid=head.sop_class_uid)
        if out is None:
            return outcome.shown
        shutil.copyfile(outcome.path, out)
        if outcome.picture is None:
            return replace(outcome.shown, out=out)
        png = out.with_name(f"{out.name}.png")
        png.write_bytes(outcome.picture)
        return replace(outcome.shown, out=out, png=png)

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

    def _change(self, file: Path, head: FileHead, scratch: Path) -> _Ready | Excluded | Held:
        """What the change stage does: the Project's profile, then the pixels."""
        shown = Shown(
            file,
            self._settings.key,
            "Sent",
            sop_class_uid=head.sop_class_uid,
            transfer_syntax=(head.transfer_syntax_uid, head.transfer_syntax_uid),
            notes=self._notes,
        )
        if self._use is None:
            return self._pixels(file, scratch / "pixels.dcm", self._plan(None), shown, None)
        target = scratch / "header.dcm"
        original = Original(file, head.data_set_offset, head.transfer_syntax_uid)
        result = carry_out(original, target, self._use, trail=True)
        if not isinstance(result, Changed):
            return result
        shown = replace(
            shown,
            sop_class_uid=result.sop_class_uid,
            steps=tuple(sorted(result.steps, key=lambda step: step.path)),
            notes=(*shown.notes, *result.warnings),
            digest=result.digest,
        )
        return self._pixels(target, scratch / "pixels.dcm", self._plan(result), shown, result.mask)

    def _plan(self, changed: Changed | None) -> PixelPlan:
        spec, metadata = self._destination.spec.transfer_syntax, self._destination.metadata
        uid = metadata.uid or f"{metadata.namespace}/{metadata.name}"
        syntax, only = (spec.uid, spec.only_uncompressed) if spec is not None else (None, True)
        if self._use is None or changed is None:
            return PixelPlan(transfer_syntax=syntax, only_uncompressed=only, destination_uid=uid)
        return pixel_plan(self._use, changed, transfer_syntax=syntax, only_uncompressed=only, destination_uid=uid)

    def _pixels(
        self, source: Path, target: Path, plan: PixelPlan, shown: Shown, mask: Mask | None
    ) -> _Ready | Excluded | Held:
        if plan.is_idle:
            return _Ready(source, shown)
        result = change_pixels(source, target, plan)
        if isinstance(result, pixels.Held):
            return Held(result.reason, result.message)
        if isinstance(result, pixels.Excluded):
            return Excluded(result.rule)
        shown = replace(
            shown,
            transfer_syntax=(shown.transfer_syntax[0], result.transfer_syntax_uid),
            notes=(*shown.notes, *result.notes),
            rectangles=tuple(map(str, mask.rectangles)) if mask is not None else (),
        )
        picture = preview_png(source, plan) if result.masked_frames else None
        sent = target if result.written else source
        return _Ready(sent, shown, picture if isinstance(picture, bytes) else None)


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
