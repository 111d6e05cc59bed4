# SPDX-License-Identifier: Apache-2.0
"""The main process' end of the sending process: starts it, starts it again, and tells each report to its lane."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from typing import Protocol

from dromos_crds.folders import sentence
from dromos_gateway.configuration.settings import AlbumSettings, PeerSettings, StowSettings
from dromos_gateway.delivery.channel import Channel
from dromos_gateway.delivery.messages import Answered, Begin, Order, Probe, Report, Share, Trouble
from dromos_gateway.hosts import LOOKUPS

log = logging.getLogger(__name__)

_LOST = Trouble("the sending process ended")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0  # seconds before it is started again


class Listener(Protocol):
    """Who hears of a lane."""

    def reported(self, report: Report) -> None:
        """A report came from the lane."""

    def lost(self) -> None:
        """The sending process ended: the lane is gone, and what it carried has an unknown outcome."""


class Outbox:
    """One process sends for all destinations, so that receiving and sending each have a processor."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._listeners: dict[int, Listener] = {}
        self._questions: dict[int, asyncio.Future[Trouble | None]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self.running: Callable[[], None] = lambda: None  # told whenever a process was started anew

    @property
    def is_open(self) -> bool:
        """Whether orders are taken now."""
        return self._channel is not None

    async def start(self) -> None:
        """Start the process. OSError."""
        await self._start()
        self._supervisor = asyncio.create_task(self._supervise())

    async def close(self) -> None:
        """End it; what it still carries is aborted."""
        if self._supervisor is not None:
            self._supervisor.cancel()
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()
        if self._process is not None:
            await asyncio.to_thread(_wait, self._process)

    def begin(self, peer: PeerSettings | StowSettings, listener: Listener) -> int:
        """Number a new lane to a peer."""
        number = next(self._numbers)
        self._listeners[number] = listener
        self.post(Begin(number, peer))
        return number

    def forget(self, lane: int) -> None:
        """Nobody listens to the lane any longer."""
        self._listeners.pop(lane, None)

    def post(self, order: Order) -> None:
        """Give an order; without a process it is lost, and `Listener.lost` has said so."""
        if self._channel is not None:
            self._channel.post(order)

    async def probe(self, peer: PeerSettings | StowSettings) -> str | None:
        """Ask a peer whether it lives: None, or what is wrong."""
        trouble = await self._ask(lambda number: Probe(number, peer))
        return None if trouble is None else trouble.message

    async def share(self, album: AlbumSettings, study: str, series: str) -> Trouble | None:
        """Share a series into a Kheops album: None, or what is wrong."""
        return await self._ask(lambda number: Share(number, album, study, series))

    async def _ask(self, question: Callable[[int], Order]) -> Trouble | None:
        if self._channel is None:
            return _LOST
        number = next(self._numbers)
        answer: asyncio.Future[Trouble | None] = asyncio.get_running_loop().create_future()
        self._questions[number] = answer
        self.post(question(number))
        try:
            return await answer
        finally:
            del self._questions[number]

    def _received(self, report: Report) -> None:
        if isinstance(report, Answered):
            answer = self._questions.get(report.number)
            if answer is not None and not answer.done():
                answer.set_result(report.trouble)
        elif (listener := self._listeners.get(report.lane)) is not None:
            listener.reported(report)

    def _lost(self) -> None:
        self._channel = None
        listeners, self._listeners = set(self._listeners.values()), {}
        for listener in listeners:
            listener.lost()
        for answer in self._questions.values():
            if not answer.done():
                answer.set_result(_LOST)
        self._ended.set()

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(theirs)
        ours.setblocking(False)
        self._ended.clear()
        self._channel = await Channel.over(ours, self._received, self._lost)

    async def _supervise(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            started = asyncio.get_running_loop().time()
            await self._ended.wait()
            code = await asyncio.to_thread(_wait, self._process) if self._process is not None else None
            log.error("the sending process ended; it is started again, nothing is lost", extra={"code": code})
            lived = asyncio.get_running_loop().time() - started
            pause = _FIRST_PAUSE if lived > _LONGEST_PAUSE else min(_LONGEST_PAUSE, pause * 2)
            await asyncio.sleep(pause)
            try:
                await self._start()
            except OSError as error:
                log.error("the sending process cannot be started", extra={"error": sentence(error)})  # noqa: TRY400
                continue
            self.running()


def _spawn(sock: socket.socket) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dromos_gateway.delivery.process", str(sock.fileno())]
    environment = {**LOOKUPS, **os.environ}
    return subprocess.Popen(command, pass_fds=[sock.fileno()], stdin=subprocess.DEVNULL, env=environment)


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
