# SPDX-License-Identifier: Apache-2.0
"""What a store of pseudonyms answers, to the change stage and to the command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from dromos_crds.pseudonyms.identity import Entry, Patient


class StoreUnavailable(Exception):
    """The store does not answer, or not usably; asking again later may help. The message has no patient data."""


class Store(Protocol):
    """Pseudonyms of one project. Every method may raise StoreUnavailable."""

    def find(self, patient: Patient) -> str | None:
        """The pseudonym of exactly this patient."""

    def of_patient_id(self, patient_id: str) -> tuple[Entry, ...]:
        """All entries of a Patient ID, whoever issued it."""

    def of_pseudonym(self, pseudonym: str) -> Entry | None:
        """The reverse look-up."""

    def entries(self) -> Iterator[Entry]:
        """All entries, in no order."""

    def revision(self) -> str:
        """A text that changes whenever the content does."""
