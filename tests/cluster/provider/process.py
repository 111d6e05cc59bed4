# SPDX-License-Identifier: Apache-2.0
"""Programs, run to their end; what they said goes into the error."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

Done = subprocess.CompletedProcess[str]


class ProviderError(Exception):
    """The cluster could not be had, with what to do about it."""


def run(
    *words: str | Path,
    stdin: str | None = None,
    check: bool = True,
    timeout: float | None = 120,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Done:
    """Run a program; with `check` a failure is a ProviderError with its last words."""
    command = [str(word) for word in words]
    try:
        done = subprocess.run(
            command,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout,
            cwd=cwd,
            env=None if environment is None else dict(environment),
        )
    except FileNotFoundError as error:
        raise ProviderError(f"{command[0]} is not installed; run hack/install-debian.sh as root") from error
    except subprocess.TimeoutExpired as error:
        raise ProviderError(f"{' '.join(command[:6])}: no end after {timeout:g} s") from error
    if check and done.returncode != 0:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-15:])
        raise ProviderError(f"{' '.join(command[:8])}: exit code {done.returncode}: {said}")
    return done


def say(message: str) -> None:
    """Progress, for a person, on standard error."""
    print(f"cluster: {message}", file=sys.stderr, flush=True)


def wait(holds: Callable[[], bool], *, within: float, every: float = 0.2) -> bool:
    """Ask again until it holds; False when the deadline passed first."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
