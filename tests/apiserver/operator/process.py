# SPDX-License-Identifier: Apache-2.0
"""The operator as a process outside the cluster, watching one namespace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.eventually import eventually

# nothing here needs a gateway that runs, and a tier that needs no image runs in more places
ABSENT_IMAGE = "localhost/dromos-of-no-registry:absent"


class OperatorProcess:
    """Started at once; `stop` ends it as Kubernetes does."""

    def __init__(self, namespace: str, log: Path, **more: str) -> None:
        self.log = log
        self._port = _free_port()
        environment = {
            **os.environ,
            "DROMOS_GATEWAY_IMAGE": ABSENT_IMAGE,
            "DROMOS_GATEWAY_IMAGE_PULL_POLICY": "Never",
            "DROMOS_WATCH_NAMESPACES": namespace,
            "DROMOS_LOG_LEVEL": "debug",
            "DROMOS_OPERATOR_LISTEN": f"127.0.0.1:{self._port}",
            **more,
        }
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dromos_operator"], env=environment, stdout=output, stderr=output
            )
        eventually(lambda: self.answers("readyz"), bool, within=90, what="the operator is ready")

    def answers(self, path: str) -> bool:
        """Whether the path answers 200."""
        assert self._process.poll() is None, f"the operator ended: {self.log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=30) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def writes(self) -> int:
        """Requests that can change something, by the operator's own count."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=30) as response:
            text = response.read().decode()
        return int(
            sum(
                sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == "dromos_operator_api_requests_total" and sample.labels["verb"] != "get"
            )
        )

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
