# SPDX-License-Identifier: Apache-2.0
"""Closes windows and has the outbox emptied, for as long as the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from dromos_gateway.configuration.settings import Configuration, DestinationSettings, PeerSettings, StowSettings
from dromos_gateway.notifications import outbox, schema, windows
from dromos_gateway.notifications.postman import Postman
from dromos_gateway.spool.schema import connect_for_reading
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog.recorder import Recorder, Settled

log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between looks
_REST = 60.0  # seconds until a window that could not be closed is tried again


class Notifier:
    """Tells people and webhooks what became of their studies."""

    def __init__(
        self, spool: Spool, recorder: Recorder, configuration: Configuration, clock: Callable[[], float], random: Random
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._postman = Postman(spool, configuration, clock, random)
        self.sent, self.failed, self.given_up = self._postman.sent, self._postman.failed, self._postman.given_up
        self._configuration = configuration
        self._resting: dict[int, float] = {}  # windows, and when they are tried again
        self._connection = connect_for_reading(spool.folder / "ledger.sqlite")
        schema.prepare(spool.ledger)
        recorder.on_settled, recorder.spoken_of = self._settled, windows.routes

    def apply(self, configuration: Configuration) -> None:
        """Follow another configuration."""
        self._configuration = self._postman.configuration = configuration

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    async def waiting(self) -> dict[str, int]:
        """How many messages wait, by way."""
        return dict(await asyncio.to_thread(outbox.waiting, self._connection))

    def _settled(self, connection: sqlite3.Connection, settled: Sequence[Settled]) -> None:
        for key in {each.destination for each in settled}:
            destination = self._configuration.destinations.get(key)
            if destination is None or destination.notifications is None:
                continue
            try:
                windows.gather(connection, [each for each in settled if each.destination == key], destination)
            except (OSError, sqlite3.Error):
                raise
            except Exception as error:  # what was delivered is noted also where nobody can be told of it
                log.error("a notification cannot be gathered", extra={"type": type(error).__name__})  # noqa: TRY400

    async def run(self) -> None:
        """Look every second; what goes wrong once must not end it, nor say what it was about."""
        async with asyncio.TaskGroup() as walks:
            while True:
                await asyncio.sleep(_PAUSE)
                try:
                    await self._close_windows()
                    due = await asyncio.to_thread(outbox.due, self._connection, self._clock(), self._postman.busy)
                    for lane, parcels in due.items():
                        self._postman.busy.add(lane)
                        walks.create_task(self._postman.walk(lane, parcels))
                except (OSError, sqlite3.Error) as error:
                    log.warning("the outbox of notifications cannot be used", extra={"error": str(error)})
                except Exception as error:
                    log.error("notifications failed, tried again", extra={"type": type(error).__name__})  # noqa: TRY400

    async def _close_windows(self) -> None:
        destinations = self._configuration.destinations.values()
        intervals = {each.key: each.notifications.interval for each in destinations if each.notifications is not None}
        due = await asyncio.to_thread(windows.due, self._connection, self._clock(), intervals)
        for number in due:
            if self._resting.get(number, 0.0) > self._clock():
                continue
            try:
                await self._spool.change(partial(self._to_outbox, number))
            except (OSError, sqlite3.Error):
                raise
            except Exception as error:  # of this window alone
                log.error("a notification cannot be made, tried again", extra={"type": type(error).__name__})  # noqa: TRY400
                self._resting[number] = self._clock() + _REST

    def _to_outbox(self, window: int, connection: sqlite3.Connection) -> None:
        destinations = self._configuration.destinations
        targets = {key: _target(each) for key, each in destinations.items()}
        shielded = {key for key, each in destinations.items() if each.changes}
        report = windows.close(connection, window, targets, shielded)
        destination = destinations.get(report.destination) if report is not None else None
        if report is None or destination is None or destination.notifications is None:
            return
        settings = destination.notifications
        for way, wanted in (("mail", settings.recipients), ("webhook", settings.webhook)):
            if wanted:
                outbox.add(connection, way, report, _domain(settings.smtp), self._clock())


def _target(destination: DestinationSettings) -> str:
    peer = destination.peer
    if isinstance(peer, StowSettings):
        return peer.url
    return f"{peer.called_ae_title} at {peer.host}:{peer.port}" if isinstance(peer, PeerSettings) else ""


def _domain(smtp: object) -> str:
    return str(getattr(smtp, "sender", "")).rpartition("@")[2] or "dromos.invalid"
