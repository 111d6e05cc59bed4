# SPDX-License-Identifier: Apache-2.0
"""The pool's end of one worker process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.messages import HEADER, MAX_ANSWER, TAKEN, UntrustedAnswer, dump, load_answer

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

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.jobs = 0
        self.took_it = False

    @classmethod
    async def start(cls) -> Worker:
        """Start the process. OSError when there is none to be had."""
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "dromos_gateway.workers.child",
                stdin=theirs.fileno(), stdout=DEVNULL, stderr=DEVNULL, env=environment(),
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        return cls(process, *await asyncio.open_connection(sock=ours))

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def run(self, job: Job[object], limits: Limits) -> Done[object] | Failed:
        """Run one job; `took_it` says whether the worker began, `usable` whether it may have another."""
        self.jobs += 1
        self.took_it = False
        try:
            async with asyncio.timeout(limits.wall):
                self._writer.write(dump((job, limits)))
                await self._writer.drain()
                await self._reader.readexactly(len(TAKEN))
                self.took_it = True
                answer = await self._answer()
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
        return self._process.returncode is None and not self._writer.is_closing() and not self._reader.at_eof()

    async def stop(self) -> None:
        """Let it end; it does once its socket is closed."""
        self._writer.close()
        try:
            async with asyncio.timeout(2):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it now, whatever it does."""
        self._writer.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._process.wait())

    async def _answer(self) -> Done[object] | Failed:
        (length,) = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        if length > MAX_ANSWER:
            raise UntrustedAnswer(f"a worker's answer is {length} bytes long")
        answer = load_answer(await self._reader.readexactly(length))
        if not isinstance(answer, Done | Failed):
            raise UntrustedAnswer("a worker answered with neither a result nor a failure")
        return answer

    async def _post_mortem(self, limits: Limits) -> Failed:
        self._writer.close()
        code = await self._process.wait()
        if not self.took_it:
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
