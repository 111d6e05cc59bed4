# SPDX-License-Identifier: Apache-2.0
"""Objects as their IOD wants them: every attribute that a module of it asks for, with values that pass."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dromos_gateway.deid import iod

_VALUES = {
    "AE": "STATION", "AS": "043Y", "CS": "OTHER", "DA": "20240102", "DS": "1.5", "DT": "20240102101500", "IS": "1",
    "LO": "Longish", "LT": "Long text", "PN": "Doe^Jane", "SH": "Short", "ST": "Text", "TM": "101500", "UC": "Text",
    "UI": "1.2.3.4.5", "UR": "http://x.example/", "UT": "Text", "US": 1, "SS": 1, "UL": 1, "SL": 1, "FL": 1.0, "FD": 1.0,
    "AT": 0x00100010, "OB": b"\0\0", "OW": b"\0\0", "OF": b"\0\0\0\0", "OD": bytes(8), "OL": bytes(4), "UN": b"\0\0",
    "OV": bytes(8), "SV": 1, "UV": 1,
}  # fmt: skip
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_DEPTH = 3


def complete(sop_class: str, *, optional: bool) -> Dataset:
    """An object of a class; with `optional`, type 3 attributes too."""
    wanted = ("1", "1C", "2", "2C", "3") if optional else ("1", "2")
    table = iod._table()
    data = Dataset()
    for module, usage in table["iods"][table["sop_classes"][sop_class]]:
        if usage == "M" or optional:
            _fill(data, table["modules"][module][1], wanted, _DEPTH)
    data.SOPClassUID, data.SOPInstanceUID = sop_class, "1.2.3.4.1"
    data.StudyInstanceUID, data.SeriesInstanceUID, data.PatientID = "1.2.3.4.2", "1.2.3.4.3", "P-1"
    data.Modality = "OT"
    for keyword in ("SpecificCharacterSet", "BurnedInAnnotation"):
        if keyword in data:
            del data[keyword]
    for tag in _PIXELS:
        if tag in data:
            del data[tag]
    return data


def _fill(data: Dataset, content: int, wanted: tuple[str, ...], depth: int) -> None:
    for tag, (kind, inner) in iod._content(content).items():
        if kind not in wanted or tag in _PIXELS or tag in data or tag >> 16 in (0, 2):
            continue
        vr = dictionary_VR(tag).split(" ")[0]
        if vr == "SQ":
            items = []
            if kind in ("1", "1C") and depth:
                items = [Dataset()]
                _fill(items[0], inner, wanted, depth - 1)
            data.add_new(tag, "SQ", Sequence(items))
        else:
            data.add_new(tag, vr, _VALUES[vr] if vr != "UI" else f"1.2.3.4.5.{tag}")
