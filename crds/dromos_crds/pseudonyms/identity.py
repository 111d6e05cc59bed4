# SPDX-License-Identifier: Apache-2.0
"""Who a pseudonym belongs to. Nothing here shows what it holds: it is all patient data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class Patient:
    """A Patient ID (0010,0020) and who issued it (0010,0021); no issuer: empty text."""

    patient_id: str = field(repr=False)
    issuer: str = field(default="", repr=False)

    def key(self, project: str) -> str:
        """The one unambiguous key of a pseudonym: the JSON array [project, issuer, Patient ID], in ASCII."""
        return json.dumps([project, self.issuer, self.patient_id], separators=(",", ":"))

    @classmethod
    def from_key(cls, key: str) -> Patient:
        """The patient of a key."""
        _, issuer, patient_id = json.loads(key)
        return cls(patient_id, issuer)


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A patient's pseudonym in a project."""

    patient: Patient = field(repr=False)
    pseudonym: str = field(repr=False)
