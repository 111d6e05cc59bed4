# SPDX-License-Identifier: Apache-2.0
"""Which pseudonym an instance gets, and that nothing but the right one is ever given."""

from __future__ import annotations

import pytest

from dromos_crds.pseudonyms.csvstore import HEADER, CSVStore
from dromos_gateway.pseudonyms.resolution import (
    LATER,
    Held,
    Pseudonym,
    StoredResolver,
    TagResolver,
    escaped,
    issuer_of,
    part_of,
)

ID, ISSUER, SUBJECT = 0x00100020, 0x00100021, 0x00120040


class Instance(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)


def stored(text: str, values: dict[int, str], **options: object) -> str | None:
    resolver = StoredResolver(CSVStore(f"{HEADER}\n{text}".encode()), "study", **options)  # type: ignore[arg-type]
    return outcome(resolver.resolve(Instance(values)))


def outcome(found: Pseudonym | Held) -> str | None:
    if isinstance(found, Held):
        assert found.reason == "PseudonymNotFound"
        assert found.retry_after == LATER, "manifests that change wake it"
        assert "P1" not in found.message
        return None
    assert repr(found) == "Pseudonym()"
    return found.text


def test_the_destinations_default_goes_before_the_profiles() -> None:
    assert issuer_of(Instance({ISSUER: "PDA"}), "HUG", "CHUV") == "PDA"
    assert issuer_of(Instance({ISSUER: ""}), "HUG", "CHUV") == "HUG"
    assert issuer_of(Instance(), None, "CHUV") == "CHUV"
    assert issuer_of(Instance(), " ", None) == ""


TWO_ISSUERS = "P1,HUG,A\nP1,CHUV,B\n"


@pytest.mark.parametrize(
    ("text", "issuer", "default", "found"),
    [
        (TWO_ISSUERS, "HUG", None, "A"),
        (TWO_ISSUERS, "CHUV", "HUG", "B"),
        (TWO_ISSUERS, None, "HUG", "A"),
        (TWO_ISSUERS, None, None, None),
        (TWO_ISSUERS, "PDA", None, None),
        ("P1,HUG,A\n", None, None, None),  # a patient of another issuer may have the same number
        ("P1,,A\n", "HUG", None, "A"),
        ("P1,,A\n", None, None, "A"),
        ("P1,,A\nP1,HUG,B\n", "HUG", None, "B"),
        ("P1,,A\n", "HUG", "CHUV", None),
    ],
)
def test_strict(text: str, issuer: str | None, default: str | None, found: str | None) -> None:
    values = {ID: "P1", **({ISSUER: issuer} if issuer else {})}
    assert stored(text, values, default_issuer=default) == found
    assert stored(text, values, profile_default_issuer=default) == found


@pytest.mark.parametrize(
    ("text", "issuer", "default", "found"),
    [
        ("P1,HUG,A\n", None, None, "A"),
        ("P1,HUG,A\n", "PDA", None, "A"),
        ("P1,,A\nP1,HUG,B\n", "HUG", None, "A"),
        (TWO_ISSUERS, "HUG", None, None),  # Karnak takes any of them
        (TWO_ISSUERS, "CHUV", "HUG", "B"),
        ("P1,HUG,A\n", None, "CHUV", None),
    ],
)
def test_as_karnak(text: str, issuer: str | None, default: str | None, found: str | None) -> None:
    values = {ID: "P1", **({ISSUER: issuer} if issuer else {})}
    assert stored(text, values, default_issuer=default, ignores_issuer=True) == found


def test_without_a_patient_id_nothing_is_found() -> None:
    assert stored("P1,,A\n", {}) is None
    assert stored("P1,,A\n", {ID: " "}) is None
    assert stored("P1,,A\n", {ID: "P1 \\P2"}) == "A"


@pytest.mark.parametrize(
    ("value", "delimiter", "position", "found"),
    [
        ("SITE01-PSN12345", "-", 1, "PSN12345"),
        ("SITE01-PSN12345", "-", 0, "SITE01"),
        ("SITE01-PSN12345", None, None, "SITE01-PSN12345"),
        ("SITE01-PSN12345", "-", None, "SITE01-PSN12345"),
        ("SITE01", "-", 1, None),
        ("SITE01-", "-", 1, None),
        ("-PSN", "-", 0, None),
        ("a.b.c", ".", 2, "c"),
        ("a||b", "||", 1, "b"),
        ("a$^b", "$^", 1, "b"),
        ("x\\y", None, None, "x"),
        ("x\\y", "\\", 1, "y"),
        ("é" * 65, None, None, None),
        (" ", None, None, None),
        (None, None, None, None),
    ],
)
def test_in_a_tag(value: str | None, delimiter: str | None, position: int | None, found: str | None) -> None:
    values = Instance({SUBJECT: value} if value is not None else {})
    assert outcome(TagResolver(SUBJECT, delimiter, position).resolve(values)) == found


def test_a_delimiter_is_plain_text() -> None:
    assert escaped("a.b|$") == r"a\.b\|\$"
    assert part_of("1.2", "[.]", 0) == "1.2"
