# SPDX-License-Identifier: Apache-2.0
"""Asking pods, which here are real HTTP servers on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from dromos_operator.engine.acks import Acknowledgements, Pace, Target
from dromos_operator.kinds import Key

PACE = Pace(timeout=0.3, eager=0.05)
NODE = Key("ForwardNode", "imaging", "radiology")


class Pod:
    """Answers as a gateway does."""

    def __init__(self) -> None:
        self.hash = "sha256:old"
        self.waiting = 0
        self.asked = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.answer: Any = None
        self.port = 0

    async def configuration(self, request: web.Request) -> web.Response:
        self.asked += 1
        if request.headers.get("Authorization") != "Bearer secret":
            return web.Response(status=401)
        await self.goes_on.wait()
        if self.answer is not None:
            return web.json_response(self.answer)
        destinations = [
            {"name": "archive", "namespace": "imaging", "programmed": True, "reason": "Programmed", "message": ""}
        ]
        return web.json_response({"hash": self.hash, "problems": [], "destinations": destinations})

    async def status(self, _: web.Request) -> web.Response:
        spool = {"bytes": 5, "limitBytes": 10, "instances": self.waiting, "available": True}
        queues = [{"name": "archive", "namespace": "imaging", "waiting": self.waiting, "failed": 0, "oldest": None}]
        return web.json_response({"spool": spool, "destinations": queues})


@pytest.fixture
async def pod() -> AsyncIterator[Pod]:
    pod = Pod()
    application = web.Application()
    application.add_routes([web.get("/v1/configuration", pod.configuration), web.get("/v1/status", pod.status)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pod.port = runner.addresses[0][1]
    yield pod
    pod.goes_on.set()
    await runner.cleanup()


@pytest.fixture
async def acks(pod: Pod) -> AsyncIterator[Acknowledgements]:
    acks = Acknowledgements(pod_changes.append, time.monotonic, pod.port, PACE)
    pod_changes.clear()
    yield acks
    await acks.close()


pod_changes: list[Key] = []


def _target(hash_: str = "sha256:new", identity: str = "u/c1", token: str = "secret") -> dict[str, Target]:
    return {"radiology-0": Target(NODE, "radiology-0", "127.0.0.1", identity, token, hash_)}


async def _until(holds: Callable[[], bool], within: float = 6) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.02)


def _hash(acks: Acknowledgements) -> str | None:
    report = acks.reports("imaging", ("radiology-0",)).get("radiology-0")
    return report.hash if report is not None else None


async def test_a_pod_is_asked_until_it_has_the_configuration(pod: Pod, acks: Acknowledgements) -> None:
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    assert _hash(acks) == "sha256:old"
    pod.hash = "sha256:new"
    await _until(lambda: _hash(acks) == "sha256:new")
    assert pod_changes == [NODE, NODE]


async def test_a_pod_that_has_it_is_left_in_peace(pod: Pod, acks: Acknowledgements) -> None:
    pod.hash = "sha256:new"
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    acks.watch(NODE, _target())
    await asyncio.sleep(10 * PACE.eager)
    assert pod.asked == 1
    acks.watch(NODE, _target("sha256:newer"))
    await _until(lambda: pod.asked == 2, within=0.5)


async def test_a_stopped_pod_keeps_its_old_word_and_is_heard_once_it_goes_on(pod: Pod, acks: Acknowledgements) -> None:
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    pod.goes_on.clear()
    pod.hash = "sha256:new"
    await _until(lambda: pod.asked >= 3, within=8)
    assert _hash(acks) == "sha256:old"
    pod.goes_on.set()
    await _until(lambda: _hash(acks) == "sha256:new")


async def test_another_life_of_a_pod_has_said_nothing_yet(pod: Pod, acks: Acknowledgements) -> None:
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    pod.goes_on.clear()
    acks.watch(NODE, _target(identity="u/c2"))
    assert _hash(acks) is None


async def test_a_pod_that_is_no_longer_expected_is_forgotten(pod: Pod, acks: Acknowledgements) -> None:
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    acks.watch(NODE, {})
    asked = pod.asked
    assert _hash(acks) is None
    await asyncio.sleep(10 * PACE.eager)
    assert pod.asked == asked


@pytest.mark.parametrize(
    "answer", [[], {"hash": "h", "destinations": [{}]}, {"hash": "h", "destinations": [1]}, "text"]
)
async def test_an_answer_that_makes_no_sense_is_none(pod: Pod, acks: Acknowledgements, answer: Any) -> None:
    pod.answer = answer
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    assert _hash(acks) is None
    pod.answer = None
    await _until(lambda: _hash(acks) == "sha256:old")


async def test_a_wrong_token_is_no_acknowledgement(pod: Pod, acks: Acknowledgements) -> None:
    acks.watch(NODE, _target(token="guessed"))
    await acks.first_words(NODE)
    assert pod.asked == 1
    assert _hash(acks) is None


async def test_queues_are_told_and_a_change_of_them_makes_work(pod: Pod, acks: Acknowledgements) -> None:
    pod.waiting = 3
    acks.watch(NODE, _target())
    await acks.first_words(NODE)
    report = acks.reports("imaging", ("radiology-0",))["radiology-0"]
    assert report.load is not None
    assert (report.load.instances, report.load.queues["archive"].waiting) == (3, 3)
    pod.waiting = 0
    await _until(lambda: len(pod_changes) == 2)
