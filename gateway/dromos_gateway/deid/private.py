# SPDX-License-Identifier: Apache-2.0
"""Private blocks (PS3.5 7.8): a private element that stays is worth nothing without its creator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dromos_gateway.deid.choosing import API
from dromos_gateway.deid.decision import Decision, Kind
from dromos_gateway.deid.level import Level
from dromos_gateway.deid.safe_private import LONGEST, is_safe
from dromos_gateway.header.shape import Layout
from dromos_gateway.header.source import Source

REMOVE: Final = Kind.REMOVE
_UNCERTAIN: Final = frozenset((Kind.ASK, Kind.SAFE_PRIVATE))


def is_creator(tag: int) -> bool:
    """(gggg,0010) to (gggg,00FF) of an odd group."""
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


class Blocks:
    """The private blocks of one data set or item: whose they are, and which of them something is kept of.

    `uncertain` where that depends on creators or values, and not on which elements there are.
    """

    def __init__(
        self,
        layout: Layout,
        level: Level,
        source: Source,
        kept: frozenset[tuple[int, int]],
        ask: Callable[[Decision, int], Decision],
    ) -> None:
        """`ask` settles what an expression has to say."""
        self.uncertain = False
        self._ask = ask
        self._creators: dict[tuple[int, int], str] = {}
        self._kept = set(kept)
        self._safe: set[int] = set()
        table, decide, looks = level.table, level.decide, level.plan.may_keep_private
        for tag, (vr, _, value, stop) in layout.items():
            if not tag & 0x10000:
                continue
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                text = source.read(value, stop - value).decode("latin-1")
                self._creators[(tag >> 16, tag & 0xFF)] = text.strip("\0 ")
            elif looks:
                decision = table.get(tag)
                if decision is None or decision.vr != vr:  # the same number, with another VR in another instance
                    decision = decide(tag, vr)
                self.uncertain = self.uncertain or decision.kind in _UNCERTAIN
                if decision.kind is Kind.SAFE_PRIVATE:
                    small = source.read(value, min(stop - value, LONGEST + 1))
                    if is_safe(self._creators.get(_block(tag)), tag, vr, small):
                        self._safe.add(tag)
                if decision.kind is not REMOVE and self._stays(decision, tag):
                    self._kept.add(_block(tag))

    def mended(self, decision: Decision, tag: int) -> Decision:
        """The decision for a private element, minding its block."""
        if decision.kind is REMOVE and tag & 0xFFFF > 0xFF:
            return decision
        if is_creator(tag):
            if decision.kind in (Kind.REMOVE, Kind.SAFE_PRIVATE):
                kept = (tag >> 16, tag & 0xFF) in self._kept
                return decision.as_kind(Kind.KEEP if kept else Kind.REMOVE)
            return decision
        if decision.kind is Kind.SAFE_PRIVATE:
            return decision.as_kind(Kind.KEEP if tag in self._safe else Kind.REMOVE)
        return decision

    def _stays(self, decision: Decision, tag: int) -> bool:
        if decision.kind is Kind.SAFE_PRIVATE:
            return tag in self._safe
        if decision.kind is Kind.ASK and decision.code != API:
            decision = self._ask(decision, tag)
        return decision.kind is not REMOVE


def _block(tag: int) -> tuple[int, int]:
    return tag >> 16, tag >> 8 & 0xFF
