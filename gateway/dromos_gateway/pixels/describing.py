# SPDX-License-Identifier: Apache-2.0
"""What the header has to say once pixels were changed (PS3.3 C.7.6.1.1.5, C.7.6.3; PS3.15 E.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dromos_crds.masks import Rectangle
from dromos_gateway.pixels.header import Header
from dromos_gateway.pixels.icons import native_icons, without_icons
from dromos_gateway.pixels.image import Image
from dromos_gateway.pixels.loss import lost_before
from dromos_gateway.pixels.overlays import cleared
from dromos_gateway.pixels.source import Pixels, Source
from dromos_gateway.pixels.writing import Target

_SOP_INSTANCE_UID, _IMAGE_TYPE, _DERIVATION = 0x00080018, 0x00080008, 0x00082111
_PHOTOMETRIC, _PLANAR, _BURNED_IN = 0x00280004, 0x00280006, 0x00280301
_LOSSY, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002)
_WIDTH = 10  # characters kept free for a ratio that is known only at the end


@dataclass(slots=True)
class Description:
    """Edits of the header, gathered; the SOP Instance UID of what is written."""

    source: Source
    sop_instance_uid: str
    edits: dict[int, tuple[bytes, bytes] | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lossy: bool = False

    @classmethod
    def of(cls, source: Source) -> Description:
        """Nothing to say yet."""
        description = cls(source, source.head.sop_instance_uid)
        for tag in _OFFSET_TABLES:
            if tag in source.places:
                description.edits[tag] = None
        return description

    def pixels_are(self, image: Image) -> None:
        """Photometric Interpretation and Planar Configuration of what is written."""
        if self.source.text(_PHOTOMETRIC) != image.photometric:
            self.edits[_PHOTOMETRIC] = (b"CS", image.photometric.encode())
        if image.samples > 1 and (self.source.number(_PLANAR) == 1) != image.planar:
            self.edits[_PLANAR] = (b"US", bytes((image.planar, 0)))

    def masked(self) -> None:
        """No text is burned in any more."""
        self.edits[_BURNED_IN] = (b"CS", b"NO")

    def hidden(self, rectangles: Sequence[Rectangle]) -> None:
        """Neither icons nor overlays show what a mask hides."""
        if icons := without_icons(self.source):
            self.edits.update(icons)
            self.notes.append("Icons taken out: they show what the mask hides")
        if overlays := cleared(self.source, rectangles):
            self.edits.update(overlays)
            self.notes.append("Overlays cleared under the mask")

    def icons_are_native(self) -> None:
        """Icons leave the transfer syntax of the source, as the image does."""
        self.edits.update(native_icons(self.source))

    def came_with_loss(self, pixels: Pixels) -> None:
        """What the source was compressed by is said by the header, or else by the code streams, which don't stay."""
        lost = lost_before(self.source.head.transfer_syntax_uid, pixels)
        if lost is None or self.source.text(_LOSSY) == "01":
            return
        method, ratio = lost
        self.edits[_LOSSY] = (b"CS", b"01")
        self.edits[_RATIO] = (b"DS", f"{ratio:.2f}".encode())
        self.edits[_METHOD] = (b"CS", method.encode())

    def derived(self, sop_instance_uid: str) -> None:
        """It is another image than the source's."""
        self.sop_instance_uid = sop_instance_uid
        self.edits[_SOP_INSTANCE_UID] = (b"UI", sop_instance_uid.encode())
        kind = (self.source.text(_IMAGE_TYPE) or "").split("\\")
        self.edits[_IMAGE_TYPE] = (b"CS", "\\".join(["DERIVED", *(kind[1:] or ["PRIMARY"])]).encode())

    def compressed_with_loss(self, method: str, how: str) -> None:
        """One more lossy compression, after those the image has been through; its ratio is filled in later."""
        self.lossy = True
        ratios = self._earlier(_RATIO)
        methods = self._earlier(_METHOD)
        self.edits[_LOSSY] = (b"CS", b"01")
        self.edits[_RATIO] = (b"DS", "\\".join([*ratios, " " * _WIDTH]).encode())
        self.edits[_METHOD] = (b"CS", "\\".join([*methods, method]).encode())
        before = self.source.value(_DERIVATION)
        after = how.encode() if before is None else bytes(before).rstrip(b" \0") + b"; " + how.encode()
        self.edits[_DERIVATION] = (b"ST", after[:1024] if before is None or len(after) <= 1024 else how.encode())
        self.notes.append(how)

    def fill_in_ratio(self, file: Target, start: int, header: Header, ratio: float) -> None:
        """Write the ratio into the header, which was written at `start`."""
        end = header.end_of(_RATIO)
        if end is not None:
            file.fill_in(start + end - _WIDTH, f"{ratio:.2f}".encode().ljust(_WIDTH)[:_WIDTH])

    def _earlier(self, tag: int) -> list[str]:
        edit = self.edits.get(tag)
        text = self.source.text(tag) if edit is None else edit[1].decode()
        return text.split("\\") if text else []
