# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos`, found in PATH by kubectl itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster.kubectl import Kubectl

PLUGINS = Path(sys.executable).parent


def plugin(kubectl: Kubectl, *words: str) -> subprocess.CompletedProcess[str]:
    """Run it in kubectl's namespace; what it printed and its exit code."""
    environment = {**kubectl.environment, "PATH": f"{PLUGINS}:{os.environ['PATH']}"}
    command = ["kubectl", "dromos", *words, "--namespace", kubectl.namespace]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
