# SPDX-License-Identifier: Apache-2.0
"""Objects that lie, end early or explode: held with the reason, within bounds, and nothing else is hurt."""

from __future__ import annotations

import asyncio
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Mask, Rectangle
from dromos_gateway.dimse.part10 import file_head
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import Held, PixelsChanged
from dromos_gateway.pixels.plan import PixelPlan
from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.pool import Pool
from tests.pixels.samples import Kind, dataset, make, save, ultrasound

MASKED = PixelPlan(masks=(Mask("*", (Rectangle(1, 1, 8, 8),)),))
TO_NATIVE = PixelPlan(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN, only_uncompressed=False)

TO_RLE = PixelPlan(transfer_syntax=ts.RLE_LOSSLESS, only_uncompressed=False)


def change_job(source: Path, target: Path, plan: PixelPlan) -> Job[object]:
    return Job("dromos_gateway.pixels.change:change_pixels", (source, target, plan))


def held(source: Path, plan: PixelPlan) -> Held:
    target = source.with_name("target.dcm")
    outcome = change_pixels(source, target, plan)
    assert isinstance(outcome, Held), outcome
    assert not target.exists()
    assert "Doe" not in outcome.message
    return outcome


def native(change: Callable[[Dataset], None], folder: Path, kind: Kind | None = None) -> Path:
    ds = dataset(kind or ultrasound())
    change(ds)
    return save(ds, folder / "source.dcm")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda ds: setattr(ds, "Rows", 44), "Pixel Data has 32400 bytes; Rows, Columns and the like say 31680"),
        (lambda ds: setattr(ds, "Rows", 60000), "Pixel Data has 32400 bytes"),
        (lambda ds: setattr(ds, "NumberOfFrames", 3), "Pixel Data has 32400 bytes"),
        (lambda ds: setattr(ds, "NumberOfFrames", 2_000_000_000), "Pixel Data has 32400 bytes"),
        (lambda ds: setattr(ds, "Columns", 0), "Columns is absent or 0"),
        (lambda ds: delattr(ds, "BitsAllocated"), "BitsAllocated is absent or 0"),
        (lambda ds: setattr(ds, "BitsAllocated", 12), "BitsAllocated 12 is not possible"),
        (lambda ds: setattr(ds, "BitsStored", 9), "BitsStored 9 does not fit BitsAllocated 8"),
        (lambda ds: setattr(ds, "SamplesPerPixel", 1), "SamplesPerPixel 1 with PhotometricInterpretation RGB"),
        (lambda ds: setattr(ds, "PhotometricInterpretation", "HSV"), "PhotometricInterpretation unknown"),
        (lambda ds: ds.update({"PixelData": ds.PixelData[:-2]}), "Pixel Data has 32398 bytes"),
        (lambda ds: ds.update({"PixelData": ds.PixelData + b"  "}), "Pixel Data has 32402 bytes"),
    ],
)
def test_a_header_that_lies(change: Callable[[Dataset], None], said: str, tmp_path: Path) -> None:
    assert (
        held(native(change, tmp_path), MASKED).message.startswith(said)
        or said in held(native(change, tmp_path), MASKED).message
    )


def test_palettes_that_lie(tmp_path: Path) -> None:
    kind = Kind("PALETTE COLOR")

    def cut(ds: Dataset) -> None:
        ds.RedPaletteColorLookupTableData = ds.RedPaletteColorLookupTableData[:100]

    def shift(ds: Dataset) -> None:
        for name in ("Red", "Green", "Blue"):
            ds[f"{name}PaletteColorLookupTableDescriptor"].value = [256, 60000, 16]

    def drop(ds: Dataset) -> None:
        del ds.BluePaletteColorLookupTableData

    for change, said in (
        (cut, "not as long as it says"),
        (shift, "beyond what its pixels can name"),
        (drop, "palette is absent"),
    ):
        outcome = held(native(change, tmp_path, kind), MASKED)
        assert outcome.reason == "PixelsCannotBeMasked"
        assert said in outcome.message


