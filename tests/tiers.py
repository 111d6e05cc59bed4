# SPDX-License-Identifier: Apache-2.0
"""Runs the test tiers: `python -m tests.tiers [TIER…]`, all of them by default.

A tier that this machine cannot run is left out with one line that says why. With ``CI=true`` such a tier is a
failure instead, and a tier that collects no test fails everywhere: nothing passes by being absent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.provider.toolchain import PLACES

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
LOAD = ("--load", "build/image.tar", "--load", "build/test-peers.tar")
# pods, peers and disks are waited for most of the time, so three workers do well on two processors
WORKERS = ("-n", "3", "--dist", "loadfile", "--durations=15")
ROOM = 2 << 30
# the operator's writes are counted where nobody makes it write; a proxy is for every gateway there is
ALONE = ("tests/cluster/test_steady_state.py", "tests/cluster/test_proxy.py")
PIXEL_TOOLS = ("dcmdjpeg", "dcmcjpls", "gdcmconv", "dciodvfy")
FREE = 0.06  # of the disk: a gateway's reserve, and a little for what the tests write
PEERS = ("storescu", "storescp", "echoscu", "Orthanc", "nginx", "tinyproxy", "node", "npm")


@dataclass(frozen=True)
class Tier:
    """One tier: the commands it runs, and what keeps this machine from running it (None: nothing)."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    missing: Callable[[], str | None]


def main(names: Sequence[str]) -> int:
    """Run the named tiers, print a summary; 0 when nothing failed."""
    unknown = sorted(set(names) - {tier.name for tier in TIERS})
    if unknown:
        print(f"no such tier: {', '.join(unknown)}; there are: {', '.join(tier.name for tier in TIERS)}")
        return 2
    chosen = [tier for tier in TIERS if not names or tier.name in names]
    results = [_run(tier) for tier in chosen]
    print()
    for tier, (verdict, seconds) in zip(chosen, results, strict=True):
        print(f"{tier.name:<10} {seconds:6.1f} s  {verdict}")
    return int(any(verdict.startswith("FAILED") for verdict, _ in results))


def _environment(tier: Tier) -> dict[str, str]:
    """Unit tests write into memory where it can hold them: what a disk does, the other tiers show."""
    memory = Path("/dev/shm")
    roomy = tier.name == "unit" and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return {**os.environ, **({"PYTEST_DEBUG_TEMPROOT": str(memory)} if roomy else {})}


def _run(tier: Tier) -> tuple[str, float]:
    started = time.monotonic()
    reason = tier.missing()
    if reason is not None:
        return (f"FAILED: {reason}" if os.environ.get("CI") == "true" else f"not run: {reason}"), 0.0
    for command in tier.commands:
        print(f"\n── {tier.name}: {' '.join(Path(word).name for word in command[:6])}", flush=True)
        code = subprocess.run(command, cwd=ROOT, env=_environment(tier), check=False).returncode
        if code != 0:
            return f"FAILED ({Path(command[0]).name} exited with {code})", time.monotonic() - started
    return "passed", time.monotonic() - started


def _pytest(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", "-q", *arguments)


def _tool(*command: str) -> tuple[str, ...]:
    return (str(BIN / command[0]), *command[1:])


def _on_cluster(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.cluster.provider", "run", *words)


def _prometheus() -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.cluster.provider", "prometheus")


def _nothing() -> str | None:
    return None


def _peers() -> str | None:
    return _programs(PEERS)


def _room_for_spools() -> str | None:
    """Gateways take nothing while the disk below their spools is nearly full, and pytest's folders lie in /tmp."""
    folder = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir())
    usage = shutil.disk_usage(folder)
    left = usage.free / usage.total
    if left > FREE:
        return None
    return f"needs more than {FREE:.0%} of the disk free at {folder}, where gateways of the tests keep images; {left:.1%} are"


def _peers_and_room() -> str | None:
    return _peers() or _room_for_spools()


def _go_and_peers() -> str | None:
    """Prometheus and promtool are built from their Go module, pinned and checked; any Go will do."""
    go = [place for place in (os.environ.get("GO"), *PLACES) if place and shutil.which(place)]
    return _peers_and_room() or (None if go else "needs Go to build Prometheus: run `make packages` as root")


def _pixel_tools() -> str | None:
    return _programs(PIXEL_TOOLS)


def _programs(programs: Sequence[str]) -> str | None:
    absent = [program for program in programs if shutil.which(program) is None]
    return f"needs {', '.join(absent)}: run `make packages` as root" if absent else None


def _survival_tools() -> str | None:
    absent = [program for program in ("strace", "gcc", "fusermount3", "faketime") if shutil.which(program) is None]
    if absent:
        return f"needs {', '.join(absent)}: run `make packages` as root"
    return _peers_and_room() or (
        None if os.geteuid() == 0 and Path("/dev/fuse").exists() else "needs root and /dev/fuse"
    )


def _validator() -> str | None:
    return "needs dciodvfy: run `make packages` as root" if shutil.which("dciodvfy") is None else None


def _said_by(*command: str) -> str | None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip().replace("\n", "; ")


def _builder() -> str | None:
    return _said_by("hack/builder.sh")


def _cluster() -> str | None:
    return _said_by(sys.executable, "-m", "tests.cluster.provider", "check")


def _cluster_and_builder() -> str | None:
    return _cluster() or _builder()


TIERS: tuple[Tier, ...] = (
    Tier(
        "static",
        (
            _tool("ruff", "check", "."),
            _tool("ruff", "format", "--check", "."),
            _tool("mypy"),
            _tool("lint-imports"),
        ),
        _nothing,
    ),
    Tier("unit", (_pytest("-n", "auto", "tests/unit"),), _nothing),
    Tier("wire", (_pytest(*WORKERS, "tests/wire", "--ignore=tests/wire/survival"),), _peers_and_room),
    Tier("monitoring", (_prometheus(), _pytest("tests/monitoring")), _go_and_peers),
    Tier("survival", (_pytest("-n", "3", "--durations=8", "tests/wire/survival"),), _survival_tools),
    Tier("deid", (_pytest("-n", "auto", "tests/deid"),), _validator),
    Tier("pixels", (_pytest("-n", "auto", "tests/pixels"),), _pixel_tools),
    Tier("image", (("hack/build-image.sh",), _pytest("tests/image")), _builder),
    Tier("chart", (_on_cluster("--", *_pytest("tests/chart", "tests/argocd")),), _cluster),
    Tier("apiserver", (_on_cluster("--", *_pytest("-n", "2", "--dist", "loadfile", "tests/apiserver")),), _cluster),
    Tier(
        "cluster",
        (
            ("hack/build-image.sh",),
            ("hack/build-test-peers.sh",),
            _prometheus(),
            _on_cluster(
                "--fresh",
                *LOAD,
                "--down-if-failed",
                "--",
                *_pytest(*WORKERS, "tests/cluster", *(f"--ignore={each}" for each in ALONE)),
            ),
            _on_cluster("--down", "--", *_pytest("--durations=5", *ALONE)),
        ),
        _cluster_and_builder,
    ),
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
