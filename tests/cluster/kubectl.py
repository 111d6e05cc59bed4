# SPDX-License-Identifier: Apache-2.0
"""kubectl, as users run it, with answers as values."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.eventually import eventually

Done = subprocess.CompletedProcess[str]
Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one namespace of the cluster under test."""

    namespace: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def run(self, *words: str | Path, check: bool = True, stdin: str | None = None, timeout: float = 180) -> Done:
        """Run kubectl; with `check` a failure is an AssertionError that carries what kubectl said."""
        command = ["kubectl", "--namespace", self.namespace, *map(str, words)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=timeout, env=self.environment
        )
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
        return done

    def exec(self, pod: str, *words: str, check: bool = True, stdin: str | None = None, timeout: float = 180) -> Done:
        """Run a program in a pod."""
        return self.run("exec", "--stdin", pod, "--", *words, check=check, stdin=stdin, timeout=timeout)

    def bytes_of(self, pod: str, *words: str) -> bytes:
        """What a program in a pod writes to its standard output."""
        command = ["kubectl", "--namespace", self.namespace, "exec", pod, "--", *words]
        done = subprocess.run(command, capture_output=True, check=False, timeout=180, env=self.environment)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}"
        return done.stdout

    def put(self, pod: str, folder: str, archive: bytes) -> None:
        """Unpack a tar archive in a pod."""
        command = ["kubectl", "--namespace", self.namespace, "exec", "--stdin", pod, "--", "tar", "-xC", folder]
        done = subprocess.run(
            command, input=archive, capture_output=True, check=False, timeout=180, env=self.environment
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")

    def apply(self, *manifests: Manifest, check: bool = True) -> Done:
        """`kubectl apply` of manifests given as values."""
        return self.run("apply", "--filename", "-", stdin=yaml.safe_dump_all(map(dict, manifests)), check=check)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """An object, None when there is none."""
        done = self.run("get", kind, name, "--ignore-not-found", "--output", "json")
        found: dict[str, Any] | None = json.loads(done.stdout) if done.stdout.strip() else None
        return found

    def items(self, kind: str, *words: str) -> list[dict[str, Any]]:
        """Objects of a kind in the namespace."""
        found: list[dict[str, Any]] = json.loads(self.run("get", kind, "--output", "json", *words).stdout)["items"]
        return found

    def patch_spec(self, kind: str, name: str, **spec: Any) -> None:
        """Merge fields into an object's spec."""
        self.run("patch", kind, name, "--type", "merge", "--patch", json.dumps({"spec": spec}))

    def condition(self, kind: str, name: str, type_: str) -> dict[str, Any]:
        """A condition of the object's present generation; empty while there is none of it."""
        found = self.get(kind, name) or {}
        generation = found.get("metadata", {}).get("generation")
        for condition in found.get("status", {}).get("conditions", []):
            if condition["type"] == type_ and condition.get("observedGeneration") == generation:
                return dict(condition)
        return {}

    def wait_condition(
        self, kind: str, name: str, type_: str, status: str = "True", *, within: float = 60
    ) -> dict[str, Any]:
        """Wait until a condition of the object's present generation has this status."""
        return eventually(
            lambda: self.condition(kind, name, type_),
            lambda condition: condition.get("status") == status,
            within=within,
            what=f"{kind}/{name} {type_}={status}",
        )

    def wait_rollout(self, *names: str, within: float = 120) -> None:
        """Wait until Deployments are available."""
        for name in names:
            self.run("rollout", "status", name, f"--timeout={within:g}s", timeout=within + 10)