def test_every_truncation(tmp_path: Path) -> None:
    whole = make(ultrasound(), tmp_path)
    coded = tmp_path / "coded.dcm"
    for syntax in (ts.JPEG_LS_LOSSLESS, ts.RLE_LOSSLESS, ts.JPEG_2000_LOSSLESS, ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN):
        assert isinstance(change_pixels(whole, coded, PixelPlan(transfer_syntax=syntax)), PixelsChanged)
        content = coded.read_bytes()
        for part in range(1, 20):
            cut = tmp_path / "cut.dcm"
            cut.write_bytes(content[: len(content) * part // 20])
            outcome = change_pixels(cut, tmp_path / "target.dcm", TO_NATIVE)
            assert isinstance(outcome, Held) or (isinstance(outcome, PixelsChanged) and not outcome.written)
    (tmp_path / "empty.dcm").touch()
    assert held(tmp_path / "empty.dcm", MASKED).reason == "NotADicomFile"


@pytest.mark.parametrize(
    "syntax",
    [
        ts.JPEG_BASELINE,
        ts.JPEG_LOSSLESS_SV1,
        ts.JPEG_LS_LOSSLESS,
        ts.JPEG_2000_LOSSLESS,
        ts.HTJ2K_LOSSLESS,
        ts.RLE_LOSSLESS,
    ],
)
async def test_damaged_streams_end_in_a_verdict(syntax: str, tmp_path: Path) -> None:
    """In a worker: libraries may well crash of them."""
    source, coded, damaged = make(ultrasound(frames=1), tmp_path), tmp_path / "coded.dcm", tmp_path / "damaged.dcm"
    change_pixels(source, coded, PixelPlan(transfer_syntax=syntax))
    content, dice = coded.read_bytes(), random.Random(5)
    start = content.index(b"\xe0\x7f\x10\x00OB") + 20
    async with Pool(size=1) as pool:
        for _ in range(60):
            bad = bytearray(content)
            for _ in range(dice.randint(1, 6)):
                bad[dice.randrange(start, len(bad))] = dice.randrange(256)
            damaged.write_bytes(bad)
            answer = await pool.run(change_job(damaged, tmp_path / "target.dcm", TO_NATIVE), Limits(wall=20))
            if isinstance(answer, Failed):
                assert answer.cause is Cause.DIED
            else:
                assert isinstance(answer.value, Held | PixelsChanged)


def test_a_stream_of_another_size_or_kind_than_the_header_says(tmp_path: Path) -> None:
    source, coded = make(ultrasound(frames=1), tmp_path), tmp_path / "coded.dcm"
    for syntax in (ts.JPEG_BASELINE, ts.JPEG_LS_LOSSLESS, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS):
        change_pixels(source, coded, PixelPlan(transfer_syntax=syntax))
        ds = dcmread(coded)
        ds.Rows = 40
        outcome = held(save(ds, tmp_path / "lying.dcm", syntax), MASKED)
        assert outcome.reason == "PixelsUndecodable"
    change_pixels(source, coded, PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS))
    for label in (ts.JPEG_LOSSLESS_SV1, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS):
        held(save(dcmread(coded), tmp_path / "mislabelled.dcm", label), MASKED)


def test_offset_tables_that_lie(tmp_path: Path) -> None:
    source, coded = make(ultrasound(), tmp_path), tmp_path / "coded.dcm"
    change_pixels(source, coded, PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS))
    frames = list(generate_frames(dcmread(coded).PixelData, number_of_frames=4))
    lying = tmp_path / "lying.dcm"

    def write(value: bytes, **more: object) -> Path:
        ds = dcmread(coded)
        ds.PixelData = value
        for keyword, content in more.items():
            setattr(ds, keyword, content)
        return save(ds, lying, ts.JPEG_LS_LOSSLESS)

    good = encapsulate(frames, has_bot=True)
    for offsets in ((0, 1, 2, 3), (4, 0, 0, 0), (0, 0, 0, 0), (0, 1 << 31, 5, 6)):
        table = struct.pack("<4L", *offsets)
        assert "basic offset table" in held(write(good[:8] + table + good[24:]), MASKED).message
    assert "NumberOfFrames is 5" in held(write(good, NumberOfFrames=5), MASKED).message
    without = encapsulate(frames, has_bot=False)
    assert "there are 4 frames, NumberOfFrames is 3" in held(write(without, NumberOfFrames=3), MASKED).message
    value, offsets, lengths = encapsulate_extended(frames)
    assert isinstance(
        change_pixels(
            write(value, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths), tmp_path / "t", MASKED
        ),
        PixelsChanged,
    )
    broken = struct.pack("<4Q", *(1 << 62,) * 4)
    assert (
        "extended offset table"
        in held(write(value, ExtendedOffsetTable=broken, ExtendedOffsetTableLengths=lengths), MASKED).message
    )
    assert (
        "lengths" in held(write(value, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=broken), MASKED).message
    )


