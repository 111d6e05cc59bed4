# SPDX-License-Identifier: Apache-2.0
"""HeaderView against pydicom: the same values from every transfer syntax, and typed errors for the rest."""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dromos_gateway.header import HeaderView, MalformedDataSet
from dromos_gateway.header.values import character_sets, text_of

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".1", ".2", ".1.99"))
SYNTAXES = (IMPLICIT, EXPLICIT, BIG, DEFLATED)


def encode(data: Dataset, syntax: str) -> bytes:
    """A data set's bytes, written by pydicom."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = syntax != BIG, syntax == IMPLICIT
    write_dataset(out, data)
    if syntax != DEFLATED:
        return out.getvalue()
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(out.getvalue()) + machine.flush()


def sample(*, undefined: bool = False) -> Dataset:
    data = Dataset()
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.StudyDate = "20200101"
    data.Modality = ""
    inner = Dataset()
    inner.CodeValue = "inner"
    inner.PurposeOfReferenceCodeSequence = Sequence([Dataset()])
    data.ReferencedStudySequence = Sequence([inner, Dataset()])
    data.PatientName = "Doe^Jane"
    data.Rows, data.SliceThickness = 512, "1.5"
    data.FrameIncrementPointer = 0x00181063
    if undefined:
        data["ReferencedStudySequence"].is_undefined_length = True
        for item in data.ReferencedStudySequence:
            item.is_undefined_length_sequence_item = True
    data.add_new(0x00091001, "UN", b"private ")
    data.add_new(0x7FE00010, "OW", b"\x00" * 32)
    return data


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_of_the_root_level(syntax: str, undefined: bool) -> None:
    view = HeaderView.of_bytes(encode(sample(undefined=undefined), syntax), syntax)
    assert view.text(0x00080008) == "ORIGINAL\\PRIMARY"
    assert view.text(0x00100010) == "Doe^Jane"
    assert view.text(0x00280010) == "512"
    assert view.text(0x00280009) == "00181063"
    assert (view.text(0x00080060), view.present(0x00080060)) == (None, True)
    assert (view.text(0x00080100), view.at_root(0x00080100), view.present(0x00080100)) == (None, False, True)
    assert not view.present(0x00104000)
    assert view.present(0x00081110)
    assert view.text(0x00091001) == "private"
    assert view.present(0x7FE00010)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_from_a_file_at_an_offset(syntax: str, tmp_path) -> None:
    path = tmp_path / "data"
    data = sample()
    data.add_new(0x00281201, "OW", b"\x01\x02" * 300_000)  # longer than a block
    data.PatientComments = "behind the table"
    path.write_bytes(b"\xff" * 77 + encode(data, syntax))
    with path.open("rb") as file:
        view = HeaderView.of_file(file, 77, syntax)
        assert view.text(0x00104000) == "behind the table"
        assert view.text(0x00080020) == "20200101"
        assert view.present(0x00281201)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "Müller^Çağla"),
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 144", "Люкceмбypг"),  # noqa: RUF001
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ],
)
def test_character_sets(charset: str | list[str], name: str) -> None:
    data = Dataset()
    data.SpecificCharacterSet = charset
    data.PatientName = name
    view = HeaderView.of_bytes(encode(data, EXPLICIT), EXPLICIT)
    assert view.text(0x00100010) == name


def test_an_unknown_character_set_is_said() -> None:
    data = Dataset()
    data.PatientID = "1"
    raw = b"\x08\x00\x05\x00CS\x08\x00KLINGON " + encode(data, EXPLICIT)
    with pytest.raises(MalformedDataSet, match=r"0008,0005"):
        HeaderView.of_bytes(raw, EXPLICIT)


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        (b"FD", struct.pack("<2d", 1000.0, 0.1), "1000\\0.1"),
        (b"FD", struct.pack("<d", 1e10), "1E10"),
        (b"FD", struct.pack("<d", 1.5e-7), "1.5E-7"),
        (b"FD", struct.pack("<d", 5e-324), "4.9E-324"),
        (b"FD", struct.pack("<d", -1 / 3), "-0.3333333333333"),  # no longer than a DS
        (b"FD", struct.pack("<d", 1.2345678901234567e17), "1.23456789012E17"),
        (b"FD", struct.pack("<d", -0.0), "-0"),
        (b"FD", struct.pack("<d", float("nan")), "NaN"),
        (b"FD", struct.pack("<d", float("-inf")), "-Infinity"),
        (b"FL", struct.pack("<f", 0.1), "0.1"),
        (b"FL", struct.pack("<f", 9999999.0), "9999999"),
        (b"FL", struct.pack("<f", 1e7), "1E7"),
        (b"FL", struct.pack("<f", 0.001), "0.001"),
        (b"FL", struct.pack("<f", 0.00025), "2.5E-4"),
        (b"FL", struct.pack("<f", 1.401298464324817e-45), "1.4E-45"),
        (b"FL", struct.pack("<f", 3.4028234663852886e38), "3.4028235E38"),
        (b"FL", struct.pack("<f", 2.0**-126), "1.1754944E-38"),
        (b"OB", b"\x01\x7f\x80\xff", "1\\127\\-128\\-1"),
    ],
)
def test_numbers_are_written_as_dcm4che_writes_them(vr: bytes, value: bytes, text: str) -> None:
    """Karnak's conditions compare with that: 1000 is no 1000.0."""
    head = vr + (struct.pack("<HI", 0, len(value)) if vr == b"OB" else struct.pack("<H", len(value)))
    view = HeaderView.of_bytes(b"\x18\x00\x87\x90" + head + value, EXPLICIT)
    assert view.text(0x00189087) == text


