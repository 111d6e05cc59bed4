# SPDX-License-Identifier: Apache-2.0
"""Tiers run in lanes: what one waits for, pods mostly, leaves processors to the other.

A tier that runs alone writes to the terminal. Beside another one it writes into build/tiers/NAME.log; a line says that it
began, one how far it is, one how it ended, and the log of a tier that failed is printed whole.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tests.tiers.needs import ROOT
from tests.tiers.tier import Lane, Tier

LOGS = ROOT / "build/tiers"
PROGRESS = 60.0  # seconds between two lines that say how far the lanes are
ROOM = 2 << 30
_DOTS = re.compile(r"^[.FEsxX]+(?: *\[ *\d+%\])?$", re.MULTILINE)
_PERCENT = re.compile(r"\[ *(\d+)%\]")
_SUMMARY = re.compile(r"\d+ (?:passed|failed|error).* in [0-9.]+s")


class Run:
    """One run of some tiers, and what came of each: a verdict and its seconds."""

    def __init__(self, *, required: bool) -> None:
        self._required = required
        self._running: dict[str, float] = {}
        self.results: dict[str, tuple[str, float]] = {}

    async def all(self, tiers: Sequence[Tier]) -> None:
        """Those that come first one after the other, then the lanes side by side. What fails keeps nobody from running."""
        lanes = {lane: [tier for tier in tiers if tier.lane is lane] for lane in Lane}
        for tier in lanes.pop(Lane.FIRST):
            await self._run(tier, apart=False)
        busy = [lane for lane in lanes.values() if lane]
        async with asyncio.TaskGroup() as group:
            ticking = group.create_task(self._tick()) if len(busy) > 1 else None
            working = [group.create_task(self._lane(lane, apart=len(busy) > 1)) for lane in busy]
            await asyncio.gather(*working)
            if ticking is not None:
                ticking.cancel()

    async def _lane(self, tiers: Sequence[Tier], *, apart: bool) -> None:
        for tier in tiers:
            await self._run(tier, apart=apart)

    async def _run(self, tier: Tier, *, apart: bool) -> None:
        reason = await asyncio.to_thread(tier.missing)
        if reason is not None:
            self.results[tier.name] = (f"FAILED: {reason}" if self._required else f"not run: {reason}", 0.0)
            return
        started = self._running[tier.name] = time.monotonic()
        if not apart:
            verdict = await self._commands(tier, None)
        else:
            LOGS.mkdir(parents=True, exist_ok=True)
            _say(tier.name, f"begins; log: {_log(tier.name).relative_to(ROOT)}")
            with _log(tier.name).open("wb") as log:
                verdict = await self._commands(tier, log)
        del self._running[tier.name]
        seconds = time.monotonic() - started
        self.results[tier.name] = (verdict, seconds)
        if apart:
            self._tell(tier.name, verdict, seconds)

    async def _commands(self, tier: Tier, log: IO[bytes] | None) -> str:
        for command in tier.commands:
            title = f"\n── {tier.name}: {' '.join(Path(word).name for word in command[:6])}"
            if log is None:
                print(title, flush=True)
            else:
                log.write(f"{title}\n".encode())
                log.flush()
            try:
                code = await _finished(command, _environment(tier), log)
            except OSError as error:  # of a program that is not there; the other lane goes on
                return f"FAILED ({Path(command[0]).name} cannot be started: {error.strerror})"
            if code != 0:
                return f"FAILED ({Path(command[0]).name} exited with {code})"
        return "passed"

    def _tell(self, name: str, verdict: str, seconds: float) -> None:
        text = _log(name).read_text(encoding="utf-8", errors="replace")
        if verdict != "passed":
            print(f"\n── log of {name}\n{text}\n── end of the log of {name}", flush=True)
        said = ", then ".join(_SUMMARY.findall(text))
        _say(name, f"{verdict} after {seconds:.0f} s{f': {said}' if said else ''}")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(PROGRESS)
            for name, started in self._running.items():
                _say(name, f"{_progress(name)}, {time.monotonic() - started:.0f} s")


def _environment(tier: Tier) -> dict[str, str]:
    """Unit tests write into memory where it can hold them: what a disk does, the other tiers show.

    Gateways start hundreds of times, so that what Python compiles of them is kept, whatever it is told elsewhere.
    """
    memory = Path("/dev/shm")
    roomy = tier.name == "unit" and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, **({"PYTEST_DEBUG_TEMPROOT": str(memory)} if roomy else {})}


async def _finished(command: Sequence[str], environment: dict[str, str], log: IO[bytes] | None) -> int:
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:  # we were interrupted; so were they, by the same key
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def _progress(name: str) -> str:
    text = _log(name).read_text(encoding="utf-8", errors="replace")
    lines = _DOTS.findall(text[text.rfind("\n── ") :])
    done, shares = sum(len(line.partition("[")[0].strip()) for line in lines), _PERCENT.findall("".join(lines))
    share = f" ({shares[-1]} %)" if shares else ""
    return f"{done} tests done{share}" if done else "no test done yet"


def _log(name: str) -> Path:
    return LOGS / f"{name}.log"


def _say(name: str, what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {name:<10} {what}", flush=True)
