# SPDX-License-Identifier: Apache-2.0
"""A Project's keys: the Secret that holds every key it ever had, and which of them is in use.

Each key of the Secret but ``active`` names one 128-bit value as 32 hexadecimal digits, dashes allowed; ``active`` holds
the name of the one in use. Earlier ones stay, so that a linkage that was released can be taken up again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dromos_crds.project import Project

ACTIVE = "active"
_LONGEST = 253  # characters of a Secret's name
_SUFFIX = "-key"
_LENGTH = 16  # bytes: HMAC-SHA256 is keyed with 128 bits
_GROUPS = (8, 4, 4, 4, 12)
_HEX = re.compile(r"(?:[0-9a-f]{2})*", re.IGNORECASE)


class InvalidKeys(ValueError):
    """The Secret has no usable key; the message names keys, never values."""


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """One key: its name in the Secret, and its 16 bytes."""

    name: str
    value: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the value's SHA-256: tells keys apart and gives none away."""
        return hashlib.sha256(self.value).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """The key in use, and all that are kept, by name."""

    active: ProjectKey
    kept: tuple[ProjectKey, ...]


def key_secret(project: Project) -> str:
    """The name of the Secret with a Project's keys: the one it names, else the one that the operator makes."""
    reference = project.spec.secret_ref
    return reference.name if reference is not None else made_secret(project.metadata.name)


def made_secret(project: str) -> str:
    """The name of the Secret that the operator makes for a Project; what is too long is cut and has a digest."""
    if len(project) <= _LONGEST - len(_SUFFIX):
        return f"{project}{_SUFFIX}"
    end = f"-{hashlib.sha256(project.encode()).hexdigest()[:8]}{_SUFFIX}"
    return f"{project[: _LONGEST - len(end)].rstrip('-.')}{end}"


def read_keys(data: Mapping[str, bytes]) -> ProjectKeys:
    """The keys in a Secret's data. InvalidKeys.

    A kept key that is malformed does no harm until somebody makes it the active one; it is left out.
    """
    if ACTIVE not in data:
        raise InvalidKeys(f"has no key {ACTIVE!r}, which names the one in use; names there are: {_names(data)}")
    name = data[ACTIVE].decode(errors="replace").strip()
    if name not in data or name == ACTIVE:
        # the name is not quoted: somebody may have written the value itself there
        raise InvalidKeys(f"{ACTIVE!r} does not name another key of the Secret; names there are: {_names(data)}")
    kept = tuple(key for each in sorted(data) if each != ACTIVE and (key := _read(each, data[each])) is not None)
    active = next((key for key in kept if key.name == name), None)
    if active is None:
        raise InvalidKeys(f"the value of {name!r} is not 32 hexadecimal digits; make one with: openssl rand -hex 16")
    return ProjectKeys(active, kept)


def is_key(text: str) -> bool:
    """Whether a text is 32 hexadecimal digits, with or without dashes."""
    plain = text.replace("-", "")
    return len(plain) == 2 * _LENGTH and _HEX.fullmatch(plain) is not None


def from_hex(text: str) -> bytes:
    """The bytes of hexadecimal digits with or without dashes. ValueError, without the text."""
    plain = text.replace("-", "")
    if _HEX.fullmatch(plain) is None:
        raise ValueError("not hexadecimal digits, two for a byte")
    return bytes.fromhex(plain)


def dashed(text: str) -> str:
    """32 hexadecimal digits as Karnak shows them: 8-4-4-4-12."""
    rest, groups = text.replace("-", ""), []
    for length in _GROUPS:
        groups.append(rest[:length])
        rest = rest[length:]
    return "-".join(groups)


def _read(name: str, value: bytes) -> ProjectKey | None:
    text = value.decode("ascii", errors="replace").strip()
    return ProjectKey(name, from_hex(text)) if is_key(text) else None


def _names(data: Mapping[str, bytes]) -> str:
    return ", ".join(sorted(name for name in data if name != ACTIVE)) or "none"
