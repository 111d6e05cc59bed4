# SPDX-License-Identifier: Apache-2.0
"""The breaker opens after five failures in a row, probes ever slower, and lets go when an instance got through."""

from __future__ import annotations

from random import Random

from dromos_gateway.delivery.backoff import CAP, retry_delay
from dromos_gateway.delivery.breaker import Breaker, BreakerState


def test_five_failures_in_a_row_open_it():
    breaker = Breaker()
    assert [breaker.failed(0.0) for _ in range(4)] == [False] * 4
    breaker.succeeded()
    assert [breaker.failed(0.0) for _ in range(5)] == [False] * 4 + [True]
    assert breaker.state is BreakerState.Open


def test_probes_come_after_two_seconds_and_double_to_a_minute():
    breaker = Breaker()
    breaker.trip(0.0)
    now, pauses = 0.0, []
    for _ in range(7):
        pauses.append(breaker.probe_at - now)
        now = breaker.probe_at
        breaker.probing()
        breaker.probed(False, now)
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


def test_a_good_probe_closes_it_but_only_an_instance_resets_the_pace():
    breaker = Breaker()
    breaker.trip(0.0)
    breaker.probed(True, 2.0)
    assert breaker.closed
    breaker.trip(10.0)
    assert breaker.probe_at == 14.0
    breaker.probed(True, 14.0)
    breaker.succeeded()
    breaker.trip(20.0)
    assert breaker.probe_at == 22.0


def test_retries_are_jittered_over_the_whole_span_and_capped():
    random = Random(1)
    first = [retry_delay(1, random) for _ in range(500)]
    assert 0 <= min(first) < 0.5
    assert 3.5 < max(first) <= 4.0
    late = [retry_delay(40, random) for _ in range(500)]
    assert max(late) <= CAP
    assert max(late) > CAP * 0.95
