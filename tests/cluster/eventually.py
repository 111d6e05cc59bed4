# SPDX-License-Identifier: Apache-2.0
"""Waiting for a cluster: ask again until the answer holds or the deadline has passed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(
    ask: Callable[[], Answer],
    holds: Callable[[Answer], bool],
    *,
    within: float,
    every: float = 0.25,
    what: str = "what was waited for",
) -> Answer:
    """The first answer that holds; an AssertionError with the last answer when none did in time."""
    deadline = time.monotonic() + within
    while True:
        answer = ask()
        if holds(answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within:g} s; the last answer was {answer!r}")
        time.sleep(every)


def steadily(ask: Callable[[], Answer], *, seconds: float, every: float = 1, what: str = "what was watched") -> Answer:
    """The answer, when it stayed the same for so long; an AssertionError as soon as it is another."""
    first = ask()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(every)
        now = ask()
        assert now == first, f"{what}: changed from {first!r} to {now!r}"
    return first
