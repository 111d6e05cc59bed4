# SPDX-License-Identifier: Apache-2.0
"""Pages of the transfer log: JSON that is JSON, and cells of CSV that do nothing, not in a spreadsheet, not on a terminal."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from dromos_gateway.admin.transferpages import as_csv, harmless, read_place, rows_as_json
from dromos_gateway.transferlog.questions import Answer, Route, Transfer

HOSTILE = '"}],\x1b\u2028\n=1'
ROUTE = Route("default/a", HOSTILE, "ab12", "default/radiology", HOSTILE, {"patient_id": HOSTILE}, {"modality": "CT"})
ROW = Transfer(7, 1e9, 1e9 - 1, 12, "1.2", "1.3", "9.1", "Failed", HOSTILE, HOSTILE, 2, "", ROUTE, "9.2")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("Thorax", "Thorax"),
        (12, 12),
        (-12, -12),
        (None, None),
        ("=1+1", "'=1+1"),
        ("+41 22", "'+41 22"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "' =1"),
        ("\r\n=1", "'  =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a\x1b[2J", "a [2J"),
        ("a\x9b2J", "a 2J"),
        ("Müller^Zoë", "Müller^Zoë"),
        ("x;=1+1", "x;'=1+1"),
        ("x;;@SUM(A1);-1", "x;';'@SUM(A1);'-1"),
        ('x;"=1+1"', 'x;\'"=1+1"'),
        ("x\t=1+1", "x =1+1"),
        ("x,=1|+1", "x,'=1|'+1"),
        ("\u200b=1", "'\u200b=1"),
        ("\ufeff\u2060 =1", "'\ufeff\u2060 =1"),
        ("\u3164=1", "'\u3164=1"),
        ("\ufe66\ufe621", "'\ufe66\ufe621"),
        ("\u22121", "'\u22121"),
        ("(=1", "'(=1"),
        ('"=1', "'\"=1"),
        ("x;\r\n=1", "x;'  =1"),
        ("\u202e=1", "' =1"),
        ("\ud83d", " "),
        ("T1 +C; axial", "T1 +C; axial"),
        ("a-b", "a-b"),
        ("x; y=1", "x; y=1"),
    ],
)
def test_no_cell_is_executed(cell: object, written: object) -> None:
    assert harmless(cell) == written


def test_a_page_is_json_whatever_is_in_it() -> None:
    silent = replace(ROW, id=8, sop_instance_uid="", route=replace(ROUTE, sent={}, original=None))
    page = json.loads(rows_as_json(Answer([ROW, silent], complete=False)))
    assert page["complete"] is False
    first, second = page["transfers"]
    assert first == {
        "id": 7, "at": "2001-09-09T01:46:40Z", "receivedAt": "2001-09-09T01:46:39Z", "verdict": "Failed",
        "reason": HOSTILE, "message": HOSTILE, "attempts": 2, "size": 12, "sopClassUID": "1.2",
        "transferSyntaxUID": "1.3", "changes": "", "forwardNode": "default/radiology", "source": HOSTILE,
        "destination": "default/a", "profile": HOSTILE, "secretFingerprint": "ab12",
        "sent": {"PatientID": HOSTILE, "SOPInstanceUID": "9.1"}, "original": {"Modality": "CT", "SOPInstanceUID": "9.2"},
    }  # fmt: skip
    assert (second["sent"], second["original"]) == ({}, None)


def test_a_page_says_where_the_next_one_begins() -> None:
    for place in ((1764338400.1234567, -5), (0.0, 0), (2000.5, 2**63 - 1)):
        answer = Answer([ROW], following=place)
        (said,) = {json.loads(rows_as_json(answer))["next"], as_csv(answer)[1]}
        assert read_place(said) == place
    assert (json.loads(rows_as_json(Answer([ROW])))["next"], as_csv(Answer([ROW]))[1]) == (None, None)
    for nonsense in ("", "x", "7", "1.0,", "1.0,x", "-1.0,1", "nan,1", "1e9,1", "1.0,99999999999999999999", "1.0,1,1"):
        assert read_place(nonsense) is None


def test_a_table_has_the_same_in_its_columns() -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(Answer([ROW]))[0]))
    assert (row["id"], row["at"], row["SOPInstanceUID"], row["originalSOPInstanceUID"]) == (
        "7", "2001-09-09T01:46:40Z", "9.1", "9.2",
    )  # fmt: skip
    assert row["PatientID"] == row["reason"] == harmless(HOSTILE)
    assert (row["originalModality"], row["destination"]) == ("CT", "default/a")