def _longer_than_memory(tmp_path: Path, vr: bytes, tag: int, beginning: bytes = b"") -> BinaryIO:
    path = tmp_path / "long"
    head = b"\x08\x00\x60\x00CS\x02\x00CT" + struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, 100 << 20)
    path.write_bytes(head + beginning)
    os.truncate(path, len(head) + (100 << 20))
    return path.open("rb")


def test_a_long_value_is_there_without_being_read(tmp_path: Path) -> None:
    document, codes = 0x00420011, 0x0040A160
    with _longer_than_memory(tmp_path, b"OB", document) as file:
        view = HeaderView.of_file(file, 0, EXPLICIT)
        assert view.has_value(document)
        assert view.has_value(0x00080060)
        assert not view.has_value(0x00080070)
        with pytest.raises(MalformedDataSet, match=r"\(0042,0011\) is too long"):
            view.text(document)  # unknown what it says: no condition on it is true, nor false
    with _longer_than_memory(tmp_path, b"UT", codes, b"a text") as file:
        assert HeaderView.of_file(file, 0, EXPLICIT).has_value(codes)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_has_a_value(syntax: str) -> None:
    data = sample()
    data.EncapsulatedDocument, data.AccessionNumber = b"%PDF", "  "
    data.add_new(0x00281052, "DS", None)
    data.add_new(0x00189087, "FD", [])
    view = HeaderView.of_bytes(encode(data, syntax), syntax)
    there = (0x00420011, 0x7FE00010, 0x00280010, 0x00100010, 0x00280009)
    empty = (0x00080050, 0x00281052, 0x00189087, 0x00080060, 0x00081110, 0x00104000)
    assert [view.has_value(tag) for tag in (*there, *empty)] == [True] * len(there) + [False] * len(empty)


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", b"M\xfcller"),
        ("ISO_IR 192", b"\xff\xfeA "),
        ("GB18030", b"Wang\xff^"),
        ("\\ISO 2022 IR 87", b"A\x1b$)C\xfb\xf3"),  # Korean, which is not announced
    ],
)
def test_what_cannot_be_decoded_is_neither_this_nor_that(charset: str, name: bytes) -> None:
    """A condition with a `!` must not be true because a name could not be read."""
    term = charset.encode() + b" " * (len(charset) % 2)
    raw = b"".join(
        struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value
        for tag, vr, value in ((0x00080005, b"CS", term), (0x00080060, b"CS", b"CT"), (0x00100010, b"PN", name))
    )
    view = HeaderView.of_bytes(raw, EXPLICIT)
    assert view.text(0x00080060) == "CT"
    with pytest.raises(MalformedDataSet, match=r"\(0010,0010\) is not in the character set") as failure:
        view.text(0x00100010)
    assert "ller" not in str(failure.value)


