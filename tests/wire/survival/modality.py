# SPDX-License-Identifier: Apache-2.0
"""Senders that go on whatever happens to the gateway, and know exactly what was acknowledged."""

from __future__ import annotations

import asyncio
import threading
from random import Random

from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext
from tests.wire.survival.instances import Factory, Made


class Modality:
    """Sends one instance after the other, each one once: what got no answer is not sent again.

    So whatever arrives twice at a destination was sent twice by the gateway.
    """

    def __init__(self, port: int, factory: Factory, chance: Random, pace: float, associations: int = 2) -> None:
        self.port = port
        self._factory = factory
        self._chance = chance
        self._pace = pace
        self._associations = associations
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), name="modality")
        self.sent: dict[str, Made] = {}
        self.acknowledged: dict[str, Made] = {}
        self.refused = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent."""
        self._stopping.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._associations):
                group.create_task(self._go_on())

    async def _go_on(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._session()
            except DimseError:
                await asyncio.sleep(0.02)

    async def _session(self) -> None:
        made = self._factory.make()
        kind = made.item.sop_class_uid, made.item.transfer_syntax_uid
        peer = Peer("127.0.0.1", self.port, "DROMOS", "CT1")
        association = await Association.open(peer, [ProposedContext(kind[0], (kind[1],))])
        while not self._stopping.is_set():
            self.sent[made.uid] = made
            status = (await association.store(made.item)).status
            if status == 0:
                self.acknowledged[made.uid] = made
            else:
                self.refused += 1
            made.item.path.unlink()
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pace))
            made = self._factory.make()
        await association.release()
