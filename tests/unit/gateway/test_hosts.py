# SPDX-License-Identifier: Apache-2.0
"""Host names of sources: an answer counts however late it comes, and nobody waits for another's."""

from __future__ import annotations

import asyncio

import pytest

from dromos_gateway import hosts
from dromos_gateway.hosts import Hosts


@pytest.fixture
async def answers(monkeypatch):
    """What the resolver says; a future is waited for."""
    said: dict[str, object] = {"localhost": "127.0.0.1"}

    async def look_up(name: str, port: object, **_: object) -> list[tuple[object, ...]]:
        found = said.get(name)
        if isinstance(found, asyncio.Future):
            found = await found
        if found is None:
            raise OSError(-2, "Name or service not known")
        return [(2, 1, 6, "", (found, 0))]

    monkeypatch.setattr(hosts, "_PATIENCE", 0.01)
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    return said


async def test_a_late_answer_counts_and_each_trouble_is_told_once(answers, caplog):
    late = answers["late.example"] = asyncio.get_running_loop().create_future()
    known = Hosts()
    await known.want(["localhost", "late.example", "nowhere.example", "192.0.2.7"])
    assert known.matches("localhost", "127.0.0.1")
    assert known.matches("192.0.2.7", "192.0.2.7")
    assert not known.matches("late.example", "192.0.2.9")
    await known.refresh(only_new=True)
    late.set_result("192.0.2.9")
    await known.refresh(only_new=True)
    assert known.matches("late.example", "192.0.2.9")
    answers["late.example"] = None
    await known.refresh()
    assert known.matches("late.example", "192.0.2.9"), "a name keeps its addresses"
    warned = [record.host for record in caplog.records]  # type: ignore[attr-defined]
    assert sorted(warned) == ["late.example", "late.example", "nowhere.example"]