def test_fragments_without_a_table_are_found(tmp_path: Path) -> None:
    source, coded = make(ultrasound(), tmp_path), tmp_path / "coded.dcm"
    change_pixels(source, coded, PixelPlan(transfer_syntax=ts.JPEG_2000_LOSSLESS))
    ds = dcmread(coded)
    frames = list(generate_frames(ds.PixelData, number_of_frames=4))
    ds.PixelData = encapsulate(frames, fragments_per_frame=3, has_bot=False)
    back, plain = tmp_path / "back.dcm", tmp_path / "plain.dcm"
    assert isinstance(
        change_pixels(save(ds, tmp_path / "f.dcm", ts.JPEG_2000_LOSSLESS), back, TO_NATIVE), PixelsChanged
    )
    change_pixels(coded, plain, TO_NATIVE)
    assert dcmread(back).PixelData == dcmread(plain).PixelData


@pytest.mark.parametrize("syntax", [ts.JPEG_BASELINE, ts.JPEG_LS_LOSSLESS, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS])
@pytest.mark.parametrize("frames", [None, 1])
def test_frames_that_the_header_does_not_know_of_are_not_lost(frames: int | None, syntax: str, tmp_path: Path) -> None:
    source, coded, lying = make(ultrasound(), tmp_path), tmp_path / "coded.dcm", tmp_path / "lying.dcm"
    change_pixels(source, coded, PixelPlan(transfer_syntax=syntax))
    for has_table in (True, False):
        ds = dcmread(coded)
        ds.PixelData = encapsulate(list(generate_frames(ds.PixelData, number_of_frames=4)), has_bot=has_table)
        ds.NumberOfFrames = frames
        for plan in (MASKED, TO_NATIVE):
            assert held(save(ds, lying, syntax), plan).reason == "PixelsUndecodable"


def test_a_deflate_bomb_is_stopped(tmp_path: Path) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    body = b"".join(deflater.compress(zeros) for _ in range(300)) + deflater.flush()
    bomb = tmp_path / "bomb.dcm"
    head = file_head(
        sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid=ts.DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    )
    bomb.write_bytes(head + body)
    assert held(bomb, MASKED) == Held(
        "MalformedDataSet", "the deflated data set inflates beyond 67108864 bytes at byte 262144 of the data set"
    )


def enlarged(stream: bytes, syntax: str, side: int) -> bytes:
    """A code stream that says of itself that it has `side` rows and columns."""
    bad = bytearray(stream)
    if ts.KNOWN[syntax].family is ts.Family.JPEG_2000:
        siz = bad.index(b"\xff\x51")
        for place in (siz + 6, siz + 10, siz + 22, siz + 26):  # the image's and the tile's width and height
            struct.pack_into(">L", bad, place, side)
        return bytes(bad)
    frame = next(place for mark in (0xC0, 0xC1, 0xC3, 0xF7) if (place := bad.find(bytes((0xFF, mark)))) > 0)
    struct.pack_into(">HH", bad, frame + 5, side, side)
    return bytes(bad)


