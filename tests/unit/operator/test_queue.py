# SPDX-License-Identifier: Apache-2.0
"""The work queue: once each, never twice at a time, later after each failure."""

from __future__ import annotations

import asyncio

import pytest

from dromos_operator.engine.queue import FIRST_BACKOFF, LONGEST_BACKOFF, WorkQueue


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue[str]:
    return WorkQueue(clock, jitter=lambda _, high: high)


async def _is_empty(queue: WorkQueue[str]) -> bool:
    try:
        await asyncio.wait_for(queue.get(), 0.02)
    except TimeoutError:
        return True
    return False


async def test_a_key_that_is_added_forty_times_is_handed_out_once(queue: WorkQueue[str]) -> None:
    for _ in range(40):
        queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert await _is_empty(queue)


async def test_a_key_that_is_added_while_worked_on_comes_again_only_after_that(queue: WorkQueue[str]) -> None:
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert await _is_empty(queue)
    queue.done("a")
    assert await queue.get() == "a"


async def test_the_order_is_that_of_the_times_due(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("late", 5)
    queue.add("soon", 1)
    queue.add("now")
    clock.now = 10
    assert [await queue.get() for _ in range(3)] == ["now", "soon", "late"]


async def test_a_delay_moves_a_key_forward_but_never_back(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a", 5)
    queue.add("a", 60)
    queue.add("a", 1)
    clock.now = 1
    assert await queue.get() == "a"
    queue.done("a")
    clock.now = 100
    assert await _is_empty(queue), "the superseded times are forgotten"


async def test_a_waiting_worker_wakes_up_for_a_new_key(queue: WorkQueue[str]) -> None:
    waiting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    assert await asyncio.wait_for(waiting, 1) == "a"


async def test_failures_back_off_to_a_minute_and_success_forgets_them(queue: WorkQueue[str], clock: Clock) -> None:
    delays = []
    queue.add("a")
    for _ in range(12):
        await queue.get()
        delay = queue.done("a", failed=True)
        assert delay is not None
        delays.append(delay)
        clock.now += delay
    assert delays[:3] == [FIRST_BACKOFF, 2 * FIRST_BACKOFF, 4 * FIRST_BACKOFF]
    assert delays[-1] == LONGEST_BACKOFF
    await queue.get()
    assert queue.done("a") is None
    queue.add("a")
    await queue.get()
    assert queue.done("a", failed=True) == FIRST_BACKOFF


async def test_news_during_a_failure_shortens_the_backoff(queue: WorkQueue[str], clock: Clock) -> None:
    queue.add("a")
    for _ in range(8):
        await queue.get()
        clock.now += queue.done("a", failed=True) or 0
    await queue.get()
    queue.add("a")
    assert queue.done("a", failed=True) == FIRST_BACKOFF
