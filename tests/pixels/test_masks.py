# SPDX-License-Identifier: Apache-2.0
"""Every pixel inside a mask is its colour, every pixel outside is what it was: in every kind of pixels and syntax."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import BLACK, Colour, Mask, Rectangle
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.codecs.streams import jpeg_header
from dromos_gateway.pixels.outcome import Excluded, Held, PixelsChanged
from dromos_gateway.pixels.plan import MaskValues, PixelPlan, Uncleanable
from tests.pixels import peers
from tests.pixels.samples import KINDS, ULTRASOUND, Kind, dataset, make, picture, save, ultrasound
from tests.pixels.test_lossless import DECODERS, LOSSLESS, NATIVE, can_hold, exact_by, expected_decoders, transcode

RECTANGLES = (Rectangle(3, 2, 11, 5), Rectangle(20, 20, 4000, 3))
RED = Colour(255, 0, 0)


def mask(colour: Colour = BLACK, *rectangles: Rectangle, station: str = "*") -> Mask:
    return Mask(station, rectangles or RECTANGLES, colour)


def inside(kind: Kind) -> np.ndarray:
    where = np.zeros((kind.rows, kind.columns), bool)
    for box in RECTANGLES:
        where[box.y : box.y + box.height, box.x : box.x + box.width] = True
    return where


def fill(kind: Kind, colour: Colour) -> tuple[float, ...]:
    """What the samples are to be, reckoned by hand."""
    top = (1 << kind.stored) - 1
    lowest = -(1 << kind.stored - 1) if kind.signed else 0
    red = colour == RED
    if kind.real:
        return (0.299 if red else 0.0,)
    if kind.photometric == "RGB":
        return (top if red else 0, 0, 0)
    if kind.photometric.startswith("YBR"):
        return (76, 85, 255) if red else (0, 128, 128)
    light = 0.299 if red else 0.0
    if kind.photometric == "MONOCHROME1":
        light = 1 - light
    return (lowest + round(light * top),)


@pytest.mark.parametrize("syntax", [*LOSSLESS, ts.EXPLICIT_VR_BIG_ENDIAN], ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_inside_is_the_colour_and_outside_unchanged(kind: Kind, syntax: str, tmp_path: Path) -> None:
    if not can_be_made(syntax, kind):
        return
    colour = RED if kind.frames == 1 and kind.allocated > 1 else BLACK
    source, target, back = coded(kind, syntax, tmp_path), tmp_path / "masked.dcm", tmp_path / "back.dcm"
    before = source.read_bytes()
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(colour),)))
    assert outcome == PixelsChanged(True, dcmread(source).SOPInstanceUID, syntax, kind.frames)
    assert source.read_bytes() == before
    assert dcmread(target).BurnedInAnnotation == "NO"
    written = transcode(target, back, ts.EXPLICIT_VR_LITTLE_ENDIAN).written
    shown = peers.cells(back if written else target, kind)
    where, expected = inside(kind), picture(kind).copy()
    if kind.photometric == "YBR_FULL_422" and ts.KNOWN[syntax].family is ts.Family.NATIVE:
        where[:, 0::2] |= where[:, 1::2]  # two pixels share their chrominance
        where[:, 1::2] |= where[:, 0::2]
    if kind.photometric != "PALETTE COLOR":
        expected[:, where] = np.array(fill(kind, colour)).astype(expected.dtype)
    else:
        assert len(np.unique(shown[:, where])) == 1
        assert palette_distance(target, int(shown[0, 3, 4, 0]), colour) <= palette_distance(target, 128, colour)
        expected[:, where] = shown[0, 3, 4, 0]
    np.testing.assert_array_equal(shown, expected)
    agreed = [decoder.__name__ for decoder in DECODERS if exact_by(decoder, target, syntax, kind, expected)]
    assert len(agreed) >= expected_decoders(syntax, kind), agreed


def can_be_made(syntax: str, kind: Kind) -> bool:
    """Whether there is such an image."""
    return kind.in_big_endian if syntax == ts.EXPLICIT_VR_BIG_ENDIAN else can_hold(syntax, kind)


def coded(kind: Kind, syntax: str, folder: Path) -> Path:
    """An image in a syntax."""
    if syntax in (*NATIVE, ts.EXPLICIT_VR_BIG_ENDIAN):
        return make(kind, folder, syntax)
    transcode(make(kind, folder), folder / "coded.dcm", syntax)
    return folder / "coded.dcm"


@pytest.mark.parametrize("syntax", [*NATIVE, ts.EXPLICIT_VR_BIG_ENDIAN], ids=lambda uid: ts.KNOWN[uid].name)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_file_to_give_away_is_drawn_upon_to_the_same_bytes(kind: Kind, syntax: str, tmp_path: Path) -> None:
    """As behind a profile, whose header says already what the pixels will be: `says_clean` is off."""
    if not can_be_made(syntax, kind):
        return
    source, copied, drawn = make(kind, tmp_path, syntax), tmp_path / "copied.dcm", tmp_path / "drawn.dcm"
    plan, before = PixelPlan(masks=(mask(),), says_clean=False), source.read_bytes()
    outcome = change_pixels(source, copied, plan)
    assert outcome == PixelsChanged(True, dcmread(source).SOPInstanceUID, syntax, kind.frames)
    assert source.read_bytes() == before
    assert change_pixels(source, drawn, plan, consume=True) == outcome
    assert drawn.read_bytes() == copied.read_bytes()
    if syntax in (ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.IMPLICIT_VR_LITTLE_ENDIAN) and kind.allocated >= 8:
        assert not source.exists()
        assert len(drawn.read_bytes()) == len(before), "nothing but pixels is touched"
    rewritten = tmp_path / "rewritten.dcm"
    change_pixels(make(kind, tmp_path, syntax), rewritten, PixelPlan(masks=(mask(),)))
    assert peers.cells(drawn, kind).tobytes() == peers.cells(rewritten, kind).tobytes()


def palette_distance(path: Path, index: int, colour: Colour) -> int:
    ds = dcmread(path)
    parts = [
        np.frombuffer(ds[f"{name}PaletteColorLookupTableData"].value, "<u2")[index] >> 8
        for name in ("Red", "Green", "Blue")
    ]
    return sum(
        (int(part) - wanted) ** 2 for part, wanted in zip(parts, (colour.red, colour.green, colour.blue), strict=True)
    )


@pytest.mark.parametrize("syntax", [ts.RLE_LOSSLESS, ts.JPEG_LOSSLESS_SV1, ts.JPEG_LS_LOSSLESS, ts.JPEG_2000_LOSSLESS])
@pytest.mark.parametrize(
    "kind", [Kind(), Kind("RGB"), Kind(allocated=16, stored=12, signed=True)], ids=lambda kind: kind.name
)
def test_masks_and_transcoding_together_are_what_others_read(kind: Kind, syntax: str, tmp_path: Path) -> None:
    source, masked, target = make(kind, tmp_path), tmp_path / "masked.dcm", tmp_path / "target.dcm"
    change_pixels(source, masked, PixelPlan(masks=(mask(),)))
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(),), transfer_syntax=syntax))
    assert isinstance(outcome, PixelsChanged)
    assert (outcome.transfer_syntax_uid, outcome.masked_frames) == (syntax, 1)
    wanted = peers.stored_bits(peers.cells(masked, kind), kind)
    decoder = peers.by_gdcm if syntax == ts.JPEG_2000_LOSSLESS else peers.by_dcmtk
    np.testing.assert_array_equal(peers.stored_bits(decoder(target, syntax, kind), kind), wanted)


@pytest.mark.parametrize(
    "encoder", [("dcmcjpeg", "+eb", "+s4"), ("dcmcjpeg", "+eb", "+s2"), ("dcmcjpeg", "+eb", "+cr")]
)
def test_lossy_jpeg_keeps_its_quantisation(encoder: tuple[str, ...], tmp_path: Path) -> None:
    kind = ultrasound(rows=96, columns=128)
    native, source, target = make(kind, tmp_path), tmp_path / "source.dcm", tmp_path / "target.dcm"
    peers.run(*encoder, native, source)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.masked_frames == 4
    assert outcome.notes == (
        "Masked; masked frames decoded and compressed again with the quantisation tables and subsampling they had",
    )
    ds, original = dcmread(target), dcmread(source)
    assert ds.LossyImageCompression == "01"
    assert len(ds.LossyImageCompressionRatio) == len(ds.LossyImageCompressionMethod) == 2
    assert ds.PhotometricInterpretation == original.PhotometricInterpretation
    assert outcome.notes[0] in ds.DerivationDescription
    before, after = peers.by_dcmtk(source, ts.JPEG_BASELINE, kind), peers.by_dcmtk(target, ts.JPEG_BASELINE, kind)
    assert np.abs(before.astype(int) - after)[:, 40:, :].max() <= 6  # far from masks: a second rounding only
    for one, other in zip(streams(source, 4), streams(target, 4), strict=True):
        had, has = jpeg_header(one), jpeg_header(other)
        assert (has.tables, has.subsampling) == (had.tables, had.subsampling)
    hidden = after[:, 3:6, 5:12, :].astype(int)
    black = (0, 0, 0) if ds.PhotometricInterpretation == "RGB" else (0, 128, 128)
    assert np.abs(hidden - np.array(black)).max() <= 40  # ringing of the edges within the blocks


def test_lossy_twelve_bits(tmp_path: Path) -> None:
    kind = Kind(allocated=16, stored=12, rows=96, columns=128)
    native, source, target = make(kind, tmp_path), tmp_path / "source.dcm", tmp_path / "target.dcm"
    peers.run("dcmcjpeg", "+ee", "+q", "80", native, source)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.notes == (
        "Masked; masked frames decoded and compressed again with quantisation nowhere coarser than theirs",
    )
    (had,), (has,) = (jpeg_header(*streams(path, 1)).tables for path in (source, target))
    assert all(now <= before for now, before in zip(has, had, strict=True))
    before, after = (peers.by_dcmtk(path, ts.JPEG_EXTENDED, kind).astype(int) for path in (source, target))
    assert np.abs(before - after)[:, 40:].max() <= 40
    assert after[:, 3:6, 5:12].max() <= 300


@pytest.mark.parametrize(
    ("encoder", "syntax"), [(("dcmcjpls", "+en", "+md", "3"), ts.JPEG_LS_NEAR_LOSSLESS), (None, ts.JPEG_2000)]
)
def test_other_lossy_syntaxes_lose_nothing_more(encoder: tuple[str, ...] | None, syntax: str, tmp_path: Path) -> None:
    kind = ultrasound(rows=64, columns=64)
    native, source, target = make(kind, tmp_path), tmp_path / "source.dcm", tmp_path / "target.dcm"
    if encoder is None:
        assert isinstance(change_pixels(native, source, PixelPlan(transfer_syntax=syntax)), PixelsChanged)
    else:
        peers.run(*encoder, native, source)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.transfer_syntax_uid == syntax
    decoder = peers.by_gdcm if syntax == ts.JPEG_2000 else peers.by_dcmtk
    before, after = decoder(source, syntax, kind), decoder(target, syntax, kind)
    where = inside(kind)
    np.testing.assert_array_equal(before[:, ~where], after[:, ~where])
    assert after[:, where].max() == 0


def test_frames_that_no_mask_touches_keep_their_bytes(tmp_path: Path) -> None:
    """What is black already, as between the texts of a loop, stays so: two frames of four have something to hide."""
    kind = ultrasound(rows=48, columns=64)
    ds, box = dataset(kind), Rectangle(0, 0, 32, 16)
    cells = picture(kind).copy()
    cells[:, :32, :48] = 0
    cells[1, 4:12, 4:28] = cells[3, 4:12, 4:28] = 255
    ds.PixelData = cells.tobytes()
    native, source, target = save(ds, tmp_path / "native.dcm"), tmp_path / "source.dcm", tmp_path / "target.dcm"
    peers.run("dcmcjpeg", "+eb", native, source)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(BLACK, box),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.masked_frames == 2
    same = [one == other for one, other in zip(streams(source, 4), streams(target, 4), strict=True)]
    assert same == [True, False, True, False]
    cells[:, :16, :32] = 0
    ds.PixelData = cells.tobytes()
    peers.run("dcmcjpeg", "+eb", save(ds, native), source)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(BLACK, box),)))
    assert isinstance(outcome, PixelsChanged)
    assert outcome.masked_frames == 0
    assert streams(source, 4) == streams(target, 4)


def test_a_mask_that_hides_nothing_of_an_image_holds_it(tmp_path: Path) -> None:
    source, target = make(ultrasound(), tmp_path), tmp_path / "target.dcm"
    outside = (Rectangle(60, 0, 10, 10), Rectangle(0, 45, 10, 10), Rectangle(999999999, 999999999, 1, 1))
    for rectangles in ((outside[0],), outside):
        for consume in (False, True):
            outcome = change_pixels(source, target, PixelPlan(masks=(mask(RED, *rectangles),)), consume=consume)
            assert isinstance(outcome, Held)
            assert outcome.reason == "NoMatchingMask"
            assert not target.exists()
    touching = Rectangle(59, 44, 999999999, 999999999)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(RED, *outside, touching),)))
    assert isinstance(outcome, PixelsChanged)
    expected = picture(ultrasound()).copy()
    expected[:, 44, 59] = (255, 0, 0)
    np.testing.assert_array_equal(peers.cells(target, ultrasound()), expected)


@pytest.mark.parametrize(("columns", "rows"), [(61, 45), (60, 46), (0x10000, 0x10000)])
def test_tiles_of_a_larger_image(columns: int, rows: int, tmp_path: Path) -> None:
    """Nobody says whether a rectangle counts from the tile or from the whole: within a tile it hides what is meant."""
    ds, target = dataset(ultrasound()), tmp_path / "target.dcm"
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows = columns, rows
    source = save(ds, tmp_path / "source.dcm")
    within = change_pixels(source, target, PixelPlan(masks=(mask(BLACK, Rectangle(10, 10, 50, 35)),)))
    assert isinstance(within, PixelsChanged)
    assert within.masked_frames == 4
    for consume in (False, True):
        beyond = change_pixels(
            source, target, PixelPlan(masks=(mask(BLACK, Rectangle(10, 10, 51, 5)),)), consume=consume
        )
        assert isinstance(beyond, Held)
        assert beyond.reason == "PixelsCannotBeMasked"
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows = 60, 45
    plan = PixelPlan(masks=(mask(BLACK, Rectangle(10, 10, 51, 5)),))
    assert isinstance(change_pixels(save(ds, source), target, plan), PixelsChanged)


@pytest.mark.parametrize(
    ("kind", "colour", "inside"),
    [
        (Kind("MONOCHROME1"), BLACK, 255),
        (Kind("MONOCHROME1", 16, 12, signed=True), BLACK, 2047),
        (Kind("MONOCHROME1", 16, 16, signed=True), BLACK, 32767),
        (Kind(allocated=16, stored=12, signed=True), BLACK, -2048),
        (Kind(allocated=64, stored=64), Colour(255, 255, 255), (1 << 64) - 1),
        (Kind("MONOCHROME1", 64, 64, signed=True), BLACK, (1 << 63) - 1),
        (Kind("YBR_FULL", 16, 16), BLACK, (0, 32768, 32768)),
        (Kind("YBR_FULL", 16, 12, planar=1), RED, (1224, 1357, 4087)),
        (Kind("YBR_FULL"), Colour(255, 255, 255), (255, 128, 128)),
    ],
    ids=lambda part: part.name if isinstance(part, Kind) else None,
)
def test_colours_of_rarer_pixels(kind: Kind, colour: Colour, inside: object, tmp_path: Path) -> None:
    target, drawn = tmp_path / "target.dcm", tmp_path / "drawn.dcm"
    ds = dataset(replace(kind, stored=min(kind.stored, 32)))
    ds.BitsStored, ds.HighBit = kind.stored, kind.stored - 1
    source = save(ds, tmp_path / "source.dcm")
    plan = PixelPlan(masks=(mask(colour, Rectangle(2, 3, 5, 4)),), says_clean=False)
    assert isinstance(change_pixels(source, target, plan), PixelsChanged)
    expected = peers.cells(source, kind).copy()
    expected[:, 3:7, 2:7] = inside
    np.testing.assert_array_equal(peers.cells(target, kind), expected)
    assert isinstance(change_pixels(source, drawn, plan, consume=True), PixelsChanged)
    assert drawn.read_bytes() == target.read_bytes()


def test_palettes_whose_darkest_colour_no_pixel_can_say(tmp_path: Path) -> None:
    """Of those that six bits can say, index 40 is the darkest; the black at 200 is nobody's. One begins below zero."""
    ds = dataset(Kind("PALETTE COLOR", stored=6))
    lights = np.full(256, 250, np.uint16) * 257
    lights[40], lights[200] = 3 * 257, 0
    for name in ("Red", "Green", "Blue"):
        setattr(ds, f"{name}PaletteColorLookupTableData", lights.astype("<u2").tobytes())
    ds.PixelData = (np.frombuffer(ds.PixelData, np.uint8) & 63).tobytes()
    source, target = save(ds, tmp_path / "source.dcm"), tmp_path / "target.dcm"
    plan = PixelPlan(masks=(mask(BLACK, Rectangle(0, 0, 9, 9)),))
    assert isinstance(change_pixels(source, target, plan), PixelsChanged)
    kind = Kind("PALETTE COLOR")
    assert set(peers.cells(target, kind)[0, :9, :9, 0].ravel()) == {40}

    ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 1, 8, 7
    for name in ("Red", "Green", "Blue"):
        ds[f"{name}PaletteColorLookupTableDescriptor"].VR = "SS"
        ds[f"{name}PaletteColorLookupTableDescriptor"].value = [256, -128, 16]
    assert isinstance(change_pixels(save(ds, source), target, plan), PixelsChanged)
    assert set(peers.cells(target, kind)[0, :9, :9, 0].ravel()) == {200 - 128}


