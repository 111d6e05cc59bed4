# SPDX-License-Identifier: Apache-2.0
"""The pool's end of one worker process."""

from __future__ import annotations

import asyncio
import mmap
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.line import Line
from dromos_gateway.workers.messages import COUNTED, UntrustedAnswer, load_answer

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


class Worker:
    """One process and the socket to it; runs one job at a time."""

    def __init__(self, process: asyncio.subprocess.Process, line: Line, taken: mmap.mmap) -> None:
        self._process = process
        self._line = line
        self._taken = taken
        self.jobs = 0

    @classmethod
    async def start(cls) -> Worker:
        """Start the process. OSError when there is none to be had."""
        ours, theirs = socket.socketpair()
        page = os.memfd_create("taken", os.MFD_CLOEXEC)
        try:
            os.ftruncate(page, 1)
            taken = mmap.mmap(page, 1)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "dromos_gateway.workers.child", str(page),
                stdin=theirs.fileno(), stdout=DEVNULL, stderr=DEVNULL, env=environment(), pass_fds=(page,),
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(page)
        return cls(process, await Line.over(ours), taken)

    @property
    def took_it(self) -> bool:
        """Whether the worker began with its last job; it counts them where we see it, which wakes nobody."""
        return self._taken[0] == self.jobs % COUNTED

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def run(self, job: Job[object], limits: Limits) -> Done[object] | Failed:
        """Run one job; `took_it` says whether the worker began, `usable` whether it may have another."""
        self.jobs += 1
        try:
            async with asyncio.timeout(limits.wall):
                answer = _read(await self._line.ask(self.jobs, (job, limits)))
        except TimeoutError:
            await self.kill()
            return Failed(Cause.WALL, f"needed more than {limits.wall:g} s")
        except (OSError, EOFError):
            return await self._post_mortem(limits)
        except UntrustedAnswer as error:
            await self.kill()
            return Failed(Cause.DIED, str(error))
        except asyncio.CancelledError:
            await self.kill()
            raise
        if isinstance(answer, Failed) and answer.cause is Cause.MEMORY:
            await self.kill()
        return answer

    @property
    def usable(self) -> bool:
        """Whether it runs and waits for a job."""
        return self._process.returncode is None and self._line.is_open

    async def stop(self) -> None:
        """Let it end; it does once its socket is closed."""
        self._line.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it now, whatever it does."""
        self._line.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._process.wait())

    async def _post_mortem(self, limits: Limits) -> Failed:
        self._line.close()
        code = await self._process.wait()
        if not self.took_it:
            return Failed(Cause.SYSTEM, "the worker process ended before it took the job")
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
