# SPDX-License-Identifier: Apache-2.0
"""Enter a cgroup, then become a program: `python -m bench.held PROCS-FILE PROGRAM ARGUMENT…`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(str(os.getpid()))
    os.execv(sys.argv[2], sys.argv[2:])
