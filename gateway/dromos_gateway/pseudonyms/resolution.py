# SPDX-License-Identifier: Apache-2.0
"""Which pseudonym an instance gets. No way leads from a missing one to the original identity: the instance is held."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from dromos_crds.calls import Call
from dromos_crds.expressions import Values
from dromos_crds.pseudonyms.identity import Patient
from dromos_crds.pseudonyms.table import LONGEST_PSEUDONYM
from dromos_gateway.pseudonyms.store import Store, StoreUnavailable

if TYPE_CHECKING:  # they bring an HTTP client along
    from dromos_gateway.endpoints.service import Failure, Found

PATIENT_ID = 0x00100020
ISSUER_OF_PATIENT_ID = 0x00100021

# reasons of Held
PSEUDONYM_NOT_FOUND = "PseudonymNotFound"
PSEUDONYM_STORE_UNAVAILABLE = "PseudonymStoreUnavailable"
PSEUDONYM_STORE_INVALID = "PseudonymStoreInvalid"
PSEUDONYM_SERVICE_FAILED = "PseudonymServiceFailed"

SOON = 5.0  # seconds until a held instance asks again
LATER = 300.0  # where only changed manifests help: they wake everything that waits
_REGEX_CHARACTERS = re.compile(r"[{}()\[\].+*?^$\\|]")


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """The one to use."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """There is none for now; the instance waits and asks again after `retry_after` seconds.

    `message` is free of patient data: it goes into status, metrics and logs.
    """

    reason: str
    message: str
    retry_after: float = SOON


class Resolver(Protocol):
    """One destination's way to a pseudonym."""

    def resolve(self, values: Values) -> Pseudonym | Held:
        """The pseudonym of an instance, or why there is none."""


def issuer_of(values: Values, *defaults: str | None) -> str:
    """The Issuer of Patient ID: the instance's own, else the first default given (the destination's, the profile's)."""
    own = _first(values.text(ISSUER_OF_PATIENT_ID))
    return own or next((default.strip() for default in defaults if default and default.strip()), "")


@dataclass(frozen=True, slots=True)
class StoredResolver:
    """From the project's stored pseudonyms.

    The entry of exactly this Patient ID and issuer counts. Where neither Destination nor profile has a default issuer:
    Strict also takes an entry that names no issuer; `ignores_issuer` (compatibility Karnak) does as Karnak does by
    default and looks first without an issuer, then for the Patient ID alone, where that leads to one pseudonym only.
    """

    store: Store
    project: str
    default_issuer: str | None = None  # the Destination's
    profile_default_issuer: str | None = None
    ignores_issuer: bool = False
    asks_again: float = LATER  # seconds; SOON where the store changes without the manifests

    def resolve(self, values: Values) -> Pseudonym | Held:
        """Ask the store."""
        patient_id = _first(values.text(PATIENT_ID))
        if not patient_id:
            return Held(PSEUDONYM_NOT_FOUND, "the instance has no Patient ID (0010,0020) to find a pseudonym by", LATER)
        issuer = issuer_of(values, self.default_issuer, self.profile_default_issuer)
        try:
            found = self._find(patient_id, issuer)
        except StoreUnavailable as error:
            return Held(PSEUDONYM_STORE_UNAVAILABLE, str(error))
        return found if isinstance(found, Held) else _usable(found, "the stored pseudonym")

    @property
    def _has_default(self) -> bool:
        return any(default and default.strip() for default in (self.default_issuer, self.profile_default_issuer))

    def _find(self, patient_id: str, issuer: str) -> str | Held:
        if self.ignores_issuer and not self._has_default:
            found = self.store.find(Patient(patient_id))
            if found is not None:
                return found
            pseudonyms = {entry.pseudonym for entry in self.store.of_patient_id(patient_id)}
            if len(pseudonyms) == 1:
                return pseudonyms.pop()
            return self._missing("of several issuers" if pseudonyms else "")
        found = self.store.find(Patient(patient_id, issuer))
        if found is None and issuer and not self._has_default:
            found = self.store.find(Patient(patient_id))
        if found is not None:
            return found
        return self._missing("of other issuers" if self.store.of_patient_id(patient_id) else "")

    def _missing(self, others: str) -> Held:
        if others:
            text = f"this Patient ID has stored pseudonyms {others}; is defaultIssuerOfPatientID right"
            said = f"{text}, or is one missing in project {self.project}?"
            return Held(PSEUDONYM_NOT_FOUND, said, self.asks_again)
        text = "no pseudonym is stored for this patient and issuer; add it with"
        said = f"{text}: dromos pseudonyms import --project {self.project}"
        return Held(PSEUDONYM_NOT_FOUND, said, self.asks_again)


