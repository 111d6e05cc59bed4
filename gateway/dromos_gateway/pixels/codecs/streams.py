# SPDX-License-Identifier: Apache-2.0
"""What code streams say of themselves, read before a codec may believe it.

JPEG is T.81, JPEG-LS T.87, JPEG 2000 T.800.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dromos_gateway.pixels.native import Buffer
from dromos_gateway.pixels.outcome import Unfit

_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0…15 without DHT, JPG, DAC
SOF_LOSSLESS, SOF_JPEG_LS = 0xC3, 0xF7
_SOS, _DQT, _APP0, _APP14 = 0xDA, 0xDB, 0xE0, 0xEE
_JP2 = b"\x00\x00\x00\x0cjP  "
_SIZ, _CAP, _COD = 0xFF51, 0xFF50, 0xFF52


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """A JPEG or JPEG-LS stream up to its first scan."""

    process: int  # which SOF
    precision: int
    rows: int
    columns: int
    components: tuple[tuple[int, int, int], ...]  # identifier, horizontal and vertical sampling factor
    jfif: bool = False
    adobe_transform: int | None = None
    near: int = 0  # JPEG-LS: the error allowed
    tables: tuple[tuple[int, ...], ...] = field(default=())  # quantisation tables in zigzag order

    @property
    def size(self) -> tuple[int, int, int]:
        """Rows, columns, samples."""
        return self.rows, self.columns, len(self.components)

    @property
    def subsampling(self) -> str | None:
        """Of chrominance: 444, 422, 420, or None for anything else."""
        if len(self.components) != 3 or any(part[1:] != (1, 1) for part in self.components[1:]):
            return None
        return {(1, 1): "444", (2, 1): "422", (2, 2): "420"}.get(self.components[0][1:])

    def holds_ybr(self, photometric: str) -> bool:
        """Whether three components are YCbCr: as the stream says, else as the header does."""
        if len(self.components) != 3:
            return False
        if self.adobe_transform is not None:
            return self.adobe_transform == 1
        if bytes(part[0] for part in self.components) == b"RGB":
            return False
        return photometric != "RGB" or self.jfif or self.subsampling not in ("444", None)


def jpeg_header(stream: Buffer) -> JpegHeader:
    """Read the markers of a JPEG or JPEG-LS stream up to the first scan."""
    if bytes(stream[:2]) != b"\xff\xd8":
        raise Unfit("a frame is no JPEG stream")
    offset, tables, jfif, adobe = 2, [], False, None
    frame: JpegHeader | None = None
    try:
        while True:
            marker, offset = _marker(stream, offset)
            if marker in _STANDALONE:
                continue
            (length,) = struct.unpack_from(">H", stream, offset)
            body = bytes(stream[offset + 2 : offset + length])
            offset += length
            if marker in _FRAMES or marker == SOF_JPEG_LS:
                frame = _frame(marker, body)
            elif marker == _DQT:
                tables.extend(_quantisation(body))
            elif marker == _APP0:
                jfif = jfif or body.startswith(b"JFIF")
            elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
                adobe = body[11]
            elif marker == _SOS and frame is not None:
                near = body[1 + 2 * body[0]] if frame.process == SOF_JPEG_LS else 0
                return JpegHeader(
                    frame.process,
                    frame.precision,
                    frame.rows,
                    frame.columns,
                    frame.components,
                    jfif,
                    adobe,
                    near,
                    tuple(tables),
                )
    except (struct.error, IndexError):
        raise Unfit("a JPEG stream ends before its first scan") from None


def _marker(stream: Buffer, offset: int) -> tuple[int, int]:
    if stream[offset] != 0xFF:
        raise Unfit("a JPEG stream has something other than markers before its first scan")
    while stream[offset] == 0xFF:
        offset += 1
    return stream[offset], offset + 1


def _frame(marker: int, body: bytes) -> JpegHeader:
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    parts = tuple((body[6 + 3 * i], body[7 + 3 * i] >> 4, body[7 + 3 * i] & 15) for i in range(count))
    return JpegHeader(marker, precision, rows, columns, parts)


def _quantisation(body: bytes) -> list[tuple[int, ...]]:
    tables, offset = [], 0
    while offset < len(body):
        wide = body[offset] >> 4
        form = ">64H" if wide else ">64B"
        tables.append(struct.unpack_from(form, body, offset + 1))
        offset += 1 + struct.calcsize(form)
    return tables


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """A JPEG 2000 code stream's main header."""

    rows: int
    columns: int
    precisions: tuple[int, ...]
    signed: tuple[bool, ...]
    whole: bool  # no component is subsampled
    high_throughput: bool
    colour_transform: bool
    reversible: bool
    siz: int  # offset of the first component's Ssiz in the stream

    @property
    def size(self) -> tuple[int, int, int]:
        """Rows, columns, samples."""
        return self.rows, self.columns, len(self.precisions)


def jpeg_2000_header(stream: Buffer) -> Jpeg2000Header:
    """Read SIZ, CAP and COD of a code stream, bare or in a JP2 file."""
    data = bytes(stream[:4096])
    start = data.find(b"\xff\x4f\xff\x51") if data.startswith(_JP2) else 0
    if start < 0 or data[start : start + 4] != b"\xff\x4f\xff\x51":
        raise Unfit("a frame is no JPEG 2000 stream")
    offset, high_throughput = start + 2, False
    try:
        while True:
            marker, length = struct.unpack_from(">HH", data, offset)
            if marker == _SIZ:
                x1, y1, x0, y0 = struct.unpack_from(">4L", data, offset + 6)
                (count,) = struct.unpack_from(">H", data, offset + 38)
                siz = offset + 40
                parts = [struct.unpack_from(">3B", data, siz + 3 * i) for i in range(count)]
            elif marker == _CAP:
                high_throughput = True
            elif marker == _COD:
                return Jpeg2000Header(
                    y1 - y0, x1 - x0,
                    tuple((part[0] & 127) + 1 for part in parts), tuple(part[0] > 127 for part in parts),
                    all(part[1:] == (1, 1) for part in parts), high_throughput,
                    colour_transform=data[offset + 8] == 1, reversible=data[offset + 13] == 1, siz=siz,
                )  # fmt: skip
            elif not 0xFF50 <= marker <= 0xFF78:
                raise Unfit("a JPEG 2000 stream has no coding style in its main header")
            offset += 2 + length
    except (struct.error, IndexError):
        raise Unfit("a JPEG 2000 stream ends in its main header") from None
