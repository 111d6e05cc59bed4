# SPDX-License-Identifier: Apache-2.0
"""Patient data and secrets that nobody may find again: each value is marked, and no other text has such a mark."""

from __future__ import annotations

import struct
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.wire.dimse.attacker import data_set, element
from tests.wire.gateway.peers import make_study

MARK = "Zq7"
UIDS = "1.2.826.0.1.3680043.10.777777"  # of patients' studies and series: as telling as a name
PROJECT_KEY = "5a7bc0ffee0123456789abcdef5a7b00"
PATIENT = {
    "PatientID": f"{MARK}pid",
    "PatientName": f"{MARK}Family^{MARK}Given",
    "PatientBirthDate": "19310307",
    "AccessionNumber": f"{MARK}acc",
    "StudyID": f"{MARK}study",
    "StudyDescription": f"{MARK} thorax of the mayor",
    "SeriesDescription": f"{MARK} series",
    "ReferringPhysicianName": f"{MARK}Doctor",
    "InstitutionName": f"{MARK} clinic",
    "PatientComments": f"{MARK} comment",
    "StudyInstanceUID": f"{UIDS}.1",
    "SeriesInstanceUID": f"{UIDS}.2",
}
SECRETS = {
    name: f"{MARK}{name}"
    for name in (
        "smtp",
        "webhook",
        "bearer",
        "header",
        "client",
        "admin",
        "log",
        "basic",
        "pseudonym",
        "badkey",
        "redis",
        "album",
        "source",
        "inline",
    )
}
FORBIDDEN = (MARK, UIDS, "19310307", PROJECT_KEY)


def found_in(text: str) -> list[str]:
    """The marks that a text has, in any case, as they are or in the ways in which HTTP and YAML write them."""
    lowered = text.lower()
    encoded = [mark.encode().hex() for mark in FORBIDDEN]
    return [mark for mark in (*FORBIDDEN, *encoded) if mark.lower() in lowered]


def study(folder: Path, count: int = 3, **elements: str) -> Path:
    """Good instances, with planted values at the root, in a sequence and in private elements."""
    make_study(folder, count)
    for path in folder.iterdir():
        data = dcmread(path)
        for keyword, value in {**PATIENT, **elements}.items():
            setattr(data, keyword, value)
        nested = Dataset()
        nested.PatientID = f"{MARK}nested"
        data.OtherPatientIDsSequence = Sequence([nested])
        data.private_block(0x0099, f"{MARK} creator", create=True).add_new(1, "LO", f"{MARK} private")
        data.save_as(path)
    return folder


def malformed() -> dict[str, bytes]:
    """Data sets by name that begin with planted values and break the standard behind them."""
    name = f"{MARK}Broken^Name ".encode()
    planted = element(0x10, 0x10, b"PN", name) + element(0x10, 0x20, b"LO", f"{MARK}bad ".encode())
    return {
        "1.2.3.91": data_set("1.2.3.91", tail=planted + b"\x10\x00\x30\x00" + name),
        "1.2.3.92": data_set("1.2.3.92", tail=planted + element(0x10, 0x30, b"??", name)),
        "1.2.3.93": data_set("1.2.3.93", tail=planted + struct.pack("<HH2sHI", 0x10, 0x1002, b"SQ", 0, 2**31) + name),
        "1.2.3.94": data_set("1.2.3.95", tail=planted),  # not the UID that the command announces
        "1.2.3.96": name * 20,
        "1.2.3.97": data_set("1.2.3.97", tail=element(8, 5, b"CS", f"{MARK}CHARSET".encode()) + planted),
    }
