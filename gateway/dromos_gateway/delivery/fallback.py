# SPDX-License-Identifier: Apache-2.0
"""What is sent to a peer that refuses the transfer syntax: Explicit, else Implicit VR Little Endian, else nothing.

The original goes byte for byte wherever the peer takes it; every peer takes one of the two (PS3.5 10.1).
"""

from __future__ import annotations

from dataclasses import replace

from dromos_gateway.changes.change import Change
from dromos_gateway.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from dromos_gateway.spool.records import Instance

_BELIEVED = 3600.0  # seconds; then the peer may have learnt it
_ORDER = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


class Fallback:
    """What one destination's peer refused."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}

    def clear(self) -> None:
        """Another peer, or another configuration."""
        self._refused.clear()

    def change(self, instance: Instance, wanted: Change | None, now: float) -> Change | None:
        """What has to be changed of an instance: what is `wanted`, and the syntax where the peer left no choice."""
        refused = self._of(instance, now)
        syntax = next((each for each in _ORDER if each not in refused), None) if refused else None
        if syntax is None:
            return wanted
        return replace(wanted or Change(), transfer_syntax=syntax, only_uncompressed=False)

    def refused(self, instance: Instance, syntax: str, now: float) -> bool:
        """The peer refused what was sent in `syntax`; whether there is another form to try."""
        refused = self._of(instance, now) | {syntax}
        self._refused[_kind(instance)] = now, refused
        return any(each not in refused for each in _ORDER)

    def _of(self, instance: Instance, now: float) -> frozenset[str]:
        since, refused = self._refused.get(_kind(instance), (now, frozenset()))
        return refused if now - since < _BELIEVED else frozenset()


def _kind(instance: Instance) -> tuple[str, str]:
    return instance.sop_class_uid, instance.transfer_syntax_uid
