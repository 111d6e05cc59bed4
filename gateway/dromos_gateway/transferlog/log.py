# SPDX-License-Identifier: Apache-2.0
"""The transfer log as the rest of the gateway sees it: attach it to a spool, configure it, ask it, keep it small."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.spool.schema import connect_for_reading
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog import retention
from dromos_gateway.transferlog.queries import Queries
from dromos_gateway.transferlog.questions import Answer, Question, SeriesAtDestination, Transfer
from dromos_gateway.transferlog.recorder import Recorder
from dromos_gateway.transferlog.references import Policy
from dromos_gateway.transferlog.sealing import Seal

log = logging.getLogger(__name__)

Shown = TypeVar("Shown")

_PAUSE = 60.0  # seconds between looks at the log's size
_TIDY_EVERY = 30  # looks


class TransferLog:
    """Owns the recorder and a connection for questions."""

    def __init__(self, spool: Spool, configuration: Configuration, clock: Callable[[], float]) -> None:
        self._spool = spool
        self._clock = clock
        self.recorder = Recorder(spool.ledger, spool.folder)
        self.apply(configuration)
        spool.recorder = self.recorder
        self._connection = connect_for_reading(spool.folder / "ledger.sqlite")
        self._queries = Queries(self._connection)
        self._asking = asyncio.Lock()

    def apply(self, configuration: Configuration) -> None:
        """Follow another configuration."""
        nodes = configuration.nodes.values()
        seals = {node.key: Seal(node.transfer_log.key) for node in nodes if node.transfer_log.key is not None}
        silent = {node.key for node in nodes if not node.transfer_log.outgoing}
        nameless = frozenset(key for key, each in configuration.destinations.items() if each.node in silent)
        unchanged = frozenset(key for key, each in configuration.destinations.items() if not each.changes)
        self.recorder.policy = Policy(seals, unchanged - nameless, nameless)
        self._bounds = retention.bounds(configuration)

    async def transfers(self, question: Question, show: Callable[[Answer[Transfer]], Shown]) -> Shown:
        """Rows, the newest first, as `show` writes them down: in a thread, as that takes as long as finding them."""
        seals = self.recorder.policy.seals
        async with self._asking:
            await self._complete()
            return await asyncio.to_thread(lambda: show(self._queries.transfers(question, seals)))

    async def series(self, question: Question, show: Callable[[Answer[SeriesAtDestination]], str]) -> str:
        """What became of series at every destination, likewise."""
        seals = self.recorder.policy.seals
        async with self._asking:
            await self._complete()
            return await asyncio.to_thread(lambda: show(self._queries.series(question, seals)))

    async def _complete(self) -> None:
        """Have recent rows where they are found. Where the disk takes nothing, an answer is as old as that."""
        try:
            await self._spool.change(lambda _: None)  # what is told with it comes behind it in its transaction
            await self._spool.change(self.recorder.move)
        except (OSError, sqlite3.Error) as error:
            log.warning("the newest rows of the transfer log cannot be found", extra={"error": str(error)})

    async def keep_small(self) -> None:
        """Remove what is too old or too much, for as long as the gateway runs."""
        looks = 0
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                while await self._spool.change(self._remove):  # others get their turn in between
                    pass
                looks += 1
                if looks % _TIDY_EVERY == 0:
                    await self._spool.change(self.recorder.tidy)
            except (OSError, sqlite3.Error) as error:
                log.warning("the transfer log could not be made smaller", extra={"error": str(error)})

    def _remove(self, connection: sqlite3.Connection) -> int:
        self.recorder.move(connection)
        return retention.remove(connection, self._clock(), self._bounds)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