def _nested(depth: int) -> bytes:
    """Sequences in sequences, defined lengths."""
    value = b""
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + value + b"\xfe\xff\x0d\xe0\x00\x00\x00\x00"
        value = b"\x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    return value


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"\x08\x00\x60\x00CS\x04\x00CT", "longer than what holds it"),
        (b"\x08\x00\x60\x00CS", "ends in an element"),
        (b"\x08\x00\x60\x00xx\x02\x00CT", "no VR"),
        (b"\x10\x00\x10\x00UT\x00\x00\xfe\xff\xff\xffab", "longer than what holds it"),
        (b"\x08\x00\x60\x00CS\x02\x00CT" * 2, "appears twice"),
        (b"\x02\x00\x10\x00UI\x02\x001\x00", "does not belong"),
        (b"\x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xff", "without its delimiter"),
        (b"\x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xff\x08\x00\x60\x00\x00\x00\x00\x00", "where an item"),
        (b"\xfe\xff\x00\xe0\x00\x00\x00\x00", "does not belong"),
        (_nested(65), "more than 64 deep"),
        (_nested(5000), "more than 64 deep"),
    ],
)
def test_broken_data_sets_have_typed_errors(raw: bytes, what: str) -> None:
    with pytest.raises(MalformedDataSet, match=what):
        HeaderView.of_bytes(raw, EXPLICIT)


def test_depth_within_bounds() -> None:
    assert HeaderView.of_bytes(_nested(64), EXPLICIT).present(0x00081110)


def test_a_deflate_bomb_ends_early() -> None:
    machine = zlib.compressobj(9, wbits=-15)
    bomb = machine.compress(b"\x10\x00\x10\x00UT\x00\x00\xf0\xff\xff\x0f" + bytes(64 * 1024 * 1024)) + machine.flush()
    with pytest.raises(MalformedDataSet, match="inflates beyond"):
        HeaderView.of_bytes(bomb, DEFLATED)


@pytest.mark.parametrize("raw", [b"", b"\xff\xff\xff", zlib.compress(b"a" * 90)[2:20]])
def test_damaged_deflate(raw: bytes) -> None:
    with pytest.raises(MalformedDataSet):
        HeaderView.of_bytes(raw, DEFLATED)


_texts = st.text("abcXYZ ^=019", max_size=12).map(str.strip)
_leaves = st.dictionaries(st.sampled_from(("PatientName", "StudyDescription", "AccessionNumber")), _texts, max_size=3)


@st.composite
def _data_sets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    data = Dataset()
    for keyword, text in draw(_leaves).items():
        setattr(data, keyword, text)
    if draw(st.booleans()):
        data.Rows = draw(st.integers(0, 65535))
    if depth and draw(st.booleans()):
        data.RequestAttributesSequence = Sequence(draw(st.lists(_data_sets(depth - 1), max_size=2)))
        data["RequestAttributesSequence"].is_undefined_length = draw(st.booleans())
        for item in data.RequestAttributesSequence:
            item.is_undefined_length_sequence_item = draw(st.booleans())
    if draw(st.booleans()):
        data.add_new(0x00111001, "UN", draw(st.binary(max_size=8)).ljust(8, b"\0"))
    return data


@given(_data_sets(), st.sampled_from(SYNTAXES))
@settings(max_examples=60, deadline=None)
def test_any_data_set_reads_as_pydicom_wrote_it(data: Dataset, syntax: str) -> None:
    view = HeaderView.of_bytes(encode(data, syntax), syntax)
    for element in data:
        assert view.present(element.tag)
        if element.VR in ("PN", "LO", "SH", "US"):
            assert (view.text(element.tag) or "") == str(element.value).rstrip(" ")  # pydicom pads names as it writes


@given(st.sampled_from(SYNTAXES), st.integers(0, 400), st.binary(min_size=1, max_size=6), st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_mutations_never_crash(syntax: str, at: int, patch: bytes, cut: int) -> None:
    raw = bytearray(encode(sample(undefined=bool(at % 2)), syntax))
    raw[at : at + len(patch)] = patch
    del raw[len(raw) - min(cut, len(raw)) // 4 :]
    try:
        view = HeaderView.of_bytes(bytes(raw), syntax)
        for tag in (0x00080008, 0x00100010, 0x00280010, 0x00091001):
            view.text(tag)
    except MalformedDataSet:
        pass


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
@settings(max_examples=100, deadline=None)
def test_noise_never_crashes(noise: bytes, syntax: str) -> None:
    with contextlib.suppress(MalformedDataSet):
        HeaderView.of_bytes(noise, syntax).text(0x00100010)


def test_simplified_chinese_by_code_extension_is_read_without_its_escape_sequence() -> None:
    sets = character_sets(b"\\ISO 2022 IR 58")
    name = b"Wang^XiaoDong=\x1b$)A" + "王^".encode("gb2312") + b"\x1b$)A" + "小东".encode("gb2312") + b"="
    assert text_of(b"PN", name, sets) == "Wang^XiaoDong=王^小东="