@pytest.mark.parametrize(
    "syntax",
    [ts.JPEG_BASELINE, ts.JPEG_LOSSLESS_SV1, ts.JPEG_LS_LOSSLESS, ts.JPEG_2000_LOSSLESS, ts.HTJ2K_LOSSLESS],
    ids=lambda uid: ts.KNOWN[uid].name,
)
async def test_a_short_stream_that_claims_a_gigabyte_costs_a_worker_at_most(syntax: str, tmp_path: Path) -> None:
    """Header and stream agree on 30,000 rows and columns, of which there are a few kilobytes."""
    source, coded = make(Kind(), tmp_path), tmp_path / "coded.dcm"
    assert isinstance(change_pixels(source, coded, PixelPlan(transfer_syntax=syntax)), PixelsChanged)
    ds = dcmread(coded)
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    ds.Rows = ds.Columns = 30000
    ds.PixelData = encapsulate([enlarged(stream, syntax, 30000)])
    bomb, target = save(ds, tmp_path / "bomb.dcm", syntax), tmp_path / "target.dcm"
    async with Pool(size=1) as pool:
        bombs = [pool.run(change_job(bomb, target, TO_NATIVE), Limits(memory=300 << 20)) for _ in range(2)]
        small = pool.run(change_job(source, tmp_path / "small.dcm", PixelPlan(transfer_syntax=syntax)), Limits())
        *answers, other = await asyncio.gather(*bombs, small)
    for answer in answers:
        if isinstance(answer, Failed):
            assert answer.cause in (Cause.MEMORY, Cause.DIED)
        else:  # the library saw it, or was refused the memory and said so
            assert isinstance(answer.value, Held)
            assert "the header says" not in answer.value.message, "they agree"
    assert isinstance(other, Done)
    assert isinstance(other.value, PixelsChanged)


def test_deep_sequences_are_refused(tmp_path: Path) -> None:
    nested = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5000
    head = file_head(sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid=ts.EXPLICIT_VR_LITTLE_ENDIAN)
    deep = tmp_path / "deep.dcm"
    deep.write_bytes(head + nested)
    assert "nested more than 64 deep" in held(deep, MASKED).message


def test_mutated_headers_end_in_a_verdict(tmp_path: Path) -> None:
    dice, contents = random.Random(11), []
    for kind in (ultrasound(), Kind("PALETTE COLOR"), Kind(allocated=1, stored=1, frames=3), Kind("YBR_FULL_422")):
        contents += [
            make(kind, tmp_path, syntax).read_bytes()
            for syntax in (ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN)
        ]
        if isinstance(change_pixels(make(kind, tmp_path), tmp_path / "coded", TO_RLE), PixelsChanged):
            contents.append((tmp_path / "coded").read_bytes())
    source, target = tmp_path / "mutated.dcm", tmp_path / "target.dcm"
    verdicts = set()
    for _ in range(600):
        content = bytearray(dice.choice(contents))
        for _ in range(dice.randint(1, 5)):
            content[dice.randrange(128, min(len(content), 1500))] = dice.choice((0, 1, 255, dice.randrange(256)))
        source.write_bytes(content)
        verdicts.add(type(change_pixels(source, target, dice.choice((MASKED, TO_NATIVE, TO_RLE)))))
    assert verdicts == {Held, PixelsChanged}


async def test_a_worker_stays_within_its_memory_and_the_pool_goes_on(tmp_path: Path) -> None:
    ds = dataset(Kind())
    ds.Rows = ds.Columns = 12000
    ds.PixelData = bytes(12000 * 12000)
    source, target = save(ds, tmp_path / "large.dcm"), tmp_path / "target.dcm"
    large = change_job(source, target, PixelPlan(transfer_syntax=ts.JPEG_2000_LOSSLESS))
    small = change_job(make(Kind(), tmp_path), tmp_path / "small.dcm", PixelPlan(transfer_syntax=ts.JPEG_LS_LOSSLESS))
    async with Pool(size=2) as pool:
        first, other = await asyncio.gather(pool.run(large, Limits(memory=300 << 20)), pool.run(small, Limits()))
        if isinstance(first, Done):  # the library noticed
            assert isinstance(first.value, Held)
        else:
            assert first.cause in (Cause.MEMORY, Cause.DIED)
        assert isinstance(other, Done)
        assert isinstance(await pool.run(small, Limits()), Done)
        slow = await pool.run(large, Limits(cpu=0.5, memory=4 << 30))
        assert isinstance(slow, Failed)
        assert slow.cause is Cause.CPU
