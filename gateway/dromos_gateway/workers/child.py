# SPDX-License-Identifier: Apache-2.0
"""The worker process: takes jobs from the socket at descriptor 0, one at a time, until it is closed.

    python -m dromos_gateway.workers.child

It imports next to nothing until a job asks for it. After a job that ran out of memory it ends: what libraries leave
behind then is not worth finding out.
"""

from __future__ import annotations

import errno
import gc
import importlib
import math
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.messages import ANSWER, HEADER, SKIPPED, TAKEN, dump

_NOT_THE_OBJECTS_FAULT = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.ENOENT)
)
_PIECE = 64 * 1024
_OVERTIME = 2.0  # seconds after which the process ends by itself, should nobody be there any more to kill it


def main() -> int:
    """Serve until the pool closes the socket."""
    _stand_back()
    with socket.socket(fileno=0) as channel:
        _serve(_Requests(channel), int(sys.argv[1]))
    return 0


def _serve(requests: _Requests, claims: int) -> None:
    """One request after the other. An answer leaves together with the word that the next request is taken, if there is
    one already: the pool is woken once for both.
    """
    unsaid = b""
    while (request := requests.next(wait=not unsaid)) is not None or unsaid:
        if request is None:
            requests.channel.sendall(unsaid)
            unsaid = b""
        elif not _claimed(claims):
            unsaid += SKIPPED
        else:
            requests.channel.sendall(unsaid + TAKEN)
            job, limits = pickle.loads(request)  # noqa: S301  the pool is trusted
            answer = run(job, limits)
            unsaid = ANSWER + dump(answer)
            if isinstance(answer, Failed) and answer.cause is Cause.MEMORY:
                requests.channel.sendall(unsaid)
                return


def _claimed(claims: int) -> bool:
    """Whether the request is this worker's. The pool, which may want it back, reads the same counter of claims."""
    try:
        return os.eventfd_read(claims) == 1
    except BlockingIOError:
        return False


class _Requests:
    """What the pool sends; there may be more than one message in the socket."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self._block = bytearray()

    def next(self, *, wait: bool) -> bytes | None:
        """A message; None: the socket is closed, or there is none just now and it isn't to be waited for."""
        while (request := self._whole()) is None:
            try:
                part = self.channel.recv(_PIECE, 0 if wait else socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            if not part:
                return None
            self._block += part
        return request

    def _whole(self) -> bytes | None:
        if len(self._block) < HEADER.size:
            return None
        end = HEADER.size + HEADER.unpack_from(self._block)[0]
        if len(self._block) < end:
            return None
        request = bytes(self._block[HEADER.size : end])
        del self._block[:end]
        return request


def run(job: Job[object], limits: Limits) -> Done[object] | Failed:
    """Run one job within its limits."""
    _confine(limits)
    try:
        return Done(_function(job.function)(*job.arguments))
    except MemoryError:
        gc.collect()
        return Failed(Cause.MEMORY, f"needed more than {limits.memory >> 20} MiB of memory")
    except OSError as error:
        return _system_error(error, limits)
    except RecursionError:
        return Failed(Cause.RAISED, "nested too deeply")
    except Exception as error:
        return Failed(Cause.RAISED, _whereabouts(error))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stand_back() -> None:
    """When the pod runs out of memory, the kernel shall take this process; a core dump would hold patient data."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
    except OSError:
        return  # a kernel without it, or a score already higher


def _confine(limits: Limits) -> None:
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_DATA, limits.memory)
    _limit(resource.RLIMIT_CPU, math.ceil(spent.ru_utime + spent.ru_stime + limits.cpu))
    _limit(resource.RLIMIT_FSIZE, limits.output)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limits.wall + _OVERTIME)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _function(name: str) -> Callable[..., object]:
    module, _, attribute = name.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(module), attribute)
    return found


def _system_error(error: OSError, limits: Limits) -> Failed:
    if error.errno == errno.EFBIG:
        return Failed(Cause.OUTPUT, f"wrote a file larger than {limits.output} bytes")
    if error.errno == errno.ENOMEM:
        return Failed(Cause.MEMORY, f"needed more than {limits.memory >> 20} MiB of memory")
    if error.errno in _NOT_THE_OBJECTS_FAULT:
        return Failed(Cause.SYSTEM, f"{os.strerror(error.errno)} {_whereabouts(error)}")
    return Failed(Cause.RAISED, _whereabouts(error))


def _whereabouts(error: BaseException) -> str:
    """Type and place; never the text, which may quote the object."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    place = f" at {step.tb_frame.f_globals.get('__name__', '?')}:{step.tb_lineno}" if step is not None else ""
    return f"{type(error).__name__}{place}"


if __name__ == "__main__":
    sys.exit(main())
