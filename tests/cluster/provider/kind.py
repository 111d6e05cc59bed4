# SPDX-License-Identifier: Apache-2.0
"""A cluster in Docker, made by kind. Only its command lines are checked by tests: no Docker engine was at hand."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from tests.cluster.provider.build import HELM, KIND, build
from tests.cluster.provider.layout import Layout, kubernetes_version
from tests.cluster.provider.process import ProviderError, run

NAME = "dromos"
CONTROL_PLANE = f"{NAME}-control-plane"


class Kind:
    """A kind cluster of one node."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def kubeconfig(self) -> Path:
        return self.layout.cache / "kind.kubeconfig"

    def up(self) -> None:
        build(self.layout, tuple(target for target in (KIND, HELM) if which(target.module) is None or target is HELM))
        if which("kubectl") is None:
            raise ProviderError("kind needs kubectl in PATH")
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        if NAME in self._run(["kind", "get", "clusters"]).splitlines():
            self._run(kubeconfig_command(self.kubeconfig))
        else:
            self._run(create_command(self.kubeconfig, os.environ.get("DROMOS_TEST_KIND_IMAGE", "")))

    def down(self) -> None:
        self._run(delete_command(self.kubeconfig))
        self.kubeconfig.unlink(missing_ok=True)

    def load(self, archive: Path) -> None:
        self._run(load_command(archive))

    def inside(self, words: Sequence[str]) -> list[str]:
        return inside_command(words)

    def kill(self, container: str, signal: str) -> list[str]:
        return kill_command(container, signal)

    def host_address(self) -> str:
        return gateway(run("docker", "network", "inspect", "kind").stdout)

    def environment(self) -> Mapping[str, str]:
        path = f"{self.layout.bin}:{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path, "HELM": str(self.layout.bin / "helm")}

    def _run(self, words: Sequence[str]) -> str:
        return run(*words, timeout=600, environment=self.environment()).stdout


def create_command(kubeconfig: Path, image: str) -> list[str]:
    """A new cluster; with no image kind takes the one it was released with."""
    words = ["kind", "create", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig), "--wait", "180s"]
    return [*words, "--image", image] if image else words


def kubeconfig_command(kubeconfig: Path) -> list[str]:
    """The kubeconfig of a cluster that is up already."""
    return ["kind", "export", "kubeconfig", "--name", NAME, "--kubeconfig", str(kubeconfig)]


def delete_command(kubeconfig: Path) -> list[str]:
    """The cluster and its containers go."""
    return ["kind", "delete", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig)]


def load_command(archive: Path) -> list[str]:
    """A docker-archive onto the node."""
    return ["kind", "load", "image-archive", str(archive), "--name", NAME]


def inside_command(words: Sequence[str]) -> list[str]:
    """A program on the node, from which pods and Services are reached; it must be there."""
    return ["docker", "exec", "--interactive", CONTROL_PLANE, *words]


def kill_command(container: str, signal: str) -> list[str]:
    """A signal from the node's containerd."""
    return inside_command(["ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", signal, container])


def gateway(networks: str) -> str:
    """This machine's IPv4 address in a network as `docker network inspect` describes it."""
    for network in json.loads(networks):
        for entry in network["IPAM"]["Config"]:
            address = entry.get("Gateway", "").partition("/")[0]
            if address and ipaddress.ip_address(address).version == 4:
                return str(address)
    raise ProviderError(f"kind's network has no IPv4 gateway (Kubernetes {kubernetes_version()})")
