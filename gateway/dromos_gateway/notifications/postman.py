# SPDX-License-Identifier: Apache-2.0
"""Empties the outbox. Each destination's mails and calls have a lane of their own, so that a relay or webhook that does
not answer keeps nobody waiting but those who want something from it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from random import Random

from dromos_gateway.configuration.settings import Configuration, DestinationSettings
from dromos_gateway.notifications import outbox
from dromos_gateway.notifications.outbox import Lane, Parcel
from dromos_gateway.notifications.sending import NobodyTook, NotSent, post, send_mail
from dromos_gateway.spool.spool import Spool

log = logging.getLogger(__name__)

_AT_ONCE = 4  # connections to one relay or webhook
_NOBODY: Sequence[str] = ()


class Postman:
    """Tells whoever shall be told, again and again where that does not work."""

    def __init__(self, spool: Spool, configuration: Configuration, clock: Callable[[], float], random: Random) -> None:
        self.configuration = configuration
        self.sent = {"mail": 0, "webhook": 0}
        self.failed = {"mail": 0, "webhook": 0}
        self.given_up = {"mail": 0, "webhook": 0}  # that somebody never gets
        self.busy: set[Lane] = set()
        self._spool = spool
        self._clock = clock
        self._random = random
        self._gates: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_AT_ONCE))
        self._told: set[int] = set()  # parcels that arrived while the ledger could not take note of it

    async def walk(self, lane: Lane, parcels: Iterable[Parcel]) -> None:
        """Send what is due in a lane, until something fails: the others come first the next time."""
        try:
            for parcel in parcels:
                destination = self.configuration.destinations.get(parcel.destination)
                async with self._gates[_target(parcel, destination)]:
                    if not await self._send(parcel, destination):
                        break
        except (OSError, sqlite3.Error) as error:
            log.warning("the outbox of notifications cannot be used", extra={"error": str(error)})
        except Exception as error:  # the next look must come
            log.error("notifications failed, tried again", extra={"type": type(error).__name__})  # noqa: TRY400
        finally:
            self.busy.discard(lane)

    async def _send(self, parcel: Parcel, destination: DestinationSettings | None) -> bool:
        """Whether the outbox is done with it."""
        left: Sequence[str] | None = None
        try:
            if destination is not None and parcel.id not in self._told:
                left = await self._deliver(parcel, destination)
        except Exception as error:  # a mail that cannot be made or sent must not keep others from being sent
            self.failed[parcel.way] += 1
            said, longest = type(error).__name__, outbox.MAX_AGE
            if isinstance(error, NotSent):
                said, longest = str(error), outbox.REFUSED_AGE if error.for_good else longest
            await self._again(parcel, said, parcel.recipients, longest)
            return False
        if left is not None:
            self.sent[parcel.way] += 1
            log.info("notification sent", extra=_fields(parcel))
        if left:
            self.failed[parcel.way] += 1
            await self._again(parcel, "refused for some recipients", left)
            return False
        self._told.add(parcel.id)
        await self._spool.change(lambda connection: outbox.done(connection, parcel))
        self._told.discard(parcel.id)
        return True

    async def _again(
        self, parcel: Parcel, said: str, recipients: Sequence[str] | None, longest: float = outbox.MAX_AGE
    ) -> None:
        now = self._clock()
        if now - parcel.created_at > longest:
            self.given_up[parcel.way] += 1
            log.error("notification given up", extra={**_fields(parcel), "error": said})
            await self._spool.change(lambda connection: outbox.done(connection, parcel))
            return
        later = parcel.later(now, self._random, recipients)
        log.warning("notification not sent, tried again", extra={**_fields(parcel), "error": said})
        await self._spool.change(lambda connection: outbox.postpone(connection, later))

    async def _deliver(self, parcel: Parcel, destination: DestinationSettings) -> Sequence[str] | None:
        """Recipients that shall have it later; None: nobody wants it. NotSent."""
        settings = destination.notifications
        if settings is None:
            return None
        if parcel.way == "webhook":
            if settings.webhook is None:
                return None
            await post(parcel.report, parcel.message_id, settings.webhook)
            return _NOBODY
        wanted = tuple(each for each in settings.recipients if parcel.recipients is None or each in parcel.recipients)
        if not wanted:
            return None
        if settings.smtp is None:
            raise NotSent("the ForwardNode has no spec.smtp")
        from dromos_gateway.notifications.mail import compose  # templates only where mails are sent: 6 MB

        message = compose(parcel.report, settings, settings.smtp.sender, parcel.message_id, parcel.created_at)
        try:
            refused = await send_mail(message, wanted, settings.smtp)
        except NobodyTook as error:
            if parcel.recipients is None or not error.for_good:
                raise
            self._unreachable(parcel, len(wanted))
            return None  # others have it: these are the ones that nobody reaches
        if refused.for_good:
            self._unreachable(parcel, refused.for_good)
        return refused.for_now

    def _unreachable(self, parcel: Parcel, recipients: int) -> None:
        self.given_up[parcel.way] += 1
        log.warning("the relay refused recipients", extra={**_fields(parcel), "count": recipients})


def _target(parcel: Parcel, destination: DestinationSettings | None) -> str:
    """Who is asked: a relay or a webhook."""
    settings = destination.notifications if destination is not None else None
    if settings is None:
        return ""
    if parcel.way == "webhook":
        return settings.webhook.url if settings.webhook is not None else ""
    return f"{settings.smtp.host}:{settings.smtp.port}" if settings.smtp is not None else ""


def _fields(parcel: Parcel) -> dict[str, object]:
    """Of a line in the log."""
    return {"destination": parcel.destination, "way": parcel.way, "attempts": parcel.attempts + 1}
