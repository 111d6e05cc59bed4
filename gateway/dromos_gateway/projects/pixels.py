# SPDX-License-Identifier: Apache-2.0
"""What is left to do to the pixels of an instance whose header is changed."""

from __future__ import annotations

from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.pixels.plan import MaskValues, PixelPlan, Uncleanable
from dromos_gateway.projects.use import Use


def pixel_plan(
    use: Use, changed: Changed, *, transfer_syntax: str | None, only_uncompressed: bool, destination_uid: str
) -> PixelPlan:
    """The mask that the profile chose already, by values that may be gone by now, then the transfer syntax."""
    mask = changed.mask
    values = None
    if mask is not None:
        values = MaskValues(changed.sop_class_uid, "YES", mask.station_name, mask.columns, mask.rows)
    return PixelPlan(
        masks=() if mask is None else (mask,),
        mask_values=values,
        says_clean=False,  # the header does
        uncleanable=Uncleanable(use.recipe.uncleanable),
        transfer_syntax=transfer_syntax,
        only_uncompressed=only_uncompressed,
        destination_uid=destination_uid,
    )
