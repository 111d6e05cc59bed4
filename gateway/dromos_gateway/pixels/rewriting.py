# SPDX-License-Identifier: Apache-2.0
"""Writing one file: which way its pixels go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask
from dromos_gateway.dimse.part10 import file_head
from dromos_gateway.header.encoding import EXPLICIT, encoding_of
from dromos_gateway.header.output import copy_range
from dromos_gateway.pixels import capability
from dromos_gateway.pixels.codecs.streams import jpeg_header
from dromos_gateway.pixels.describing import Description
from dromos_gateway.pixels.drawing import Drawing, fill_native, plan_drawing
from dromos_gateway.pixels.encapsulated import Encapsulated
from dromos_gateway.pixels.frames import Frames, encoded_frames, masked_streams, native_blocks
from dromos_gateway.pixels.header import converted, edited
from dromos_gateway.pixels.identity import lossy_uid
from dromos_gateway.pixels.image import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, Image
from dromos_gateway.pixels.native import Buffer, Native
from dromos_gateway.pixels.outcome import PixelsChanged, Unfit
from dromos_gateway.pixels.overdrawing import can_draw_over, draw_over
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.pixels.source import Pixels, Source
from dromos_gateway.pixels.writing import Deflated, Sink, Target, write_encapsulated, write_native

_BLOCK = 4 << 20
_CANNOT = "PixelsCannotBeMasked"
_FLOAT_VRS = {FLOAT_PIXEL_DATA: b"OF", DOUBLE_FLOAT_PIXEL_DATA: b"OD"}
_JPEG_LOSSY = (ts.JPEG_BASELINE, ts.JPEG_EXTENDED)
# In these a masked frame is written without loss, as they allow, by the rules of their lossless sibling.
_LOSSLESS_SIBLING = {
    ts.JPEG_LS_NEAR_LOSSLESS: ts.JPEG_LS_LOSSLESS, ts.JPEG_2000: ts.JPEG_2000_LOSSLESS, ts.HTJ2K: ts.HTJ2K_LOSSLESS,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Files:
    """The source's file and the target's; where `consume` the former may become the latter."""

    source: Path
    target: Path
    consume: bool = False


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is written from what: `syntax` is the target's, `mask` is drawn."""

    source: Source
    files: Files
    syntax: str
    mask: Mask | None
    plan: PixelPlan


def rewrite(task: Rewriting) -> PixelsChanged:
    """Write the file. `Unfit` when its pixels can't be decoded, drawn upon or encoded; what is there then is no use."""
    if task.syntax not in ts.KNOWN:
        raise Unfit(f"pixels in transfer syntax {task.syntax} can't be decoded", _CANNOT)
    native = ts.KNOWN[task.syntax].family is ts.Family.NATIVE
    if task.source.pixel is None:
        return _without_pixels(task)
    pixels = task.source.pixels
    if native and isinstance(pixels.frames, Native):
        return _native_to_native(task, pixels, pixels.frames)
    if native:
        return _encapsulated_to_native(task, pixels)
    if _stays(task):
        return _masked_in_its_syntax(task, pixels)
    return _encoded(task, pixels)


def _without_pixels(task: Rewriting) -> PixelsChanged:
    description = Description.of(task.source)
    _write_native(task, description, None, None, iter(()))
    return PixelsChanged(True, description.sop_instance_uid, task.syntax)


def _native_to_native(task: Rewriting, pixels: Pixels, native: Native) -> PixelsChanged:
    drawing = _drawing(task, pixels.image)
    description = _description(task, pixels.image, drawing)
    if drawing is not None and not description.edits and _stays(task) and can_draw_over(task.syntax, native):
        _drawn_over(task.files, task.source, native, drawing)
    else:
        _write_native(task, description, pixels, pixels.image, _copied(task.source, native, drawing))
    masked, notes = _masked(pixels.image, drawing), tuple(description.notes)
    return PixelsChanged(True, description.sop_instance_uid, task.syntax, masked, notes=notes)


def _stays(task: Rewriting) -> bool:
    return task.syntax == task.source.head.transfer_syntax_uid


