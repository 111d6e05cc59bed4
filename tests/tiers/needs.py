# SPDX-License-Identifier: Apache-2.0
"""What keeps this machine from running a tier, in one line; None: nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.provider.toolchain import PLACES

ROOT = Path(__file__).resolve().parents[2]
PIXEL_TOOLS = ("dcmdjpeg", "dcmcjpls", "gdcmconv", "dciodvfy")
SURVIVAL_TOOLS = ("strace", "gcc", "fusermount3", "faketime")
PEERS = ("storescu", "storescp", "echoscu", "Orthanc", "nginx", "tinyproxy", "node", "npm")
FREE = 0.06  # of the disk: a gateway's reserve, and a little for what the tests write


def nothing() -> str | None:
    """Python is enough."""
    return None


def programs(names: Sequence[str]) -> str | None:
    """Programs of Debian packages."""
    absent = [name for name in names if shutil.which(name) is None]
    return f"needs {', '.join(absent)}: run `make packages` as root" if absent else None


def room_for_spools() -> str | None:
    """Gateways take nothing while the disk below their spools is nearly full, and pytest's folders lie in /tmp."""
    folder = Path(os.environ.get("PYTEST_DEBUG_TEMPROOT") or tempfile.gettempdir())
    usage = shutil.disk_usage(folder)
    left = usage.free / usage.total
    if left > FREE:
        return None
    return f"needs more than {FREE:.0%} of the disk free at {folder}, where gateways of the tests keep images; {left:.1%} are"


def peers_and_room() -> str | None:
    """DICOM and web peers."""
    return programs(PEERS) or room_for_spools()


def go_and_peers() -> str | None:
    """Prometheus and promtool are built from their Go module, pinned and checked; any Go will do."""
    go = [place for place in (os.environ.get("GO"), *PLACES) if place and shutil.which(place)]
    return peers_and_room() or (None if go else "needs Go to build Prometheus: run `make packages` as root")


def pixel_tools() -> str | None:
    """Other people's decoders."""
    return programs(PIXEL_TOOLS)


def survival_tools() -> str | None:
    """What makes disks forget, clocks lie and processes die."""
    able = os.geteuid() == 0 and Path("/dev/fuse").exists()
    return programs(SURVIVAL_TOOLS) or peers_and_room() or (None if able else "needs root and /dev/fuse")


def validator() -> str | None:
    """David Clunie's validator of data sets."""
    return programs(("dciodvfy",))


def builder() -> str | None:
    """Something that builds images."""
    return _said_by("hack/builder.sh")


def cluster() -> str | None:
    """A Kubernetes."""
    return _said_by(sys.executable, "-m", "tests.cluster.provider", "check")


def cluster_and_builder() -> str | None:
    """Both."""
    return cluster() or builder()


def _said_by(*command: str) -> str | None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip().replace("\n", "; ")
