# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms that the main process looks up itself: those of a table, which is not sent along with each instance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dromos_gateway.changes.change import Change, Held
from dromos_gateway.header import MalformedDataSet
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.pseudonyms.resolution import Held as NoPseudonym
from dromos_gateway.pseudonyms.ways import FromStore, open_local
from dromos_gateway.spool.records import Instance


def pseudonym_of(instance: Instance, source: Path, change: Change) -> str | Held | None:
    """The pseudonym, or why there is none; None: it is not looked up here. OSError from reading the instance."""
    way = change.use.way if change.use is not None else None
    if not isinstance(way, FromStore) or way.asks_outside:
        return None
    try:
        with InstanceValues(instance, source) as values:
            found = open_local(way).resolve(values)
    except MalformedDataSet as error:
        return Held("MalformedDataSet", str(error))
    if isinstance(found, NoPseudonym):
        return Held(found.reason, found.message, found.retry_after)
    return found.text


def without_store(change: Change) -> Change:
    """The change for a worker that is given the pseudonym."""
    return change if change.use is None else replace(change, use=replace(change.use, way=None))
