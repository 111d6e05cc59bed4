# SPDX-License-Identifier: Apache-2.0
"""Closes windows, empties the outbox, for as long as the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from random import Random

from dromos_gateway.configuration.settings import Configuration, DestinationSettings, PeerSettings, StowSettings
from dromos_gateway.notifications import outbox, schema, windows
from dromos_gateway.notifications.outbox import Parcel
from dromos_gateway.notifications.sending import NotSent, post, send_mail
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
        self.sent = {"mail": 0, "webhook": 0}
        self.failed = {"mail": 0, "webhook": 0}
        self._spool = spool
        self._clock = clock
        self._random = random
        self._configuration = configuration
        self._resting: dict[int, float] = {}  # windows, and when they are tried again
        self._connection = connect_for_reading(spool.folder / "ledger.sqlite")
        schema.prepare(spool.ledger)
        recorder.on_settled = self._settled

    def apply(self, configuration: Configuration) -> None:
        """Follow another configuration."""
        self._configuration = configuration

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    async def waiting(self) -> dict[str, int]:
        """How many messages wait, by way."""
        return dict(await asyncio.to_thread(outbox.waiting, self._connection))

    def _settled(self, connection: sqlite3.Connection, settled: Settled) -> None:
        destination = self._configuration.destinations.get(settled.destination)
        if destination is None or destination.notifications is None:
            return
        try:
            windows.gather(connection, settled, destination)
        except (OSError, sqlite3.Error):
            raise
        except Exception as error:  # what was delivered is noted also where nobody can be told of it
            log.error("a notification cannot be gathered", extra={"type": type(error).__name__})  # noqa: TRY400

    async def run(self) -> None:
        """Look every second; what goes wrong once must not end it, nor say what it was about."""
        while True:
            await asyncio.sleep(_PAUSE)
            try:
                await self._close_windows()
                for parcel in await asyncio.to_thread(outbox.due, self._connection, self._clock()):
                    await self._send(parcel)
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
        report = windows.close(connection, window, targets)
        destination = destinations.get(report.destination) if report is not None else None
        if report is None or destination is None or destination.notifications is None:
            return
        settings = destination.notifications
        for way, wanted in (("mail", settings.recipients), ("webhook", settings.webhook)):
            if wanted:
                outbox.add(connection, way, report, _domain(settings.smtp), self._clock())

    async def _send(self, parcel: Parcel) -> None:
        destination = self._configuration.destinations.get(parcel.destination)
        now = self._clock()
        try:
            wanted = await self._deliver(parcel, destination) if destination is not None else False
        except Exception as error:  # a mail that cannot be made or sent must not keep others from being sent
            said = str(error) if isinstance(error, NotSent) else type(error).__name__
            self.failed[parcel.way] += 1
            if now - parcel.created_at > outbox.MAX_AGE:
                log.error("notification given up", extra=_told(parcel))  # noqa: TRY400 - the relay's words were logged
                await self._spool.change(lambda connection: outbox.done(connection, parcel))
                return
            later = parcel.later(now, self._random)
            log.warning("notification not sent, tried again", extra={**_told(parcel), "error": said})
            await self._spool.change(lambda connection: outbox.postpone(connection, later))
            return
        if wanted:
            self.sent[parcel.way] += 1
            log.info("notification sent", extra=_told(parcel))
        await self._spool.change(lambda connection: outbox.done(connection, parcel))

    async def _deliver(self, parcel: Parcel, destination: DestinationSettings) -> bool:
        """Whether somebody wanted it. NotSent."""
        settings = destination.notifications
        if settings is None:
            return False
        if parcel.way == "webhook":
            if settings.webhook is None:
                return False
            await post(parcel.report, parcel.message_id, settings.webhook)
            return True
        if not settings.recipients:
            return False
        if settings.smtp is None:
            raise NotSent("the ForwardNode has no spec.smtp")
        from dromos_gateway.notifications.mail import compose  # templates only where mails are sent: 6 MB

        message = compose(parcel.report, settings, settings.smtp.sender, parcel.message_id, parcel.created_at)
        refused = await send_mail(message, settings.recipients, settings.smtp)
        if refused:
            log.warning("the relay refused recipients", extra={**_told(parcel), "count": refused})
        return True


def _told(parcel: Parcel) -> dict[str, object]:
    """The fields of a line in the log."""
    return {"destination": parcel.destination, "way": parcel.way, "attempts": parcel.attempts + 1}


def _target(destination: DestinationSettings) -> str:
    peer = destination.peer
    if isinstance(peer, StowSettings):
        return peer.url
    return f"{peer.called_ae_title} at {peer.host}:{peer.port}" if isinstance(peer, PeerSettings) else ""


def _domain(smtp: object) -> str:
    return str(getattr(smtp, "sender", "")).rpartition("@")[2] or "dromos.invalid"
