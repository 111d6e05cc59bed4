# SPDX-License-Identifier: Apache-2.0
"""The cluster as the user's own kubectl sees it: their context, their rights, nothing of ours."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CONTAINER = "gateway"


class KubectlFailed(Exception):
    """kubectl said no, or is not there; the message is its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """kubectl with the options that choose cluster and namespace."""

    options: tuple[str, ...] = ()

    def items(self, kinds: str, *words: str) -> list[dict[str, Any]]:
        """Objects of these kinds. KubectlFailed."""
        found: list[dict[str, Any]] = json.loads(self._output("get", kinds, "--output", "json", *words))["items"]
        return found

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object. KubectlFailed, also where there is none."""
        found: dict[str, Any] = json.loads(self._output("get", kind, name, "--output", "json"))
        return found

    def inside(self, namespace: str, pod: str, words: Sequence[str]) -> int:
        """Run `dromos` in a gateway's pod, its output as it comes; returns its exit code."""
        command = self._command("--namespace", namespace, "exec", pod, "--container", CONTAINER, "--", "dromos", *words)
        try:
            return subprocess.run(command, check=False).returncode
        except FileNotFoundError:
            raise KubectlFailed("kubectl is not in PATH") from None

    def told(self, namespace: str, pod: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The same with its output as a value."""
        command = self._command("--namespace", namespace, "exec", pod, "--container", CONTAINER, "--", "dromos", *words)
        try:
            return subprocess.run(command, check=False, capture_output=True, text=True)
        except FileNotFoundError:
            raise KubectlFailed("kubectl is not in PATH") from None

    def _output(self, *words: str) -> str:
        try:
            done = subprocess.run(self._command(*words), check=False, capture_output=True, text=True)
        except FileNotFoundError:
            raise KubectlFailed("kubectl is not in PATH") from None
        if done.returncode != 0:
            raise KubectlFailed(done.stderr.strip() or f"kubectl exited with {done.returncode}")
        return done.stdout

    def _command(self, *words: str) -> list[str]:
        return ["kubectl", *self.options, *words]