def streams(path: Path, count: int) -> list[bytes]:
    return list(generate_frames(dcmread(path).PixelData, number_of_frames=count))


def test_who_needs_a_mask_and_which(tmp_path: Path) -> None:
    source, target = make(ultrasound(), tmp_path), tmp_path / "target.dcm"
    other = PixelPlan(masks=(mask(station="CT7"),))
    assert change_pixels(source, target, other) == Held(
        "NoMatchingMask", "its pixels may show text, and no mask is for its station and size"
    )
    assert not target.exists()
    assert isinstance(change_pixels(source, target, PixelPlan(masks=(mask(station="US1"),))), PixelsChanged)
    as_received = MaskValues(station_name="CT7", sop_class_uid=ULTRASOUND)
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(station="US1"),), mask_values=as_received))
    assert isinstance(outcome, Held)
    innocent = MaskValues(sop_class_uid="1.2.840.10008.5.1.4.1.1.2")
    outcome = change_pixels(source, target, PixelPlan(masks=(mask(),), mask_values=innocent))
    assert isinstance(outcome, PixelsChanged)
    assert not outcome.written
    silent = change_pixels(source, target, PixelPlan(masks=(mask(),), says_clean=False))
    assert isinstance(silent, PixelsChanged)
    assert dcmread(target).BurnedInAnnotation == "YES"


