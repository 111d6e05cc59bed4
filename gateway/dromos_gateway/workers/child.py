# SPDX-License-Identifier: Apache-2.0
"""The worker process: takes jobs from the socket at descriptor 0, one at a time, until it is closed.

    python -m dromos_gateway.workers.child ANSWERS

ANSWERS is the descriptor of the socket over which it answers, each job by its number.
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
from dromos_gateway.workers.messages import dump
from dromos_gateway.workers.tray import take

_NOT_THE_OBJECTS_FAULT = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EROFS, errno.ENOENT)
)
_OVERTIME = 2.0  # seconds after which the process ends by itself, should nobody be there any more to kill it


def main() -> int:
    """Serve until the pool closes the socket, or is gone: what it laid there before is nobody's business then."""
    _stand_back()
    pool, loaded = os.getppid(), 0
    with socket.socket(fileno=0) as jobs, socket.socket(fileno=int(sys.argv[1])) as answers:
        while (question := take(jobs)) is not None and os.getppid() == pool:
            number, body = question
            job, limits = pickle.loads(body)  # noqa: S301  the pool is trusted
            answer = run(job, limits)
            answers.sendall(dump(number, answer))
            loaded = _spare_the_collector(loaded)
            if isinstance(answer, Failed) and answer.cause is Cause.MEMORY:
                return 0
    return 0


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


def _spare_the_collector(loaded: int) -> int:
    """Modules that jobs bring along stay for good: the garbage collector need not look through them each time."""
    if len(sys.modules) != loaded:
        gc.collect()
        gc.freeze()
    return len(sys.modules)


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
