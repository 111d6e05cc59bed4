# SPDX-License-Identifier: Apache-2.0
"""A C library under the gateway that leaves out syncs, to see that the tests would notice."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parent / "nosync.c"


def without_sync_of(part: str, folder: Path) -> dict[str, str]:
    """The environment in which files whose path contains `part` are never synced; with a slash at its end, folders."""
    library = folder / "nosync.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "NOSYNC": part}