def _drawn_over(files: Files, source: Source, native: Native, drawing: Drawing) -> None:
    """There is no target before its masks are drawn, unless it is a copy that whoever fails takes away."""
    if files.consume:
        draw_over(files.source, source.start, native, drawing)
        files.source.rename(files.target)
    else:
        with files.target.open("wb") as target:
            copy_range(source.file.fileno(), 0, target.fileno(), 0, source.start + source.data_set.end)
        draw_over(files.target, source.start, native, drawing)


def _encapsulated_to_native(task: Rewriting, pixels: Pixels) -> PixelsChanged:
    image = capability.decoded(task.source.head.transfer_syntax_uid, pixels.image)
    drawing = _drawing(task, image)
    description = _description(task, image, drawing)
    frames = Frames(task.source, pixels, image, drawing)
    _write_native(task, description, pixels, image, native_blocks(frames))
    notes = tuple(description.notes)
    return PixelsChanged(True, description.sop_instance_uid, task.syntax, frames.masked, notes=notes)


def _encoded(task: Rewriting, pixels: Pixels) -> PixelsChanged:
    syntax, source = task.syntax, task.source
    image = capability.decoded(source.head.transfer_syntax_uid, pixels.image)
    if (why := capability.obstacle(syntax, image)) is not None:
        raise Unfit(f"it can't be encoded in {ts.KNOWN[syntax].name}: {why}", "PixelsCannotBeEncoded")
    drawing = _drawing(task, image)
    description = _description(task, capability.encoded(syntax, image), drawing)
    lossy = ts.KNOWN[syntax].lossy
    if lossy:
        description.derived(lossy_uid(source.head.sop_instance_uid, task.plan.destination_uid, syntax))
        description.compressed_with_loss(capability.METHOD[syntax], f"Compressed with loss to {ts.KNOWN[syntax].name}")
    frames = Frames(source, pixels, image, drawing)
    _write_encapsulated(task, description, frames, encoded_frames(frames, syntax))
    notes = tuple(description.notes)
    return PixelsChanged(True, description.sop_instance_uid, syntax, frames.masked, lossy, notes)


def _masked_in_its_syntax(task: Rewriting, pixels: Pixels) -> PixelsChanged:
    syntax, image, described = task.syntax, pixels.image, pixels.image
    lossy = syntax in _JPEG_LOSSY
    if lossy:
        image = replace(image, photometric=_photometric_of_streams(pixels))
    else:
        image = capability.decoded(syntax, image)
        if (why := capability.obstacle(_LOSSLESS_SIBLING.get(syntax, syntax), image)) is not None:
            raise Unfit(f"its frames can't be encoded again: {why}", _CANNOT)
        if described.photometric == "YBR_ICT":
            described = replace(described, photometric="YBR_RCT")
    drawing = _drawing(task, image)
    description = _description(task, described, drawing)
    if lossy and drawing is not None and drawing.rectangles:
        description.compressed_with_loss(capability.METHOD[syntax], f"Masked; masked frames {_how_again(pixels)}")
    frames = Frames(task.source, pixels, image, drawing, keeps_ybr=lossy)
    _write_encapsulated(task, description, frames, masked_streams(frames, syntax))
    notes = tuple(description.notes)
    return PixelsChanged(True, description.sop_instance_uid, syntax, frames.masked, notes=notes)


def _how_again(pixels: Pixels) -> str:
    """What becomes of frames of lossy JPEG, as the codec does it: of 12 bits it takes no tables of quantisation."""
    assert isinstance(pixels.frames, Encapsulated)  # noqa: S101
    if all(jpeg_header(pixels.frames.frame(index)).precision == 8 for index in range(len(pixels.frames))):
        return "decoded and compressed again with the quantisation tables and subsampling they had"
    return "decoded and compressed again with quantisation nowhere coarser than theirs"


def _photometric_of_streams(pixels: Pixels) -> str:
    """What lossy JPEG streams hold when they are decoded without conversion; all frames alike, or `Unfit`."""
    assert isinstance(pixels.frames, Encapsulated)  # noqa: S101
    if pixels.image.samples == 1:
        return pixels.image.photometric
    kinds = set()
    for index in range(len(pixels.frames)):
        header = jpeg_header(pixels.frames.frame(index))
        if header.precision > 8:
            raise Unfit("colour of more than 8 bits can't be encoded again with its quantisation", _CANNOT)
        kinds.add(header.holds_ybr(pixels.image.photometric))
    if len(kinds) > 1:
        raise Unfit("its frames differ in colour space", _CANNOT)
    return "YBR_FULL" if kinds.pop() else "RGB"


