# SPDX-License-Identifier: Apache-2.0
"""What Karnak keeps of a patient beside the pseudonym: names, birth date, sex.

A store of pseudonyms has Patient ID and issuer only. Who asks a service for one tells it the rest, as Karnak forms it,
with the templates here; `docs/karnak.md` has them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dromos_crds.expressions import Template, compile_template
from tests.unit.karnak import Given
from tests.unit.karnak.datasets import VectorValues

_DOCUMENT = Path(__file__).parents[3] / "docs" / "karnak.md"
_ROW = re.compile(r"^\| (last name|first name|birth date|sex) \| `(\{\{.*\}\})` \|$", re.MULTILINE)
_FIELDS = {
    "name": ("(0010,0010)", "PN"),
    "birthdate": ("(0010,0030)", "DA"),
    "sex": ("(0010,0040)", "CS"),
    "id": ("(0010,0020)", "LO"),
    "issuer": ("(0010,0021)", "LO"),
}
_WHOLE = {"name": "PatientName", "id": "PatientID", "issuer": "IssuerOfPatientID"}


def templates() -> dict[str, str]:
    """Those of the document, and whole attributes."""
    found = {name.replace(" ", ""): text.replace("\\|", "|") for name, text in _ROW.findall(_DOCUMENT.read_text())}
    return found | {name: f"{{{{getString(#Tag.{keyword})}}}}" for name, keyword in _WHOLE.items()}


def _plain(key: str) -> str:
    """PatientLastName, last_name or lastName: lastname."""
    word = re.sub(r"[^a-z]", "", key.lower())
    for name in ("lastname", "firstname", "birthdate", "issuer", "sex"):
        if name.removesuffix("name") in word:
            return name
    return "id" if word.endswith("id") else "name"


def _dataset(given: Given) -> Given:
    if "dataset" in given:
        found: Given = given["dataset"]
        return found
    elements = {_plain(key): value for key, value in given.items() if value is not None}
    if "lastname" in elements or "firstname" in elements:
        first = elements.get("firstname")
        elements["name"] = elements.get("lastname", "") + (f"^{first}" if first else "")
    return {
        _FIELDS[name][0]: {"vr": _FIELDS[name][1], "value": value}
        for name, value in elements.items()
        if name in _FIELDS
    }


def _patient(given: Given, expected: Given) -> None:
    values = VectorValues(_dataset(given))
    said: dict[str, Any] = {}
    for key in expected:
        template = compile_template(templates()[_plain(key)])
        assert isinstance(template, Template), template
        said[key] = template.render(values)
    assert said == {key: value or "" for key, value in expected.items()}


AREAS = {"patient.": _patient}
