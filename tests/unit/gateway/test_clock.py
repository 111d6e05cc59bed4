# SPDX-License-Identifier: Apache-2.0
"""A clock that somebody sets does not make anything early or late."""

from __future__ import annotations

import pytest

from dromos_gateway.clock import SteadyClock


class Clocks:
    def __init__(self) -> None:
        self.wall, self.monotonic = 1000.0, 5.0
        self.steady = SteadyClock(lambda: self.wall, lambda: self.monotonic)

    def pass_time(self, seconds: float) -> float:
        self.wall += seconds
        self.monotonic += seconds
        return self.steady()


def test_it_is_the_wall_clock_while_nobody_sets_that() -> None:
    clocks = Clocks()
    assert [clocks.pass_time(10.0) for _ in range(3)] == [1010.0, 1020.0, 1030.0]


@pytest.mark.parametrize("step", [86400.0, -86400.0, 8 * 86400.0])
def test_a_step_is_made_up_for_slowly_and_completely(step: float) -> None:
    clocks = Clocks()
    clocks.wall += step
    rate = 1.1 if step > 0 else 0.9
    assert clocks.pass_time(100.0) == pytest.approx(1000.0 + 100.0 * rate)
    assert clocks.steady() == pytest.approx(1000.0 + 100.0 * rate)
    assert clocks.pass_time(abs(step) * 11) == pytest.approx(clocks.wall)
    assert clocks.pass_time(1.0) == pytest.approx(clocks.wall)
