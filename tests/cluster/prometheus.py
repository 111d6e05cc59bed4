# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus beside the cluster, with the monitoring example as Prometheus' operator would hand it over: the
PodMonitor's selector and endpoint as a scrape configuration, the PrometheusRule's groups as a file.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.eventually import eventually
from tests.cluster.provider.layout import layout

EXAMPLE = Path(__file__).parents[2] / "examples/monitoring"
PROGRAM = layout(os.environ).bin / "prometheus"
_POD = "__meta_kubernetes_pod"


@dataclass(frozen=True)
class Prometheus:
    """Its HTTP API."""

    port: int

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30) as response:
            return json.load(response)["data"]

    def value(self, expression: str) -> float | None:
        """Of an expression that gives one figure."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> dict[str, dict[str, str]]:
        """Alerts that fire, and their labels."""
        return {
            each["labels"]["alertname"]: each["labels"]
            for each in self.ask("alerts")["alerts"]
            if each["state"] == "firing"
        }


@contextmanager
def prometheus(home: Path, namespace: str) -> Iterator[Prometheus]:
    """One that watches a namespace."""
    groups = yaml.safe_load((EXAMPLE / "rules.yaml").read_text())["spec"]["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        rule["for"] = "0s"  # promtool's tests show how long each waits; nobody waits here
    (home / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    (home / "prometheus.yml").write_text(yaml.safe_dump(_configuration(namespace)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [
        PROGRAM, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    with (home / "log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        try:
            running = Prometheus(port)
            eventually(lambda: _is_ready(running, process, home / "log"), bool, within=60, what="Prometheus is ready")
            yield running
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(running: Prometheus, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return bool(running.ask("status/runtimeinfo")["reloadConfigSuccess"])
    except OSError:
        return False


def _configuration(namespace: str) -> dict[str, Any]:
    monitor = yaml.safe_load((EXAMPLE / "podmonitor.yaml").read_text())["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    kept = [
        {
            "source_labels": [f"{_POD}_label_{name.replace('.', '_').replace('/', '_')}"],
            "regex": value,
            "action": "keep",
        }
        for name, value in monitor["selector"]["matchLabels"].items()
    ]
    kept.append({"source_labels": [f"{_POD}_container_port_name"], "regex": endpoint["port"], "action": "keep"})
    named = [{"source_labels": [f"__meta_kubernetes_{label}"], "target_label": target} for label, target in (
        ("namespace", "namespace"), ("pod_name", "pod"), ("pod_container_name", "container")
    )]  # fmt: skip
    discovery = {"role": "pod", "kubeconfig_file": os.environ["KUBECONFIG"], "namespaces": {"names": [namespace]}}
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [
            {
                "job_name": "dromos-gateways",
                "metrics_path": endpoint["path"],
                "kubernetes_sd_configs": [discovery],
                "relabel_configs": kept + named,
            }
        ],
    }
