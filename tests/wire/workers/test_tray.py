# SPDX-License-Identifier: Apache-2.0
"""The tray: what one side gets the other never sees."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dromos_gateway.workers.tray import Tray, take


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 32 * 1024 + 1, 5 << 20])
def test_jobs_arrive_as_they_are_and_in_order(size: int) -> None:
    tray = Tray()
    for number in (7, 8):
        tray.put(number, bytes([number]) * size)
    assert take(tray.far) == (7, b"\7" * size)
    assert take(tray.far) == (8, b"\x08" * size)
    tray.close()


def test_what_is_taken_back_nobody_takes() -> None:
    tray = Tray()
    for number, size in ((1, 10), (2, 100_000), (3, 10)):
        tray.put(number, bytes(size))
    open_files = descriptors()
    assert tray.take_back() == 1
    assert tray.take_back() == 2
    assert descriptors() == open_files, "what came along is closed"
    assert take(tray.far) == (3, bytes(10))
    assert tray.take_back() is None
    tray.close()


def test_a_job_goes_to_one_of_both_whoever_is_faster() -> None:
    tray, taken = Tray(), []

    def worker() -> None:
        while (job := take(tray.far)) is not None and job[0]:
            assert job[1] == str(job[0]).encode()
            taken.append(job[0])

    thread = threading.Thread(target=worker)
    thread.start()
    back = []
    for number in range(1, 5000):
        tray.put(number, str(number).encode())
        while number % 30 == 0 and (found := tray.take_back()) is not None:
            back.append(found)
    while (found := tray.take_back()) is not None:
        back.append(found)
    tray.put(0, b"")
    thread.join()
    tray.close()
    assert sorted(taken + back) == list(range(1, 5000))
    assert taken == sorted(taken)


def test_descriptors_go_with_the_tray() -> None:
    before = descriptors()
    tray = Tray()
    tray.put(1, bytes(100_000))
    tray.close()
    assert descriptors() == before
