# SPDX-License-Identifier: Apache-2.0
"""Masks as patches of an object that lies in no file: the bytes are those of the file that they stand for."""

from __future__ import annotations

import marshal
from pathlib import Path

import pytest

from dromos_crds import transfer_syntaxes as ts
from dromos_crds.masks import Rectangle
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.patchwork import Patchwork, write_patches
from dromos_gateway.header.view import HeaderView
from dromos_gateway.pixels.change import change_pixels
from dromos_gateway.pixels.outcome import PixelsChanged
from dromos_gateway.pixels.patching import mask_patches
from dromos_gateway.pixels.plan import MaskValues, PixelPlan
from tests.pixels.samples import KINDS, Kind, make
from tests.pixels.test_masks import RED, can_be_made, mask

OVERLAPPING = (Rectangle(3, 2, 11, 5), Rectangle(5, 4, 20, 6), Rectangle(0, 9, 4000, 1), Rectangle(4, 30, 2, 1))


def patches_of(path: Path) -> Patchwork:
    """As a changed header leaves them: everything up to the pixels' value is new, the rest lies in the file."""
    head = read_head(path)
    with path.open("rb") as file:
        view = HeaderView.of_file(file, head.data_set_offset, head.transfer_syntax_uid)
        place = view._layout.get(next(tag for tag in (0x7FE00008, 0x7FE00009, 0x7FE00010) if view.at_root(tag)))
    assert place is not None
    start, content = head.data_set_offset + place[2], path.read_bytes()
    return content[:start], (start, len(content))


@pytest.mark.parametrize(
    "syntax", [ts.IMPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_LITTLE_ENDIAN, ts.EXPLICIT_VR_BIG_ENDIAN]
)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("boxes", [(), OVERLAPPING], ids=["apart", "overlapping"])
def test_the_same_bytes_as_in_a_file(kind: Kind, syntax: str, boxes: tuple[Rectangle, ...], tmp_path: Path) -> None:
    if not can_be_made(syntax, kind):
        return
    source, drawn, patched = make(kind, tmp_path, syntax), tmp_path / "drawn.dcm", tmp_path / "patched.dcm"
    chosen, patches = mask(RED, *boxes), patches_of(source)
    plan = PixelPlan(masks=(chosen,), mask_values=MaskValues("1.2", "YES", "*"), says_clean=False)
    assert isinstance(change_pixels(source, drawn, plan), PixelsChanged)
    found = mask_patches(source, patches, chosen)
    if not found:  # single bits, swapped pairs: a file it is
        assert kind.allocated == 1 or syntax == ts.EXPLICIT_VR_BIG_ENDIAN
        return
    write_patches(source, found, patched)
    assert patched.read_bytes() == drawn.read_bytes()
    assert found != patches
    whole = (source.read_bytes(),)  # a small object is new as a whole
    write_patches(source, mask_patches(source, whole, chosen), patched)
    assert patched.read_bytes() == drawn.read_bytes()
    assert [len(each) for each in found if isinstance(each, bytes)] == [len(patches[0])], "no pixels travel"


@pytest.mark.parametrize(
    "change",
    [
        lambda patches: patches[:1],
        lambda patches: (*patches, b"behind"),
        lambda patches: (patches[0][:-2], patches[1]),
        lambda patches: (patches[0], (patches[1][0], patches[1][1] - 2)),
        lambda patches: (patches[1],),
        lambda patches: (patches[0] + bytes(64),),
    ],
    ids=["no pixels", "something behind", "a header cut short", "pixels cut short", "no header", "other pixels"],
)
def test_what_is_not_understood_takes_a_file(change: object, tmp_path: Path) -> None:
    """Whoever writes that file says what is wrong with it."""
    source = make(Kind(), tmp_path)
    assert mask_patches(source, patches_of(source), mask())
    assert mask_patches(source, change(patches_of(source)), mask()) == ()  # type: ignore[operator]


def test_what_is_filled_is_said_in_a_few_bytes_however_much_it_is(tmp_path: Path) -> None:
    source = make(Kind("RGB", frames=200, rows=300, columns=400), tmp_path)
    patches, drawn, patched = patches_of(source), tmp_path / "drawn.dcm", tmp_path / "patched.dcm"
    boxes = mask(RED, Rectangle(0, 0, 400, 300), Rectangle(7, 9, 40, 50))
    found = mask_patches(source, patches, boxes)
    assert len(marshal.dumps(found)) < len(patches[0]) + 300
    plan = PixelPlan(masks=(boxes,), mask_values=MaskValues("1.2", "YES", "*"), says_clean=False)
    assert isinstance(change_pixels(source, drawn, plan), PixelsChanged)
    write_patches(source, found, patched)
    assert patched.read_bytes() == drawn.read_bytes()


def test_so_many_rectangles_take_a_file(tmp_path: Path) -> None:
    source = make(Kind(), tmp_path)
    boxes = [Rectangle(number % 50, number % 40, 2, 2) for number in range(101)]
    assert mask_patches(source, patches_of(source), mask(RED, *boxes[1:]))
    assert mask_patches(source, patches_of(source), mask(RED, *boxes)) == ()


def test_a_mask_that_hides_nothing_is_not_done(tmp_path: Path) -> None:
    source = make(Kind(), tmp_path)
    outside = mask(RED, Rectangle(5000, 5000, 3, 3))
    assert mask_patches(source, patches_of(source), outside) == ()
    assert mask_patches(source, (source.read_bytes(),), outside) == ()


def test_an_encapsulated_image_takes_a_file(tmp_path: Path) -> None:
    source, coded = make(Kind(), tmp_path), tmp_path / "coded.dcm"
    assert isinstance(change_pixels(source, coded, PixelPlan(transfer_syntax=ts.RLE_LOSSLESS)), PixelsChanged)
    assert mask_patches(coded, patches_of(coded), mask()) == ()
