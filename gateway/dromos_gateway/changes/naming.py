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


def local_way(change: Change) -> FromStore | None:
    """The way to a pseudonym that is looked up here; None: it is not."""
    way = change.use.way if change.use is not None else None
    return way if isinstance(way, FromStore) and not way.asks_outside else None


def pseudonym_of(instance: Instance, source: Path, way: FromStore) -> str | Held:
    """The pseudonym, or why there is none. OSError from reading the instance."""
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
