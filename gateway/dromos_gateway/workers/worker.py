# SPDX-License-Identifier: Apache-2.0
"""The pool's end of one worker process: the errand it is on, and the one that lies ready for it.

The errand that lies ready saves the worker the wait for its next one, which would be longer than a small errand is.
Until the worker has claimed it, it can be recalled; so it never waits for a long one while another worker has nothing
to do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from dromos_gateway.workers.job import Cause, Done, Failed, Limits
from dromos_gateway.workers.messages import SKIPPED, TAKEN, Inbox, UntrustedAnswer

_SIGNALS = {
    signal.SIGXCPU: (Cause.CPU, "needed more than {limits.cpu:g} s of processor time"),
    signal.SIGALRM: (Cause.WALL, "needed more than {limits.wall:g} s"),
}
# Nothing of the gateway's environment is a worker's business; one job has one thread, the pool has the cores. Frames
# of some megabytes are kept for the next frame instead of being asked from the kernel anew.
_KEPT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR")
_SET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
}

Answer = Done[object] | Failed


@dataclass(slots=True, eq=False)
class Errand:
    """A job on its way to a worker, and where the answer is waited for."""

    request: bytes = field(repr=False)
    limits: Limits
    answer: asyncio.Future[Answer] = field(repr=False)

    def settle(self, answer: Answer) -> None:
        """Say what came of it, if anybody still waits."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Worker(asyncio.Protocol):
    """One process and the socket to it. `changed` is called when it may take an errand, or has gone.

    errand   the one it is on; None: it has nothing to do
    ready    the one that lies ready for it
    left     once it has gone: errands that it never claimed
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        self._claims = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._process: asyncio.subprocess.Process
        self._transport: asyncio.WriteTransport
        self._timer: asyncio.TimerHandle | None = None
        self._burial: asyncio.Task[None] | None = None
        self._claimed = False
        self._skips = 0  # errands recalled that it has not passed over yet
        self.since = 0.0  # when the errand began, or when there was none any more
        self.errands = 0
        self.errand: Errand | None = None
        self.ready: Errand | None = None
        self.left: list[Errand] = []
        self.buried = False

    @classmethod
    async def start(cls, changed: Callable[[], None]) -> Self:
        """Start the process. OSError when there is none to be had."""
        ours, theirs = socket.socketpair()
        worker = cls(changed)
        try:
            worker._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "dromos_gateway.workers.child", str(worker._claims),
                stdin=theirs.fileno(), stdout=DEVNULL, stderr=DEVNULL, env=environment(), pass_fds=(worker._claims,),
            )  # fmt: skip
        except BaseException:
            ours.close()
            os.close(worker._claims)
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        worker._transport, _ = await worker._loop.create_connection(lambda: worker, sock=ours)
        worker.since = worker._loop.time()
        return worker

    @property
    def gone(self) -> bool:
        """Whether it has ended, or is ending."""
        return self._burial is not None or self._transport.is_closing()

    @property
    def takes_another(self) -> bool:
        """Whether an errand may be laid ready for it."""
        return not self.gone and self.errand is not None and self.ready is None and not self._skips

    def give(self, errand: Errand) -> None:
        """Send an errand: the one to do now, or the next."""
        self.errands += 1
        if self.errand is None:
            self._begin(errand)
        else:
            self.ready = errand
        os.eventfd_write(self._claims, 1)  # before it can be claimed
        self._transport.write(errand.request)

    def recall(self) -> Errand | None:
        """Take back the errand that lies ready; None: it is the worker's already."""
        errand = self.ready
        if errand is None or self.gone:
            return None
        try:
            os.eventfd_read(self._claims)
        except BlockingIOError:
            return None
        self.ready = None
        self._skips += 1
        return errand

    def dismiss(self) -> None:
        """No more errands; it ends once its socket is closed."""
        self._transport.close()

    async def ended(self) -> None:
        """Wait until it has, after `dismiss`; not for long."""
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
        await self._buried()

    async def kill(self) -> None:
        """End it now, whatever it does; what it was on is nobody's any more."""
        self._transport.abort()
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._buried())

    def data_received(self, data: bytes) -> None:
        """What the worker says."""
        self._inbox.feed(data)
        try:
            while not self.gone and (said := self._inbox.take()) is not None:
                self._heed(said)
        except UntrustedAnswer as error:
            self._end(Failed(Cause.DIED, str(error)))
        self._changed()

    def connection_lost(self, error: Exception | None) -> None:
        """It has ended, or was told to."""
        self._buried()

    def _heed(self, said: bytes | Answer) -> None:
        if said == SKIPPED and self._skips:
            self._skips -= 1
        elif said == TAKEN and self.errand is not None and not self._claimed:
            self._claimed = True
        elif isinstance(said, Done | Failed) and self.errand is not None and self._claimed:
            if isinstance(said, Failed) and said.cause is Cause.MEMORY:
                self._end(said)
                return
            errand, self.errand, ready, self.ready = self.errand, None, self.ready, None
            if ready is None:
                self._rest()
            else:
                self._begin(ready)
            errand.settle(said)
        else:
            raise UntrustedAnswer("a worker speaks out of turn")

    def _begin(self, errand: Errand) -> None:
        self._rest()
        self.errand = errand
        self._timer = self._loop.call_later(errand.limits.wall, self._overtime, errand)

    def _rest(self) -> None:
        self._claimed = False
        self.since = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _overtime(self, errand: Errand) -> None:
        self._end(Failed(Cause.WALL, f"needed more than {errand.limits.wall:g} s"))

    def _end(self, answer: Failed) -> None:
        """Kill it; what it was on has come to this."""
        errand, self.errand = self.errand, None
        self._transport.abort()
        with suppress(ProcessLookupError):
            self._process.kill()
        self._buried(errand, answer)

    def _buried(self, errand: Errand | None = None, answer: Failed | None = None) -> asyncio.Task[None]:
        if self._burial is None:
            self._burial = self._loop.create_task(self._bury(errand, answer))
        return self._burial

    async def _bury(self, errand: Errand | None, answer: Failed | None) -> None:
        """When the process is no more, say what that means for the errands it had: nobody else writes their files."""
        claimed = self._claimed
        self._rest()
        self._transport.abort()
        code = await self._process.wait()
        os.close(self._claims)
        left = [each for each in (self.errand, self.ready) if each is not None]
        if answer is not None and errand is not None:
            errand.settle(answer)
        elif left and left[0] is self.errand and (claimed or self.errands == 1):  # an older one may just have been idle
            left.pop(0).settle(_post_mortem(code, claimed, self.errand.limits))
        self.errand, self.ready, self.left, self.buried = None, None, left, True
        self._changed()


def _post_mortem(code: int, claimed: bool, limits: Limits) -> Failed:
    if not claimed:
        return Failed(Cause.SYSTEM, "the worker process ended before it took the job")
    if code >= 0:
        return Failed(Cause.DIED, f"the worker process ended with exit code {code}")
    if -code in _SIGNALS:
        cause, message = _SIGNALS[signal.Signals(-code)]
        return Failed(cause, message.format(limits=limits))
    return Failed(Cause.DIED, f"the worker process was ended by {_signal_name(-code)}")


def environment() -> dict[str, str]:
    """What a worker knows of the world, and how its C library is to treat memory."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _SET


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
