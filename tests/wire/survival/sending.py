# SPDX-License-Identifier: Apache-2.0
"""A sender that asks what it got."""

from __future__ import annotations

import asyncio

from dromos_gateway.dimse.errors import AssociationRejected, DimseError
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext
from tests.wire.survival.instances import Factory

REFUSALS = {0xA700, "rejected 2,3,2"}


class Sender:
    """Sends a few instances and notes what each got: a status, or what became of the association."""

    def __init__(self, port: int, factory: Factory) -> None:
        self.port = port
        self._factory = factory
        self.kept: dict[str, bytes] = {}

    def send(self, number: int) -> list[int | str]:
        return asyncio.run(self._send(number))

    async def _send(self, number: int) -> list[int | str]:
        answers: list[int | str] = []
        association = None
        for _ in range(number):
            made = self._factory.make()
            try:
                if association is None or not association.is_open:
                    context = ProposedContext(made.item.sop_class_uid, (made.item.transfer_syntax_uid,))
                    association = await Association.open(Peer("127.0.0.1", self.port, "DROMOS", "CT1"), [context])
                response = await association.store(made.item)
            except AssociationRejected as error:
                answers.append(f"rejected {error.result},{error.source},{error.reason}")
                continue
            except DimseError as error:
                answers.append(type(error).__name__)
                continue
            answers.append(response.status)
            if response.status == 0:
                self.kept[made.uid] = made.digest
        if association is not None:
            await association.release()
        return answers
