# SPDX-License-Identifier: Apache-2.0
"""Attributes that Table E.1-1 has no row for, under the basic profile: identifiers, URLs, names, dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid.hashing import hashed_uid
from tests.unit.deid.instances import BASIC, KEY, SHIFT, change, ct, keep, plan

_INSTANCE = "1.2.826.4711.99"
_CLASS = "1.2.840.10008.5.1.4.1.1.2"


@pytest.mark.parametrize(
    "keyword",
    [
        "SOPInstanceUIDOfConcatenationSource", "MultiFrameSourceSOPInstanceUID", "VolumeFrameOfReferenceUID",
        "TargetFrameOfReferenceUID", "RadiopharmaceuticalAdministrationEventUID", "TableFrameOfReferenceUID",
        "ReferencedColorPaletteInstanceUID", "ReferencedFiducialUID", "RepositoryUniqueID", "CreatorVersionUID",
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"retainUIDs": True}])
def test_a_uid_of_an_instance_is_hashed_as_elsewhere(tmp_path: Path, keyword: str, options: dict[str, bool]) -> None:
    item = Dataset()
    setattr(item, keyword, _INSTANCE)
    data = ct(SOPInstanceUID=_INSTANCE, ReferencedInstanceSequence=Sequence([item]), **{keyword: _INSTANCE})
    _, out = change(data, plan(BASIC | {"arguments": options}), tmp_path)
    wanted = _INSTANCE if options else hashed_uid(KEY, _INSTANCE)
    assert out[keyword].value == out.ReferencedInstanceSequence[0][keyword].value == out.SOPInstanceUID == wanted


@pytest.mark.parametrize(
    ("keyword", "uid"),
    [
        ("ReferencedSOPClassUID", "1.2.840.113619.4.2"),  # of a vendor
        ("RelatedGeneralSOPClassUID", _CLASS),
        ("SOPClassesInStudy", _CLASS),
        ("CodingSchemeUID", "2.16.840.1.113883.6.96"),
        ("ContextGroupExtensionCreatorUID", "1.2.276.0.1"),
        ("ContextUID", "1.2.840.10008.6.1.908"),
        ("MappingResourceUID", "1.2.840.10008.8.1.1"),
        ("SegmentationTemplateUID", "1.2.840.10008.9999"),
        ("EncryptedContentTransferSyntaxUID", "1.2.840.10008.1.2.1"),
        ("ReferencedColorPaletteInstanceUID", "1.2.840.10008.1.5.1"),
        ("FrameOfReferenceUID", "1.2.840.10008.1.4.1.1"),
    ],
)
def test_what_tells_what_and_not_which_stays(tmp_path: Path, keyword: str, uid: str) -> None:
    _, out = change(ct(**{keyword: uid}), plan(), tmp_path)
    assert out[keyword].value == uid


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.4.1.99", "1.2.840.10008.5.1.4.1.1.2.19700203"])
def test_what_is_under_the_standards_root_is_never_replaced(tmp_path: Path, uid: str) -> None:
    _, out = change(ct(StudyInstanceUID=uid, FrameOfReferenceUID=uid), plan(), tmp_path)
    assert out.StudyInstanceUID == out.FrameOfReferenceUID == uid


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("RetrieveURL", "https://pacs/studies/1.2.3"),
        ("RetrieveURI", "https://pacs/Doe/1.2.3"),
        ("PixelDataProviderURL", "https://pacs/Doe"),
        ("CodingSchemeURL", "https://hospital/codes"),
        ("ContactURI", "tel:+41791234567"),
        ("DocumentAuthorTrial", "Doe^J"),
        ("EvaluatorName", "Doe^J"),
    ],
)
def test_urls_and_names_go(tmp_path: Path, keyword: str, value: str) -> None:
    _, out = change(ct(**{keyword: value}), plan(), tmp_path)
    assert out.get(keyword, "UNKNOWN") == "UNKNOWN"  # a dummy where the information object may demand it
    _, kept = change(ct(**{keyword: value}), plan(keep(f"{ct(**{keyword: value})[keyword].tag:08X}"), BASIC), tmp_path)
    assert kept[keyword].value == value


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDateInAlternativeCalendar", "Showa 45-2-3"),
        ("PlacerOrderNumberProcedure", "ORDER-4711"),
        ("OtherStudyNumbers", 4711),
        ("StorageMediaFileSetID", "DOE JANE"),
        ("ContactDisplayName", "Doe, 4711"),
        ("DocumentTitle", "Letter of Jane Doe"),
        ("CommentsOnTheScheduledProcedureStep", "call 4711"),
        ("DoseComment", "Doe again"),
        ("ReasonForCancellation", "Doe has left"),
        ("CoefficientsSDVN", b"Doe, 4711"),
        ("EncryptedAttributesSequence", [Dataset()]),
    ],
)
def test_what_identifies_or_remarks_goes(tmp_path: Path, keyword: str, value: object) -> None:
    _, out = change(ct(**{keyword: value}), plan(), tmp_path)
    assert keyword not in out
    _, karnak = change(ct(**{keyword: value}), plan(compatibility="Karnak"), tmp_path)
    assert keyword in karnak


def test_texts_that_any_code_may_have_stay(tmp_path: Path) -> None:
    code = Dataset()
    code.ExtendedCodeValue, code.ExtendedCodeMeaning, code.CodeMeaning = "T-1", "Chest wall", "Chest"
    _, out = change(ct(AnatomicRegionSequence=[code]), plan(), tmp_path)
    (left,) = out.AnatomicRegionSequence
    assert (left.ExtendedCodeValue, left.ExtendedCodeMeaning, left.CodeMeaning) == ("T-1", "Chest wall", "Chest")


@pytest.mark.parametrize(
    ("keyword", "option"),
    [
        ("CommentsOnTheScheduledProcedureStep", "cleanDescriptors"),
        ("TextValue", "cleanStructuredContent"),
        ("UnformattedTextValue", "cleanGraphics"),
    ],
)
def test_remarks_and_texts_are_cleaned_where_an_option_says_so(tmp_path: Path, keyword: str, option: str) -> None:
    data = ct(**{keyword: "Thorax of Zqxwv 4711"})
    _, out = change(data, plan(BASIC | {"arguments": {option: True}}), tmp_path)
    assert out[keyword].value == "Thorax of"
    _, out = change(data, plan(), tmp_path)
    assert out.get(keyword, "UNKNOWN") == "UNKNOWN"


@pytest.mark.parametrize(
    ("options", "first", "left"),
    [
        ({}, (), ""),
        ({"retainFullDates": True}, (), "20240102"),
        ({}, (SHIFT,), "20240101"),
    ],
)
def test_dates_follow_what_dates_do(
    tmp_path: Path, options: dict[str, bool], first: tuple[dict[str, Any], ...], left: str
) -> None:
    _, out = change(ct(ProcedureCreationDate="20240102"), plan(*first, BASIC | {"arguments": options}), tmp_path)
    assert out.ProcedureCreationDate == left


def test_karnak_leaves_them(tmp_path: Path) -> None:
    data = ct(VolumeFrameOfReferenceUID=_INSTANCE, RetrieveURL="https://pacs/1")
    _, out = change(data, plan(compatibility="Karnak"), tmp_path)
    assert (out.VolumeFrameOfReferenceUID, out.RetrieveURL) == (_INSTANCE, "https://pacs/1")
