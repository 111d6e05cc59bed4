# SPDX-License-Identifier: Apache-2.0
"""The sending process: `python -m dromos_gateway.delivery.process SOCKET`, started by `Outbox`.

It knows no ledger, no queue and no configuration but the peers it is told of. It ends when the main process does.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys

import uvloop

from dromos_gateway import logs
from dromos_gateway.background import Background
from dromos_gateway.collecting import collect_seldom
from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.channel import Channel
from dromos_gateway.delivery.impossible import Impossible
from dromos_gateway.delivery.messages import (
    Abort,
    Answered,
    Begin,
    Ended,
    Load,
    Open,
    Order,
    Probe,
    Recall,
    Release,
    Report,
    Share,
    Trouble,
)
from dromos_gateway.delivery.peers import Peers

log = logging.getLogger(__name__)


class SendingProcess:
    """Carriers by number, and orders for them."""

    def __init__(self) -> None:
        self._carriers: dict[int, Carrying] = {}
        self._peers = Peers()
        self._background = Background()
        self._channel: Channel | None = None
        self._early: list[Report] = []  # orders may be there before the channel is
        self._over = asyncio.Event()

    async def serve(self, sock: socket.socket) -> None:
        """Work until the main process is gone."""
        self._channel = await Channel.over(sock, self._received, self._over.set)
        for report in self._early:
            self._channel.post(report)
        await self._over.wait()

    def _received(self, order: Order) -> None:
        if isinstance(order, Probe | Share):
            self._background.start(self._answer(order))
            return
        if isinstance(order, Begin):
            self._carriers[order.lane] = self._carrier(order)
            return
        carrier = self._carriers.get(order.lane)
        if carrier is None:
            return  # it ended while this was on its way; `Ended` says so
        if isinstance(order, Load):
            carrier.load(order)
        elif isinstance(order, Open):
            carrier.open(order.kinds)
        elif isinstance(order, Recall):
            carrier.recall()
        elif isinstance(order, Release):
            carrier.release()
        elif isinstance(order, Abort):
            carrier.abort()

    def _carrier(self, order: Begin) -> Carrying:
        try:
            return self._peers.carrier(order.lane, order.peer, self._report)
        except Exception as failure:  # one destination's settings must not end the sending to all others
            log.exception("a lane cannot be opened")
            return Impossible(order.lane, _why(failure), self._report)

    def _report(self, report: Report) -> None:
        if isinstance(report, Ended):
            self._carriers.pop(report.lane, None)
        if self._channel is not None:
            self._channel.post(report)
        else:
            self._early.append(report)

    async def _answer(self, question: Probe | Share) -> None:
        try:
            trouble = await self._peers.answer(question)
        except Exception as failure:  # whatever it is, the next question must come
            log.exception("a question failed")
            trouble = Trouble(_why(failure))
        self._report(Answered(question.number, trouble))


def _why(failure: Exception) -> str:
    """Its words where they are ours, such as of a proxy that cannot be used; else only what it is."""
    from dromos_gateway.web.errors import WebError

    return str(failure) if isinstance(failure, WebError) else f"internal error: {type(failure).__name__}"


def main() -> None:
    """Serve on the inherited socket; signals are the main process' affair."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up()
    collect_seldom()
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(False)

    async def serve() -> None:
        await SendingProcess().serve(sock)

    uvloop.run(serve())


if __name__ == "__main__":
    main()
