# SPDX-License-Identifier: Apache-2.0
"""Dead letters at the admin port, and series that were given up on their way into a Kheops album.

Both are numbered on their own, so a series says that it is one: `share-7`.
"""

from __future__ import annotations

import re

from aiohttp import web

from dromos_gateway.admin import views
from dromos_gateway.admin.naming import Ambiguous, full_name
from dromos_gateway.gateway import Gateway
from dromos_gateway.spool.ledger import PAGE

_NUMBER = re.compile("[0-9]{1,18}", re.ASCII)


def routes(gateway: Gateway) -> tuple[web.RouteDef, ...]:
    """What there is below /v1/failures."""
    known = _Failures(gateway)
    letter, share = "/v1/failures/{id:[0-9]{1,18}}", "/v1/failures/share-{id:[0-9]{1,18}}"
    return (
        web.get("/v1/failures", known.some),
        web.get(letter, known.letter),
        web.post(f"{letter}/retry", known.retry_letter),
        web.delete(letter, known.discard_letter),
        web.get(share, known.share),
        web.post(f"{share}/retry", known.retry_share),
        web.delete(share, known.discard_share),
    )


class _Failures:
    """One gateway's."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def some(self, request: web.Request) -> web.Response:
        """A page of dead letters; `next` is what `before` has to be for the next one. Series are all on the first."""
        wanted, before = request.query.get("destination"), request.query.get("before")
        if before is not None and not _NUMBER.fullmatch(before):
            return web.json_response({"error": "before is a number"}, status=400)
        try:
            wanted = self._named(wanted)
        except Ambiguous as error:
            return web.json_response({"error": str(error)}, status=400)
        letters = await self._gateway.spool.failures(None, wanted, int(before) if before is not None else None)
        shares = await self._gateway.spool.failed_shares() if before is None else []
        found = [views.failure(each) for each in letters]
        found += [views.failed_share(each) for each in shares if wanted in (None, each.destination)]
        found.sort(key=lambda item: str(item["failedAt"]), reverse=True)
        return web.json_response({"failures": found, "next": letters[-1].id if len(letters) == PAGE else None})

    async def letter(self, request: web.Request) -> web.Response:
        found = await self._gateway.spool.failures(_number(request))
        return web.json_response(views.failure(found[0])) if found else _unknown()

    async def retry_letter(self, request: web.Request) -> web.Response:
        try:
            destination = self._named(request.query.get("destination"))
        except Ambiguous as error:
            return _refused(str(error))
        if destination is not None and destination not in self._gateway.dispatcher.senders:
            return _refused(f"there is no destination {destination}")
        found = await self._gateway.spool.failures(_number(request))
        if not found:
            return _unknown()
        if destination is None and (gone := self._gone(found[0].destination)):
            return _refused(f"{gone}; name another one")
        delivery = await self._gateway.spool.revive(found[0].id, destination, self._gateway.now())
        if delivery is not None:
            self._gateway.dispatcher.hurry(delivery.destination)
        return web.json_response({"id": found[0].id, "state": "Waiting"}) if delivery is not None else _unknown()

    async def discard_letter(self, request: web.Request) -> web.Response:
        done = await self._gateway.spool.discard(_number(request), self._gateway.now())
        return web.json_response({"state": "Excluded"}) if done else _unknown()

    async def share(self, request: web.Request) -> web.Response:
        found = await self._gateway.spool.failed_shares(_number(request))
        return web.json_response(views.failed_share(found[0])) if found else _unknown()

    async def retry_share(self, request: web.Request) -> web.Response:
        if "destination" in request.query:
            return _refused("a series goes into the album of its own destination, not of another one")
        found = await self._gateway.spool.failed_shares(_number(request))
        if found and (gone := self._gone(found[0].destination)):
            return _refused(gone)
        if found and not found[0].attempts:
            return _refused("the album's condition could not be evaluated; send the series again once that is mended")
        done = await self._gateway.dispatcher.sharer.retry(_number(request))
        return web.json_response({"id": f"share-{_number(request)}", "state": "Waiting"}) if done else _unknown()

    async def discard_share(self, request: web.Request) -> web.Response:
        done = await self._gateway.dispatcher.sharer.discard(_number(request))
        return web.json_response({"state": "Excluded"}) if done else _unknown()

    def _named(self, name: str | None) -> str | None:
        return None if name is None else full_name(name, self._gateway.configuration)

    def _gone(self, destination: str) -> str:
        return "" if destination in self._gateway.dispatcher.senders else f"destination {destination} is gone"


def _number(request: web.Request) -> int:
    return int(request.match_info["id"])


def _refused(text: str) -> web.Response:
    return web.json_response({"error": text}, status=409)


def _unknown() -> web.Response:
    return web.json_response({"error": "there is no such dead letter"}, status=404)
