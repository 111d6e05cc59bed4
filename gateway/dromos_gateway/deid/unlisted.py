# SPDX-License-Identifier: Apache-2.0
"""What the basic profile does in Strict with an attribute that Table E.1-1 has no row for.

The table names what the information objects of its day have; the rest is up to whoever applies it (PS3.15 E.1.1).
Names of people, dates, identifiers of instances and orders, and remarks are what the profile is about, whatever they
are called.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from dromos_crds.additions import NOT_IN_DATA_SETS
from dromos_crds.dictionary import keywords_by_tag, vrs_by_tag
from dromos_crds.profiles.confidentiality import Option, Row, row_of
from dromos_gateway.deid.iod import anywhere

# say something about an attribute that goes: Responsible Person Role, Alternative Calendar; so do planes of overlays
_COMPANIONS: Final = (0x00102298, 0x00100035)
_ENCRYPTED_ATTRIBUTES: Final = 0x04000500  # whoever has the key reads in it what goes here
_NEVER: Final = frozenset((*_COMPANIONS, _ENCRYPTED_ATTRIBUTES))
_ACQUISITION_DATE: Final = 0x00080022
# UIDs of classes and the like, which are no instances: they tell what something is, not which
_CLASSES: Final = ("SOPClass", "TransferSyntax")
_CONTEXTS: Final = frozenset(
    (
        "CodingSchemeUID",
        "ContextGroupExtensionCreatorUID",
        "ContextUID",
        "MappingResourceUID",
        "SegmentationTemplateUID",
    )
)
_CODE: Final = "URNCodeValue"  # a code like any other
_UID: Final = Row("a UID", "U", {Option.RETAIN_UIDS: "K"})
# births and deaths in other calendars, numbers of studies, people and machines, titles that name somebody
_IDENTIFYING: Final = frozenset(
    (
        "AuthorizationEquipmentCertificationNumber",
        "BreedRegistrationNumber",
        "DocumentTitle",
        "NTPSourceAddress",
        "OtherStudyNumbers",
        "PatientBirthDateInAlternativeCalendar",
        "PatientDeathDateInAlternativeCalendar",
        "SecondaryCaptureDeviceID",
        "StorageMediaFileSetID",
    )
)
# what somebody typed about this patient
_REMARKS: Final = frozenset(
    (
        "AssertionComments",
        "CalculationComment",
        "CommentsOnPatientPerformanceOfVisualField",
        "CommentsOnTheScheduledProcedureStep",
        "DoseComment",
        "FrameOfReferenceTransformationComment",
        "InstructionPerformanceComment",
        "OverrideReason",
        "SetupImageComment",
        "SurfaceComments",
        "TreatmentStatusComment",
        "TreatmentTerminationDescription",
    )
)
# texts and bytes that no information object has, or not any more: of orders, worklists, reports on trial, journeys
_SAYING: Final = frozenset(("LO", "LT", "OB", "SH", "ST", "UC", "UT"))
_PIXELS: Final = 0x7FE0
_EXTENDED_CODE: Final = (0x00080101, 0x00080108)  # may be in any code
# the words of content items and annotations, whose sequences have rows: elsewhere too
_CONTENT: Final = {"TextValue": Option.CLEAN_STRUCTURED_CONTENT, "UnformattedTextValue": Option.CLEAN_GRAPHICS}
_DEMANDED: Final = "RetrieveURI"  # by every document reference that there may be, so that a dummy stands there
_DUMMY: Final = Row("a URI", "D", {})
_REMOVED: Final = Row("a name, a URL, a number or an unknown attribute", "X", {})
_REMARK: Final = Row("a remark", "X", {Option.CLEAN_DESCRIPTORS: "C"})


def never_stays(tag: int) -> bool:
    """Whether an element goes, even where the information object demands it."""
    return tag in _NEVER or tag & 0xFF010000 == 0x60000000 or tag >> 16 in NOT_IN_DATA_SETS


@cache
def row_unlisted(tag: int) -> Row | None:
    """The row that an attribute without one would have; None: it stays."""
    if tag not in vrs_by_tag() and tag & 0xFFFF:
        return _REMOVED  # nothing the standard knows, or of repeating groups, which no information object has any more
    keyword, vr = keywords_by_tag().get(tag, ""), vrs_by_tag().get(tag, ("",))[0]
    if vr == "UI":
        return None if keyword in _CONTEXTS or any(word in keyword for word in _CLASSES) else _UID
    if vr in ("DA", "DT", "TM"):
        return row_of(_ACQUISITION_DATE)
    if keyword == _DEMANDED:
        return _DUMMY
    if keyword in _REMARKS:
        return _REMARK
    if keyword in _CONTENT:
        return Row("a text", "D", {_CONTENT[keyword]: "C", Option.CLEAN_DESCRIPTORS: "C"})
    named = vr == "PN" or (vr == "UR" and keyword != _CODE) or keyword in _IDENTIFYING
    return _REMOVED if named or (_nowhere(tag, vr) and tag not in _EXTENDED_CODE) else None


def _nowhere(tag: int, vr: str) -> bool:
    return (vr in _SAYING or tag >> 16 == _PIXELS) and tag not in anywhere()
