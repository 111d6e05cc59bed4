# SPDX-License-Identifier: Apache-2.0
"""Hash formulas and dates."""

from __future__ import annotations

from typing import Any

import pytest

from dromos_gateway.deid.dates import Shift, Undatable, coarsened, shifted
from dromos_gateway.deid.hashing import hashed_uid, mac, patient_id, scaled
from tests.unit.karnak import Given


def _hmac(given: Given, expected: Given) -> None:
    assert mac(bytes.fromhex(given["key_hex"]), given["message_utf8"]).hex() == expected["hmac_sha256_hex"]


def _scale(given: Given, expected: Given) -> None:
    key = bytes.fromhex(given["key_hex"])
    assert scaled(key, given["value"], given["min"], given["max"]) == expected["int"]


def _patient_id(given: Given, expected: Given) -> None:
    found = patient_id(bytes.fromhex(given["key_hex"]), given["pseudonym"])
    assert found == expected["PatientID"]
    assert len(found) == expected.get("length", len(found))


def _uid(given: Given, expected: Given) -> None:
    assert (hashed_uid(bytes.fromhex(given["key_hex"]), given["uid"] or "") or None) == expected["uid"]


def _shift(vr: bytes) -> Any:
    def check(given: Given, expected: Given) -> None:
        shift = Shift(given.get("days", 0), given.get("seconds", 0))
        if "error" in expected:
            with pytest.raises(Undatable):
                shifted(vr, given["value"], shift)
        else:
            assert shifted(vr, given["value"], shift) == expected["value"]

    return check


def _format(given: Given, expected: Given) -> None:
    value = given["value"]
    assert (value and coarsened(given["vr"].encode(), value, given["remove"])) == expected["value"]


AREAS = {
    "hmac.bytes": _hmac,
    "hash.scale": _scale,
    "deid.patient_id": _patient_id,
    "date.shift.DA": _shift(b"DA"),
    "date.shift.DA.invalid": _shift(b"DA"),
    "date.shift.TM": _shift(b"TM"),
    "date.shift.TM.invalid": _shift(b"TM"),
    "date.shift.DT": _shift(b"DT"),
    "date.shift.DT.invalid": _shift(b"DT"),
    "date.shift.AS": _shift(b"AS"),
    "date.shift.AS.invalid": _shift(b"AS"),
    "date.format": _format,
    "uid.hash": _uid,
}
