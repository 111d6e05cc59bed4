# SPDX-License-Identifier: Apache-2.0
"""What the committer works through at a time, and what came of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dromos_gateway.spool.incoming import NewFile
from dromos_gateway.spool.journal import Entry
from dromos_gateway.spool.ledger import Released
from dromos_gateway.spool.promises import Promise

Done = Callable[[Any, Exception | None], None]
Change = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class Job:
    """A change of the ledger, and who waits for it."""

    apply: Change
    done: Done
    file: NewFile | None
    promise: Promise | None  # that the journal shall keep; without one the ledger keeps the instance
    number: int = 0  # of the record that there may be all the same
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Round:
    """What is made durable together."""

    jobs: list[Job]
    promises: list[Promise]  # that the ledger has not heard of
    endings: list[Any]
    again: Sequence[Job] = ()  # that the journal did not keep
    given_up: list[Entry] = field(default_factory=list)  # records whose objects' files are not durable
    mark: int = 0  # the ledger has heard of all records up to this number
    journal_error: OSError | None = None
    settled: bool = False  # the ledger took promises or endings
    released: Sequence[Released] = field(default=())
    seconds: float = 0.0
