# SPDX-License-Identifier: Apache-2.0
"""What a worker does to an instance: the header first, then the pixels as the changed header says.

The target's bytes depend on the original, the change and the pseudonym alone.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dromos_gateway.changes.change import Change, Excluded, Held, Original, Outcome, Ready
from dromos_gateway.deid.deidentify import Instance
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.deid.outcomes import Excluded as ExcludedByProfile
from dromos_gateway.dimse.part10 import NotPart10, read_head
from dromos_gateway.dimse.patchwork import size_of, write_patches
from dromos_gateway.projects.use import Use
from dromos_gateway.projects.work import Held as HeldByProject
from dromos_gateway.projects.work import carry_out


def make(
    original: Original,
    target: Path,
    change: Change,
    pseudonym: str | None = None,
    *,
    trail: bool = False,
    most: int = 0,
) -> Outcome:
    """Write `target`, or say that the original goes as it is, or why nothing goes. OSError from files.

    `pseudonym` is given where it is known already. `trail`: list each step, for `dromos preview`. With up to `most`
    new bytes the original goes with patches, and there is no target.
    """
    try:
        if change.use is not None:
            return _of_project(original, target, change, change.use, pseudonym, trail=trail, most=most)
        return _with_pixels(original.path, target, change, None, original.size)
    except NotPart10 as error:
        return Held("MalformedDataSet", str(error))


def make_with_trail(original: Original, target: Path, change: Change) -> Outcome:
    """As `make`, each step listed."""
    return make(original, target, change, trail=True)


def _of_project(
    original: Original,
    target: Path,
    change: Change,
    use: Use,
    pseudonym: str | None,
    *,
    trail: bool,
    most: int,
) -> Outcome:
    instance = Instance(original.path, original.data_set_offset, original.transfer_syntax_uid, original.size)
    header = target.with_name(f"{target.name}.header")
    most = most if change.transfer_syntax is None else 0
    changed = carry_out(instance, header, use, pseudonym, trail=trail, most=most)
    if isinstance(changed, HeldByProject):
        return Held(changed.reason, changed.message, changed.retry_after)
    if isinstance(changed, ExcludedByProfile):
        return Excluded(changed.rule)
    if changed.patches:
        if (ready := _patched(original.path, changed)) is not None:
            return ready
        write_patches(original.path, changed.patches, header)
    try:
        done = _pixels_of(header, target, change, changed)
    finally:
        header.unlink(missing_ok=True)
    if isinstance(done, Ready):
        notes = (*changed.warnings, *done.notes)
        return replace(done, notes=notes, digest=changed.digest, steps=changed.steps, mask=changed.mask)
    return done


def _patched(path: Path, changed: Changed) -> Ready | None:
    """The original with the patches of its header, and those of its mask; None where that takes a file."""
    patches = changed.patches
    if changed.mask is not None:
        from dromos_gateway.pixels.patching import mask_patches  # brings codecs along, as below

        patches = mask_patches(path, patches, changed.mask)
    if not patches:
        return None
    return Ready(
        path,
        changed.data_set_offset,
        size_of(patches),
        changed.sop_class_uid,
        changed.sop_instance_uid,
        changed.transfer_syntax_uid,
        changed.warnings,
        changed.digest,
        changed.steps,
        changed.mask,
        patches,
    )


def _pixels_of(header: Path, target: Path, change: Change, changed: Changed) -> Outcome:
    """The pixels of an instance whose header is changed; without anything to do to them it is finished."""
    if changed.mask is not None or change.transfer_syntax is not None:
        done = _with_pixels(header, target, change, changed)
        if not isinstance(done, Ready) or done.path == target:
            return done
    header.rename(target)
    return _ready(target)


def _with_pixels(
    source: Path, target: Path, change: Change, changed: Changed | None, size: int | None = None
) -> Outcome:
    from dromos_gateway.pixels import outcome as pixels  # brings codecs along, which a header rule does not need
    from dromos_gateway.pixels.change import change_pixels
    from dromos_gateway.pixels.plan import PixelPlan
    from dromos_gateway.projects.pixels import pixel_plan

    plan = PixelPlan(
        transfer_syntax=change.transfer_syntax,
        only_uncompressed=change.only_uncompressed,
        destination_uid=change.destination_uid,
    )
    if changed is not None and change.use is not None:
        plan = pixel_plan(
            change.use,
            changed,
            transfer_syntax=change.transfer_syntax,
            only_uncompressed=change.only_uncompressed,
            destination_uid=change.destination_uid,
        )
    done = change_pixels(source, target, plan, size=size, consume=changed is not None)
    if isinstance(done, pixels.Held):
        return Held(done.reason, done.message)
    if isinstance(done, pixels.Excluded):
        return Excluded(done.rule)
    return _ready(target, done.notes) if done.written else _ready(source, done.notes, size)


def _ready(path: Path, notes: tuple[str, ...] = (), size: int | None = None) -> Ready:
    head = read_head(path)
    return Ready(
        path,
        head.data_set_offset,
        path.stat().st_size if size is None else size,
        head.sop_class_uid,
        head.sop_instance_uid,
        head.transfer_syntax_uid,
        notes,
    )
