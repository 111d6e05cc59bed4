# SPDX-License-Identifier: Apache-2.0
"""A destination's queue while its sending process says how attempts went; time passes when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from dromos_gateway.configuration.settings import DestinationSettings, StowSettings
from dromos_gateway.delivery.messages import Done, Ended, Load, Order, Recall, Release, Returned
from dromos_gateway.delivery.outcome import Outcome, Sent, TryAgain
from dromos_gateway.delivery.sender import Sender
from dromos_gateway.spool.records import Delivery, State
from tests.unit.gateway.records import delivery

PEER = StowSettings("http://archive.example/dicomweb/studies", (), None, None, 1)
SETTINGS = DestinationSettings(
    "default/archive", "default/radiology", 1, enabled=True, suspend=False, peer=PEER, sop_classes=None, max_age=1e9
)
NO_TOKEN = TryAgain("no access token: refused", blames_destination=False, retry_after=30.0, attempted=False)
TOO_MANY = TryAgain("HTTP 429 Too Many Requests", blames_destination=False, retry_after=5.0)


class Ledger:
    """What the spool is told."""

    folder = Path("/spool")

    def __init__(self) -> None:
        self.attempts: list[int] = []
        self.settled: list[tuple[int, State]] = []

    def reschedule(self, waiting: Delivery, at: float) -> None:
        self.attempts.append(waiting.attempts)

    def settle(self, done: Delivery, state: State, **_: object) -> None:
        self.settled.append((done.id, state))


class Process:
    """The sending process: one answer to whatever it is given, until a test gives it another."""

    is_open = True

    def __init__(self) -> None:
        self.answer: Outcome = Sent()
        self.loads = 0
        self.slow = False  # it begins with nothing
        self.recalled = 0
        self._held: list[int] = []
        self._lanes = count(1)
        self._listener: Any = None
        self._stumbles = 0

    def begin(self, peer: object, listener: Any) -> int:
        self._listener, self._stumbles = listener, 0
        return next(self._lanes)

    def forget(self, lane: int) -> None:
        """Nothing is kept of it."""

    def post(self, order: Order) -> None:
        if isinstance(order, Load):
            asyncio.get_running_loop().call_soon(self._carry, order)
        elif isinstance(order, Recall):
            asyncio.get_running_loop().call_soon(self._recall, order)
        elif isinstance(order, Release):
            asyncio.get_running_loop().call_soon(self._listener.reported, Ended(order.lane))

    def _carry(self, order: Load) -> None:
        keys = [parcel.key for parcel in order.parcels]
        if order.stumbles != self._stumbles:
            self._listener.reported(Returned(order.lane, tuple(keys)))
            return
        self.loads += 1
        if self.slow:
            self._held += keys
            return
        stumbles = isinstance(self.answer, TryAgain)
        for key in keys:
            self._listener.reported(Done(order.lane, key, self.answer, connected=True))
        if stumbles:
            self._stumbles += 1
            self._listener.reported(Returned(order.lane, (), stumbled=True))

    def _recall(self, order: Recall) -> None:
        self.recalled += 1
        self._stumbles += 1
        held, self._held = tuple(self._held), []
        self._listener.reported(Returned(order.lane, held, stumbled=True))


@contextmanager
def waiting(number: int) -> Iterator[tuple[Sender, Process, Ledger, Callable[[float], None]]]:
    """A sender with so many instances, and the way to let seconds pass."""
    now = [1000.0]
    ledger, process = Ledger(), Process()
    stage = SimpleNamespace(
        sent=lambda *_: None,
        forget=lambda *_, **__: None,
        rest=lambda *_: None,
        syntax_of=lambda *_: "",
        take=lambda *_: None,
    )
    sender = Sender(SETTINGS, ledger, stage, process, lambda: now[0], Random(1))  # type: ignore[arg-type]
    sender.add([replace(delivery(n), since=now[0]) for n in range(number)])

    def pass_by(seconds: float) -> None:
        now[0] += seconds
        sender.fill()

    yield sender, process, ledger, pass_by
    sender._keeper.cancel()


async def until(condition: Callable[[], bool], what: str) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(what)


@pytest.mark.parametrize("answer", [NO_TOKEN, TOO_MANY], ids=["no token", "Retry-After"])
async def test_a_long_outage_costs_no_more_than_its_own_pause(answer: TryAgain) -> None:
    """However often it was tried meanwhile, everything goes with the first request after the last pause."""
    with waiting(60) as (_, process, ledger, pass_by):
        process.answer = answer
        await until(lambda: process.loads == 1, "tried")
        for tries in range(2, 8):
            pass_by((answer.retry_after or 0.0) + 0.1)
            await until(lambda tries=tries: process.loads >= tries, f"tried {tries} times")  # type: ignore[misc]
        process.answer = Sent()
        pass_by((answer.retry_after or 0.0) + 0.1)
        await until(lambda: len(ledger.settled) == 60, "everything is delivered")


async def test_what_did_not_come_to_an_attempt_is_not_counted() -> None:
    with waiting(1) as (_, process, ledger, pass_by):
        process.answer = NO_TOKEN
        await until(lambda: process.loads == 1, "tried")
        pass_by(30.1)
        await until(lambda: process.loads == 2, "tried again")
        process.answer = TOO_MANY
        pass_by(30.1)
        await until(lambda: process.loads == 3, "tried again")
        assert ledger.attempts == [0, 0, 1]


async def test_another_secret_is_tried_at_once() -> None:
    with waiting(3) as (sender, process, ledger, _):
        process.answer = NO_TOKEN
        await until(lambda: process.loads == 1, "tried")
        process.answer = Sent()
        await asyncio.sleep(0.1)
        assert not ledger.settled, "no time has passed"
        sender.update(replace(SETTINGS, peer=replace(PEER, url="http://archive.example/other/studies")))
        await until(lambda: len(ledger.settled) == 3, "delivered")


async def test_retry_after_nothing_does_not_keep_us_busy() -> None:
    with waiting(2) as (_, process, ledger, pass_by):
        process.answer = TryAgain("HTTP 503", retry_after=0.0)
        await until(lambda: process.loads == 1, "tried")
        await asyncio.sleep(0.3)
        assert process.loads == 1, "no time has passed"
        process.answer = Sent()
        pass_by(1.1)
        await until(lambda: len(ledger.settled) == 2, "delivered")


async def test_what_is_not_begun_is_decided_anew_by_another_configuration() -> None:
    with waiting(3) as (sender, process, ledger, _):
        process.slow = True
        await until(lambda: process.loads == 1, "ordered")
        sender.update(SETTINGS)
        assert not process.recalled, "nothing is another"
        sender.update(replace(SETTINGS, suspend=True))
        await until(lambda: sender.in_flight == 0, "given back")
        process.slow = False
        sender.update(replace(SETTINGS, sop_classes=frozenset({"1.2.3"})))
        await until(lambda: len(ledger.settled) == 3, "all are decided")
        assert {state for _, state in ledger.settled} == {State.Excluded}
        assert process.loads == 1
