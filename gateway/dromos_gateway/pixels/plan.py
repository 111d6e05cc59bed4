# SPDX-License-Identifier: Apache-2.0
"""What shall be done to the pixels of an instance."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dromos_crds.masks import Mask


class Uncleanable(StrEnum):
    """What becomes of an image that needs a mask in an encoding that can't be masked: `Project.spec.uncleanable`.

    `Allow` is for objects without pixels; burned-in text is held all the same.
    """

    HOLD = "Hold"
    EXCLUDE = "Exclude"
    ALLOW = "Allow"


@dataclass(frozen=True, slots=True)
class MaskValues:
    """The values that decide on masks where the changed file's own do not (`compatibility: Karnak`)."""

    sop_class_uid: str | None = None
    burned_in_annotation: str | None = None
    station_name: str | None = field(default=None, repr=False)
    columns: int | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class PixelPlan:
    """One destination's wishes for one instance. Equal plans make equal bytes of equal files.

    masks            those of the profile, when it has clean.pixel.data whose condition is true for this instance
    mask_values      None: the file's own values decide
    says_clean       write BurnedInAnnotation NO where masks were drawn (PS3.15 E.3.1)
    transfer_syntax  the one configured; None leaves the original
    destination_uid  `metadata.uid` of the Destination, for the SOP Instance UID of a lossy transcoding
    """

    masks: tuple[Mask, ...] = ()
    mask_values: MaskValues | None = None
    says_clean: bool = True
    uncleanable: Uncleanable = Uncleanable.HOLD
    transfer_syntax: str | None = None
    only_uncompressed: bool = True
    destination_uid: str = ""
