# SPDX-License-Identifier: Apache-2.0
"""Shares delivered series into Kheops albums. What waits is in the ledger, over restarts and out of memory."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from random import Random

from dromos_gateway.configuration.settings import AlbumSettings, DestinationSettings
from dromos_gateway.delivery.backoff import retry_delay
from dromos_gateway.delivery.outbox import Outbox
from dromos_gateway.spool import shares
from dromos_gateway.spool.records import Share
from dromos_gateway.spool.spool import Spool

log = logging.getLogger(__name__)

_AT_ONCE = 100  # shares that are looked at in one round
_NAP = 30.0
_LONGEST = 60.0  # seconds until an album is tried again, as with a breaker's probes: one request for all that wait
_SHORTEST = 1.0  # seconds, whatever Retry-After says: "0" must not keep us busy
_MOMENT = 0.1  # seconds until the settling of a delivery is in the ledger
_PURGE = 3600.0


class Sharer:
    """One for all destinations; albums do not wait for one another."""

    def __init__(self, spool: Spool, outbox: Outbox, clock: Callable[[], float], random: Random) -> None:
        self._spool = spool
        self._outbox = outbox
        self._clock = clock
        self._random = random
        self._destinations: Mapping[str, DestinationSettings] = {}
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._purge_at = 0.0
        self._rest_until: dict[tuple[str, str], float] = {}  # of albums whose Kheops said when to come back

    def follow(self, destinations: Mapping[str, DestinationSettings]) -> None:
        """Go on with another configuration."""
        self._destinations = destinations
        self._rest_until.clear()
        self.poke()

    def start(self) -> None:
        """Take up what waits."""
        self._task = asyncio.create_task(self._run())

    def poke(self) -> None:
        """There is, or will be in a moment, something to share."""
        self._wanted.set()

    async def retry(self, number: int) -> bool:
        """Try a share that was given up once more; whether there is such a one."""
        now = self._clock()
        found = await self._spool.change(lambda connection: shares.revive(connection, number, now))
        self._rest_until.clear()  # somebody knows better than what Kheops said an hour ago
        self.poke()
        return found

    async def discard(self, number: int) -> bool:
        """Forget a share that was given up; whether there is such a one."""
        return await self._spool.change(lambda connection: shares.discard(connection, number))

    async def stop(self) -> None:
        """Stop; what waits stays in the ledger."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            pause = _NAP
            try:
                pause = await self._round()
            except Exception:  # whatever it is, the next round must come
                log.exception("sharing into albums failed")
            try:
                async with asyncio.timeout(pause):
                    await self._wanted.wait()
                await asyncio.sleep(_MOMENT)
            except TimeoutError:
                pass
            self._wanted.clear()

    async def _round(self) -> float:
        """Share what is due; the seconds until the next round."""
        now = self._clock()
        if now >= self._purge_at:
            self._purge_at = now + _PURGE
            self._spool.purge_shares(now)
        groups: defaultdict[tuple[str, str], list[Share]] = defaultdict(list)
        found = await self._spool.due_shares(now, _AT_ONCE)
        for share in found:
            groups[share.destination, share.album].append(share)
        await asyncio.gather(*(self._share_all(group) for group in groups.values()))
        if len(found) == _AT_ONCE:
            return 0.0
        due = await self._spool.next_share()
        return min(_NAP, max(_MOMENT, due - self._clock())) if due is not None else _NAP

    async def _share_all(self, group: list[Share]) -> None:
        """Share what is due for one album, until one fails."""
        settings = self._destinations.get(group[0].destination)
        album = _album(settings, group[0].album)
        now = self._clock()
        if settings is None or (album is None and settings.hold is None):
            for share in group:
                await self._spool.share_failed(share, "not shared: the album is no longer configured", now)
            return
        resting = self._rest_until.get((settings.key, group[0].album), 0.0)
        if album is None or settings.suspend or not settings.enabled or now < resting:
            await self._spool.shares_later(group, resting if now < resting else now + _NAP, "", now)
            return
        for number, share in enumerate(group):
            trouble = await self._outbox.share(album, share.study, share.series)
            now = self._clock()
            if trouble is None:
                await self._spool.share_done(share, now)
                continue
            message = f"not shared into album {album.shown}: {trouble.message}"
            if now - share.since > settings.max_age:
                log.warning("a share is given up", extra=_told(share, trouble.message))
                await self._spool.share_failed(share, message, now)
                continue
            log.info("a share is tried again later", extra=_told(share, trouble.message))
            tried = max(each.attempts for each in group)
            due = now + min(_LONGEST, retry_delay(tried + 1, self._random))
            if trouble.retry_after is not None:
                due = now + max(_SHORTEST, trouble.retry_after)
                self._rest_until[settings.key, album.key] = due
            await self._spool.shares_later(group[number:], due, message, now)
            return


def _album(settings: DestinationSettings | None, key: str) -> AlbumSettings | None:
    albums = settings.albums if settings is not None else ()
    return next((album for album in albums if album.key == key), None)


def _told(share: Share, error: str) -> dict[str, object]:
    """The fields of a line in the log."""
    return {"destination": share.destination, "share": share.id, "error": error}
