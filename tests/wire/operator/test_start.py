# SPDX-License-Identifier: Apache-2.0
"""The operator as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_without_a_cluster_it_says_what_is_missing(tmp_path: Path) -> None:
    environment = {**os.environ, "DROMOS_GATEWAY_IMAGE": "a", "KUBECONFIG": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-m", "dromos_operator"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "neither a service account nor a kubeconfig" in done.stderr
    assert "Traceback" not in done.stderr
