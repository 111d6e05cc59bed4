# SPDX-License-Identifier: Apache-2.0
"""Destinations that go: none of them waits for another, and what the ledger did not take is told it again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dromos_gateway.delivery.dispatcher import Dispatcher
from dromos_gateway.delivery.sender import Sender
from tests.unit.gateway.test_sender import SETTINGS


class Ledger:
    """A spool whose ledger can be out of order."""

    def __init__(self, folder):
        self.folder = folder
        self.space = SimpleNamespace(add=lambda _: None)
        self.broken = False
        self.buried: list[str] = []

    async def bury_destination(self, destination: str, **_: object) -> int:
        if self.broken:
            raise OSError(28, "No space left on device")
        self.buried.append(destination)
        return 1


def configuration(*names: str) -> SimpleNamespace:
    return SimpleNamespace(destinations={name: replace(SETTINGS, key=name) for name in names})


@pytest.fixture
async def dispatcher(tmp_path):
    made = Dispatcher(Ledger(tmp_path), lambda: 1000.0)  # type: ignore[arg-type]
    made.sharer = SimpleNamespace(follow=lambda _: None, poke=lambda: None)  # type: ignore[assignment]
    yield made
    for sender in made.senders.values():
        sender._keeper.cancel()


async def test_destinations_that_go_together_end_together(dispatcher, monkeypatch):
    both = asyncio.Barrier(2)

    async def stop(self: Sender, timeout: float) -> None:
        self._keeper.cancel()
        async with asyncio.timeout(10):
            await both.wait()

    monkeypatch.setattr(Sender, "stop", stop)
    await dispatcher.apply(configuration("a", "b", "c"))
    await dispatcher.apply(configuration("c"))
    assert sorted(dispatcher._spool.buried) == ["a", "b"]


async def test_a_queue_that_could_not_be_buried_is_buried_at_the_next_try(dispatcher):
    await dispatcher.apply(configuration("a", "b"))
    dispatcher._spool.broken = True
    with pytest.raises(OSError, match="No space"):
        await dispatcher.apply(configuration("b"))
    assert list(dispatcher.senders) == ["b"]
    dispatcher._spool.broken = False
    await dispatcher.apply(configuration("b"))
    assert dispatcher._spool.buried == ["a"]
    await dispatcher.apply(configuration("b"))
    assert dispatcher._spool.buried == ["a"]
