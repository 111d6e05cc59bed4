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
from dromos_gateway.configuration.settings import PeerSettings
from dromos_gateway.configuration.tls import client_tls
from dromos_gateway.delivery.association import probe
from dromos_gateway.delivery.carrier import Carrier
from dromos_gateway.delivery.channel import Channel
from dromos_gateway.delivery.messages import Abort, Begin, Ended, Load, Open, Order, Probe, Probed, Release, Report
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Peer

log = logging.getLogger(__name__)


class SendingProcess:
    """Carriers by number, and orders for them."""

    def __init__(self) -> None:
        self._carriers: dict[int, Carrier] = {}
        self._peers: dict[PeerSettings, Peer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._channel: Channel | None = None
        self._over = asyncio.Event()

    async def serve(self, sock: socket.socket) -> None:
        """Work until the main process is gone."""
        self._channel = await Channel.over(sock, self._received, self._over.set)
        await self._over.wait()

    def _received(self, order: Order) -> None:
        if isinstance(order, Probe):
            task = asyncio.create_task(self._probe(order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        if isinstance(order, Begin):
            self._carriers[order.lane] = Carrier(order.lane, self._peer(order.peer), self._report)
            return
        carrier = self._carriers.get(order.lane)
        if carrier is None:
            return  # it ended while this was on its way; `Ended` says so
        if isinstance(order, Load):
            carrier.load(order.parcels, order.kinds)
        elif isinstance(order, Open):
            carrier.open(order.kinds)
        elif isinstance(order, Release):
            carrier.release()
        elif isinstance(order, Abort):
            carrier.abort()

    def _report(self, report: Report) -> None:
        if isinstance(report, Ended):
            self._carriers.pop(report.lane, None)
        if self._channel is not None:
            self._channel.post(report)

    def _peer(self, settings: PeerSettings) -> Peer:
        """One object for equal settings: a TLS context is costly, and lanes compare peers."""
        peer = self._peers.get(settings)
        if peer is None:
            if len(self._peers) > 256:  # reloads leave old ones behind
                self._peers.clear()
            peer = self._peers[settings] = make_peer(settings)
        return peer

    async def _probe(self, order: Probe) -> None:
        error: str | None = None
        try:
            await probe(self._peer(order.peer))
        except DimseError as failure:
            error = str(failure)
        except Exception as failure:  # whatever it is, the next probe must come
            log.exception("a probe failed")
            error = f"internal error: {type(failure).__name__}"
        self._report(Probed(order.number, error))


def make_peer(settings: PeerSettings) -> Peer:
    """Whom to call for a destination."""
    tls = settings.tls
    return Peer(
        settings.host,
        settings.port,
        settings.called_ae_title,
        settings.calling_ae_title,
        client_tls(tls) if tls is not None else None,
        server_name=tls.server_name if tls is not None else "",
    )


def main() -> None:
    """Serve on the inherited socket; signals are the main process' affair."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up()
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.setblocking(False)

    async def serve() -> None:
        await SendingProcess().serve(sock)

    uvloop.run(serve())


if __name__ == "__main__":
    main()
