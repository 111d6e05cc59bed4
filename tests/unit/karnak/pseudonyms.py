# SPDX-License-Identifier: Apache-2.0
"""Stored pseudonyms, pseudonyms in a tag, and whose they are."""

from __future__ import annotations

import re
from typing import Any

from dromos_crds.pseudonyms.csvstore import CSVStore
from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_gateway.pseudonyms.resolution import (
    ISSUER_OF_PATIENT_ID,
    PATIENT_ID,
    Held,
    Pseudonym,
    StoredResolver,
    TagResolver,
    escaped,
    issuer_of,
)
from tests.unit.karnak import Given

_SUBJECT_ID = 0x00120040


class _Values(dict[int, str | None]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)

    def present(self, tag: int) -> bool:
        return tag in self


def _issuer(given: Given, expected: Given) -> None:
    values = _Values({ISSUER_OF_PATIENT_ID: given["IssuerOfPatientID"]})
    assert issuer_of(values, given["issuerByDefault"]) == expected["issuer"]


def _match(given: Given, expected: Given) -> None:
    who, cached = given["dicom"], given["cached"]
    if cached is None or cached["issuer"] is None:  # nobody is stored, or without an issuer
        entries = [] if cached is None else [Entry(Patient(cached["id"]), "PSEUDO")]
        store = CSVStore(CSVStore(b"").with_entries(entries))
        values = _Values({PATIENT_ID: who["id"], ISSUER_OF_PATIENT_ID: who["issuer"]})
        assert isinstance(StoredResolver(store, "p").resolve(values), Pseudonym) is expected["bool"]
        return
    one, other = (Patient(found["id"], found["issuer"]) for found in (who, cached))
    assert (one.key("p") == other.key("p")) is expected["bool"]


def _lookup(given: Given, expected: Given) -> None:
    query = given["query"]
    project = str(query["projectId"])
    entries = [
        Entry(Patient(cached["patientId"], cached["issuer"] or ""), cached["pseudonym"])
        for cached in given["cached"]
        if str(cached["projectId"]) == project
    ]
    store = CSVStore(CSVStore(b"").with_entries(entries))
    values = _Values({PATIENT_ID: query["PatientID"], ISSUER_OF_PATIENT_ID: query.get("IssuerOfPatientID")})
    found = StoredResolver(store, project, ignores_issuer=query["skipIssuer"]).resolve(values)
    assert _text(found) == expected["pseudonym"]


def _in_tag(given: Given, expected: Given) -> None:
    resolver = TagResolver(_SUBJECT_ID, given["delimiter"], given["position"])
    found = _text(resolver.resolve(_Values({_SUBJECT_ID: given["value"]})))
    assert ("error" in expected) is (found is None)
    assert found == expected.get("pseudonym")


def _escape(given: Given, expected: Given) -> None:
    """A delimiter as a regular expression: Karnak's spelling of it, and it matches just the delimiter."""
    delimiter, said = (_only_text(part) for part in (given, expected))
    assert escaped(delimiter) == said
    assert re.fullmatch(escaped(delimiter), delimiter)


def _only_text(part: Given) -> Any:
    (text,) = part.values()
    return text


def _text(found: Pseudonym | Held) -> str | None:
    return found.text if isinstance(found, Pseudonym) else None


AREAS = {
    "pseudonym.issuer": _issuer,
    "pseudonym.match": _match,
    "pseudonym.lookup": _lookup,
    "pseudonym.in_tag": _in_tag,
    "regex.escape": _escape,
}
