# SPDX-License-Identifier: Apache-2.0
"""The pool's end of one worker process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from dromos_gateway.workers.errand import Errand
from dromos_gateway.workers.job import Cause, Done, Failed, Limits
from dromos_gateway.workers.line import Line
from dromos_gateway.workers.messages import UntrustedAnswer, load_answer
from dromos_gateway.workers.tray import Tray

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
NOT_TAKEN = Failed(Cause.SYSTEM, "the worker process ended before it took the job")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LAST_WORDS = 5.0  # seconds a process may take to end once it has hung up
_FAREWELL = 2.0  # seconds it may take once it is let go


class Owner(Protocol):
    """What a worker tells those who have it."""

    def answered(self, worker: Worker) -> None:
        """It has answered an errand."""

    def ended(self, worker: Worker, untouched: list[Errand]) -> None:
        """Its process is no more; those errands it had not begun, or nobody can blame for its end."""


class Worker:
    """One process. It does errands in turn, and the next one may lie ready for it."""

    def __init__(self, process: asyncio.subprocess.Process, tray: Tray, owner: Owner) -> None:
        self._process = process
        self._tray = tray
        self._owner = owner
        self._line: Line | None = None
        self._errands: dict[int, Errand] = {}  # in their order: the first one is at work, or is about to be
        self._since = 0.0  # when its turn came
        self._deadline: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        self._answers = 0
        self.jobs = 0
        self.worn = False  # it is to have no further errand

    @classmethod
    async def start(cls, owner: Owner) -> Worker:
        """Start the process. OSError when there is none to be had."""
        tray = Tray()
        ours, theirs = socket.socketpair()
        answers = theirs.fileno()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "dromos_gateway.workers.child", str(answers),
                stdin=tray.far.fileno(), stdout=DEVNULL, stderr=DEVNULL, env=environment(), pass_fds=(answers,),
            )  # fmt: skip
        except BaseException:
            ours.close()
            tray.close()
            raise
        finally:
            theirs.close()
        worker = cls(process, tray, owner)
        worker._line = await Line.over(ours, worker)
        return worker

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may have another errand, as far as is known."""
        return self._ending is None

    @property
    def errands(self) -> int:
        """How many it has, with the one at work."""
        return len(self._errands)

    @property
    def busy_for(self) -> float:
        """Seconds since the turn of its errand came; 0 when it has none."""
        return asyncio.get_running_loop().time() - self._since if self._errands else 0.0

    @property
    def expected(self) -> int | None:
        """The number of the errand whose turn it is."""
        return next(iter(self._errands), None) if self._ending is None else None

    def has(self, errand: Errand) -> bool:
        """Whether it has that one."""
        return errand in self._errands.values()

    def put(self, errand: Errand) -> None:
        """Give it an errand. OSError."""
        self._tray.put(self.jobs + 1, errand.body)
        self.jobs += 1
        self._errands[self.jobs] = errand
        if len(self._errands) == 1:
            self._take_turn()

    def weigh(self, most: int) -> None:
        """It is worn once it has allocated more than `most` bytes, and when nobody can tell."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[5])
        except (OSError, ValueError, IndexError):
            self.worn = True
        else:
            self.worn = pages * _PAGE > most

    def take_back(self) -> list[Errand]:
        """The errands that it has not begun, and never will."""
        turn, back = next(iter(self._errands), None), []
        while self._errands and (number := self._tray.take_back()) is not None:
            back.append(self._errands.pop(number))
        if turn not in self._errands:
            self._take_turn()
        return back

    def heard(self, body: bytes) -> None:
        """The answer to the errand whose turn it is."""
        try:
            answer = _read(body)
        except UntrustedAnswer as error:
            self._end(Failed(Cause.DIED, str(error)))
            return
        if isinstance(answer, Failed) and answer.cause is Cause.MEMORY:  # what libraries leave behind then is no use
            self._end(answer)
            return
        errand = self._errands.pop(next(iter(self._errands)))
        self._answers += 1
        self._take_turn()
        errand.settle(answer)
        self._owner.answered(self)

    def hung_up(self, why: UntrustedAnswer | None) -> None:
        """It is gone, or has said what it may not say."""
        self._end(None if why is None else Failed(Cause.DIED, str(why)))

    async def kill(self) -> None:
        """End it now, whatever it does."""
        self._end(Failed(Cause.SYSTEM, "the worker process was ended"))
        await self._end_of_it()

    def stop(self) -> Coroutine[object, object, None]:
        """Let it end, as it has nothing to do: from this moment on it gets nothing. What is given waits for its end."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._depart())
        return self._end_of_it()

    async def _end_of_it(self) -> None:
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def _take_turn(self) -> None:
        """The time of the first errand begins."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._errands:
            loop = asyncio.get_running_loop()
            wall = next(iter(self._errands.values())).limits.wall
            self._since = loop.time()
            self._deadline = loop.call_later(wall, self._end, Failed(Cause.WALL, f"needed more than {wall:g} s"))

    def _end(self, failed: Failed | None) -> None:
        """It is over with it: by our hand because of the first errand, or else by itself."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._be_over(failed))

    async def _be_over(self, failed: Failed | None) -> None:
        self._hang_up()
        untouched = self.take_back() if failed is not None else []
        code = await self._gone(_LAST_WORDS if failed is None else 0)
        untouched += self.take_back()
        begun, self._errands = list(self._errands.values()), {}
        self._tray.close()
        if failed is not None and begun:
            begun[0].settle(failed)
            untouched = begun[1:] + untouched  # it went on to that one while it was being ended
        else:
            for errand in begun:
                errand.settle(_post_mortem(code, errand.limits))
        if failed is None and untouched and not begun and not self._answers:
            untouched.pop(0).settle(NOT_TAKEN)
        self._owner.ended(self, untouched)

    async def _depart(self) -> None:
        self._hang_up()
        self._tray.close()
        await self._gone(_FAREWELL)
        self._owner.ended(self, [])

    def _hang_up(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if self._line is not None:
            self._line.close()

    async def _gone(self, patience: float) -> int:
        """How the process ended; when it does not within that many seconds it is killed."""
        if patience:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    return await self._process.wait()
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


def _post_mortem(code: int, limits: Limits) -> Failed:
    if code >= 0:
        return Failed(Cause.DIED, f"the worker process ended with exit code {code}")
    if -code in _SIGNALS:
        cause, message = _SIGNALS[signal.Signals(-code)]
        return Failed(cause, message.format(limits=limits))
    return Failed(Cause.DIED, f"the worker process was ended by {_signal_name(-code)}")


def _read(body: bytes) -> Done[object] | Failed:
    answer = load_answer(body)
    if not isinstance(answer, Done | Failed):
        raise UntrustedAnswer("a worker answered with neither a result nor a failure")
    return answer


def environment() -> dict[str, str]:
    """What a worker knows of the world, and how its C library is to treat memory."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | _SET


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