@dataclass(frozen=True, slots=True)
class TagResolver:
    """From an attribute of the instance, split where both delimiter and position are given."""

    tag: int
    delimiter: str | None = None
    position: int | None = None  # from zero

    def resolve(self, values: Values) -> Pseudonym | Held:
        """Read the tag."""
        name = f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"
        text = values.text(self.tag)
        if self.delimiter != "\\":
            text = _first(text)
        if not text:
            said = f"the instance has no value in {name}, where its pseudonym is expected"
            return Held(PSEUDONYM_NOT_FOUND, said, LATER)
        part = part_of(text, self.delimiter, self.position)
        if not part:
            where = f"no part {self.position}, counted from zero, between delimiters"
            return Held(PSEUDONYM_NOT_FOUND, f"the value of {name} has {where}", LATER)
        return _usable(part, f"the pseudonym in {name}")


class Service(Protocol):
    """What makes calls: `endpoints.service.Endpoints`."""

    def ask(self, call: Call, values: Values) -> Found | Failure:
        """The service's answer."""


@dataclass(frozen=True, slots=True)
class APIResolver:
    """From a service outside."""

    call: Call
    service: Service

    def resolve(self, values: Values) -> Pseudonym | Held:
        """Ask the service."""
        from dromos_gateway.endpoints.service import Failure

        found = self.service.ask(self.call, values)
        if isinstance(found, Failure):
            text = f"no pseudonym from the service: {found.message}"
            return Held(PSEUDONYM_SERVICE_FAILED, text, max(SOON, found.retry_after))
        return _usable(found.text, "the pseudonym that the service gave")


@dataclass(frozen=True, slots=True)
class NoStore:
    """Stored pseudonyms are asked for, and there is no usable store: `message` says why."""

    message: str

    def resolve(self, values: Values) -> Held:
        """Hold."""
        return Held(PSEUDONYM_STORE_INVALID, self.message, LATER)


def part_of(text: str, delimiter: str | None, position: int | None) -> str | None:
    """A part of a text, counted from zero; the whole one unless both delimiter and position are given.

    As Java's `String.split` has it, with the delimiter escaped: empty parts at the end do not count.
    """
    if not delimiter or position is None:
        return text
    parts = re.split(escaped(delimiter), text)
    while parts and not parts[-1]:
        parts.pop()
    return parts[position].strip() if 0 <= position < len(parts) else None


def escaped(delimiter: str) -> str:
    """A delimiter as a regular expression that matches just it."""
    return _REGEX_CHARACTERS.sub(r"\\\g<0>", delimiter)


def _usable(text: str, what: str) -> Pseudonym | Held:
    """Refuse what PN and LO cannot hold (PS3.5 Table 6.2-1)."""
    text = text.strip()
    if not text or len(text) > LONGEST_PSEUDONYM or "\\" in text or any(ord(letter) < 32 for letter in text):
        rule = f"1 to {LONGEST_PSEUDONYM} characters, no backslash and no control character"
        return Held(PSEUDONYM_NOT_FOUND, f"{what} is not usable: it must have {rule}", LATER)
    return Pseudonym(text)


def _first(text: str | None) -> str:
    return "" if text is None else text.partition("\\")[0].strip()