def test_an_encoding_that_cannot_be_masked_is_held_or_excluded(tmp_path: Path) -> None:
    ds = dataset(ultrasound())
    ds.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(60)])
    ds["PixelData"].VR = "OB"
    source, target = save(ds, tmp_path / "mpeg.dcm", "1.2.840.10008.1.2.4.100"), tmp_path / "target.dcm"
    held = change_pixels(source, target, PixelPlan(masks=(mask(),), uncleanable=Uncleanable.ALLOW))
    assert held == Held("PixelsCannotBeMasked", "pixels in transfer syntax 1.2.840.10008.1.2.4.100 can't be decoded")
    excluded = change_pixels(source, target, PixelPlan(masks=(mask(),), uncleanable=Uncleanable.EXCLUDE))
    assert isinstance(excluded, Excluded)
    kept = change_pixels(source, target, PixelPlan(transfer_syntax=ts.JPEG_2000_LOSSLESS, only_uncompressed=False))
    assert kept == PixelsChanged(False, ds.SOPInstanceUID, "1.2.840.10008.1.2.4.100")


def test_pixels_at_another_place_are_held(tmp_path: Path) -> None:
    ds = dataset(ultrasound())
    del ds.PixelData
    ds.PixelDataProviderURL = "https://pacs.example/1"
    source = save(ds, tmp_path / "jpip.dcm", "1.2.840.10008.1.2.4.94")
    held = change_pixels(source, tmp_path / "target.dcm", PixelPlan(masks=(mask(),)))
    assert isinstance(held, Held)
    assert held.reason == "PixelsCannotBeMasked"


def test_equal_plans_make_equal_bytes(tmp_path: Path) -> None:
    source = make(ultrasound(), tmp_path)
    plan = PixelPlan(masks=(mask(RED),), transfer_syntax=ts.JPEG_2000, destination_uid="d")
    assert isinstance(change_pixels(source, tmp_path / "a", plan), PixelsChanged)
    assert isinstance(change_pixels(source, tmp_path / "b", plan), PixelsChanged)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
