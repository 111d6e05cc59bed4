# SPDX-License-Identifier: Apache-2.0
"""HeaderView against pydicom: the same values from every transfer syntax, and typed errors for the rest."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dromos_gateway.header import HeaderView, MalformedDataSet

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
