# SPDX-License-Identifier: Apache-2.0
"""A mistake of the user's as a value: what is wrong, where, and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from dromos_crds.meant import Meant


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a manifest.

    ``field`` is the path a person would write (``spec.dicom.port``), ``reason`` a CamelCase word for machines,
    ``meant`` the Destination that it keeps from being valid.
    """

    message: str
    reason: str = "Invalid"
    file: str | None = None
    line: int | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    field: str | None = None
    meant: Meant | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        who = f"{self.kind}/{self.name}" if self.kind and self.name else self.kind
        said = ": ".join(part for part in (place, who, self.field, self.message) if part)
        return said if said.isprintable() else "".join(map(_shown, said))


def _shown(character: str) -> str:
    """A name from a manifest may hold what moves a terminal's cursor or makes a line of its own."""
    return character if character.isprintable() else character.encode("unicode_escape").decode()
