# SPDX-License-Identifier: Apache-2.0
"""An instance with its pixels changed as a plan says: masks first, then the transfer syntax.

    outcome = change_pixels(source, target, plan)   # in a worker: Job("dromos_gateway.pixels.change:change_pixels", …)

The header of the source is already as it shall go out; the target's is the same but for what the pixels make necessary.
The target's bytes depend on source and plan alone.
"""

from __future__ import annotations

from pathlib import Path

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, may_show_text, select_mask
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.pixels import capability
from dromos_gateway.pixels.frames import SpareBitsUsed
from dromos_gateway.pixels.outcome import Excluded, Held, PixelsChanged, Unfit
from dromos_gateway.pixels.plan import MaskValues, PixelPlan, Uncleanable
from dromos_gateway.pixels.rewriting import Files, Rewriting, rewrite
from dromos_gateway.pixels.source import Source, open_source

_PIXELS_ELSEWHERE = 0x00287FE0  # Pixel Data Provider URL (JPIP)
_CANNOT_BE_MASKED = frozenset(("PixelsCannotBeMasked", "PixelsUndecodable"))


def change_pixels(
    source: Path, target: Path, plan: PixelPlan, *, size: int | None = None, consume: bool = False
) -> PixelsChanged | Held | Excluded:
    """Write `target` from `source`, or say why not; then there is no target. OSError from reading and writing files.

    `size`: where the instance ends, if not with its file. `consume`: the source is the caller's to give away; it may
    become the target, or be half drawn upon when held.
    """
    masking = False
    try:
        opened = open_source(source, target.parent, size)
        mask = mask_for(opened, plan)
        masking = mask is not None
        return _change(opened, Files(source, target, consume), plan, mask)
    except MalformedDataSet as error:
        target.unlink(missing_ok=True)
        return Held("MalformedDataSet", str(error))
    except Unfit as unfit:
        target.unlink(missing_ok=True)
        if masking and plan.uncleanable is Uncleanable.EXCLUDE and unfit.reason in _CANNOT_BE_MASKED:
            return Excluded(f"it needs a mask, and {unfit}")
        return Held(unfit.reason, str(unfit))
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def mask_for(source: Source, plan: PixelPlan) -> Mask | None:
    """The mask that an image needs; None when it needs none. `Unfit` when it needs one and there is none."""
    if not plan.masks or (source.pixel is None and _PIXELS_ELSEWHERE not in source.places):
        return None
    values = plan.mask_values or MaskValues(
        source.text(0x00080016), source.text(0x00280301), source.text(0x00081010),
        source.number(0x00280011), source.number(0x00280010),
    )  # fmt: skip
    if not may_show_text(values.sop_class_uid, values.burned_in_annotation):
        return None
    mask = select_mask(plan.masks, values.station_name, values.columns, values.rows)
    if mask is None:
        raise Unfit("its pixels may show text, and no mask is for its station and size", "NoMatchingMask")
    if source.pixel is None:
        raise Unfit("its pixels may show text, and are at another place", "PixelsCannotBeMasked")
    return mask


def _change(source: Source, files: Files, plan: PixelPlan, mask: Mask | None) -> PixelsChanged:
    try:
        return _to(_wanted(source, plan), source, files, plan, mask)
    except SpareBitsUsed:
        return _to(_without(source), source, files, plan, mask)


def _to(syntax: str, source: Source, files: Files, plan: PixelPlan, mask: Mask | None) -> PixelsChanged:
    if mask is None and syntax == source.head.transfer_syntax_uid:
        return PixelsChanged(False, source.head.sop_instance_uid, syntax)
    return rewrite(Rewriting(source, files, syntax, mask, plan))


def _wanted(source: Source, plan: PixelPlan) -> str:
    """The syntax to send in. One that can't hold the image is as good as none."""
    original = source.head.transfer_syntax_uid
    if plan.transfer_syntax is None:
        return original

    def can_transcode(known: str, wanted: str) -> bool:
        if known not in ts.KNOWN or wanted not in ts.ENCODED:
            return False
        if source.pixel is None:
            return ts.KNOWN[wanted].family is ts.Family.NATIVE
        return capability.obstacle(wanted, capability.decoded(known, source.pixels.image)) is None

    return ts.output_syntax(
        original, plan.transfer_syntax, only_uncompressed=plan.only_uncompressed, can_transcode=can_transcode
    )


def _without(source: Source) -> str:
    original = source.head.transfer_syntax_uid
    return ts.output_syntax(original, None, only_uncompressed=False, can_transcode=lambda *_: False)
