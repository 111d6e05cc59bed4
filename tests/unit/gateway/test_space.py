# SPDX-License-Identifier: Apache-2.0
"""The reserve: five per cent of the spool's size and of its file system."""

from __future__ import annotations

from pathlib import Path

from dromos_gateway.spool.space import FileSystem, Space

GB = 10**9


def test_the_spool_size_less_its_reserve_is_the_limit():
    space = Space(Path("/"), 1000, look=lambda _: FileSystem(10**6, 10**6), clock=lambda: 0.0)
    space.add(950)
    assert space.shortage is None
    space.add(1)
    assert "951 of 1000" in (space.shortage or "")
    space.add(-1)
    assert space.shortage is None


def test_a_file_system_in_its_reserve_takes_no_more_and_recovers():
    state = {"now": 0.0, "free": 60 * GB}
    space = Space(Path("/"), None, look=lambda _: FileSystem(1000 * GB, state["free"]), clock=lambda: state["now"])
    assert space.shortage is None
    space.add(11 * GB)  # counted at once, without asking the file system again
    assert space.shortage is not None
    state.update(now=10.0, free=500 * GB)
    assert space.shortage is None
    state.update(now=20.0, free=49 * GB)  # somebody else filled it
    assert space.shortage is not None


def test_a_small_file_system_is_asked_each_time():
    free = [10 * 2**20]
    space = Space(Path("/"), None, look=lambda _: FileSystem(32 * 2**20, free[0]), clock=lambda: 0.0)
    assert space.shortage is None
    free[0] = 2**20  # slots and the ledger, which nobody counts, have taken it
    assert space.shortage is not None


def test_a_folder_that_is_gone_is_a_shortage_and_no_accident():
    state = {"now": 0.0, "gone": False}

    def look(_: Path) -> FileSystem:
        if state["gone"]:
            raise FileNotFoundError(2, "No such file or directory")
        return FileSystem(1000, 500)

    space = Space(Path("/"), None, look=look, clock=lambda: state["now"])
    state.update(now=1.0, gone=True)
    assert "No such file" in (space.shortage or "")
    state.update(now=2.0, gone=False)
    assert space.shortage is None