def _drawing(task: Rewriting, image: Image) -> Drawing | None:
    return None if task.mask is None else plan_drawing(task.mask, image, task.source)


def _description(task: Rewriting, image: Image, drawing: Drawing | None) -> Description:
    description = Description.of(task.source)
    description.pixels_are(image)
    description.came_with_loss(task.source.pixels)
    if drawing is not None:
        description.hidden(drawing.rectangles)
    elif not _stays(task):
        description.icons_are_native()
    if drawing is not None and task.plan.says_clean:
        description.masked()
    return description


def _masked(image: Image, drawing: Drawing | None) -> int:
    return image.frames if drawing is not None and drawing.rectangles else 0


def _copied(source: Source, native: Native, drawing: Drawing | None) -> Iterator[Buffer]:
    """Native Pixel Data some frames at a time, in little endian, masks drawn."""
    image = native.image
    together = 8 if image.allocated == 1 or native.words else 1  # whole bytes, whole words
    step = max(together, _BLOCK * 8 // max(image.frame_bits, 1) // together * together)
    for first in range(0, image.frames, step):
        count = min(step, image.frames - first)
        start, end = first * image.frame_bits // 8, ((first + count) * image.frame_bits + 7) // 8
        block: Buffer = native.data[native.start + start : native.start + end]
        if native.order == ">":
            block = _swapped(native, start, end)
        if drawing is not None and drawing.rectangles:
            block = memoryview(bytearray(block))
            fill_native(block, image, "<", 0, count, drawing)
        yield block
        source.forget()


def _swapped(native: Native, start: int, end: int) -> bytes:
    size = 2 if native.words else max(1, native.image.allocated // 8)
    padded = (end - start) + (end - start) % size
    return _reversed(native.data[native.start + start : native.start + start + padded], size)[: end - start]


def _reversed(cells: Buffer, size: int) -> bytes:
    """Cells of `size` bytes in the other byte order."""
    return np.frombuffer(cells, np.uint8).reshape(-1, size)[:, ::-1].tobytes()


def _write_native(
    task: Rewriting, description: Description, pixels: Pixels | None, image: Image | None, blocks: Iterator[Buffer]
) -> None:
    source = task.source
    encoding = encoding_of(task.syntax)
    plain = EXPLICIT if encoding.deflated else encoding
    with Target(task.files.target) as file:
        file.write(_head(task, description))
        deflated = Deflated(file) if encoding.deflated else None
        sink: Sink = deflated or file
        for part in edited(source, description.edits, plain).blocks():
            sink.write(part)
        if pixels is not None and image is not None and source.pixel is not None:
            vr = _FLOAT_VRS.get(source.pixel.tag) or (b"OW" if image.allocated > 8 else b"OB")
            ordered = (
                blocks if not plain.big_endian else (_reversed(block, max(1, image.allocated // 8)) for block in blocks)
            )
            write_native(sink, source.pixel.tag, vr, image.native_bytes, ordered, plain)
            sink.write(converted(bytes(source.data[pixels.tail :]), source.encoding, plain))
        if deflated is not None:
            deflated.close()


def _write_encapsulated(task: Rewriting, description: Description, frames: Frames, streams: Iterator[Buffer]) -> None:
    source, pixels = task.source, frames.pixels
    header = edited(source, description.edits)
    with Target(task.files.target) as file:
        file.write(_head(task, description))
        start = file.tell()
        for part in header.blocks():
            file.write(part)
        length = write_encapsulated(file, streams, len(frames), pixels.image.native_bytes)
        file.write(converted(bytes(source.data[pixels.tail :]), source.encoding, EXPLICIT))
        if description.lossy:
            description.fill_in_ratio(file, start, header, frames.image.frame_bytes * len(frames) / max(length, 1))


def _head(task: Rewriting, description: Description) -> bytes:
    return file_head(
        sop_class_uid=task.source.head.sop_class_uid,
        sop_instance_uid=description.sop_instance_uid,
        transfer_syntax_uid=task.syntax,
    )
