# SPDX-License-Identifier: Apache-2.0
"""Where the one-node cluster keeps things, and its addresses: all its own, so that it can stand beside another cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODULES = Path(__file__).resolve().parent / "modules"
NETWORK_NAMESPACE = "dromos0"
HOST_LINK = "dromos0h"
NODE_LINK = "dromos0n"
NODE = "node1"
HOST_ADDRESS = "10.246.0.1"
NODE_ADDRESS = "10.246.0.2"
LINK_PREFIX = 30
PODS = "10.242.0.0/24"
SERVICES = "10.98.0.0/16"
FIRST_SERVICE = "10.98.0.1"
PAUSE_IMAGE = "localhost/dromos-pause:1"
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)


@dataclass(frozen=True)
class Layout:
    """Folders: `state` goes with `down`, `cache` stays."""

    state: Path
    cache: Path

    @property
    def bin(self) -> Path:
        """The programs that were built."""
        return self.cache / "bin"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.state / "pki"

    @property
    def log(self) -> Path:
        """One log per program."""
        return self.state / "log"

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.state / "containerd.sock"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state / "admin.kubeconfig"


def layout(environment: Mapping[str, str]) -> Layout:
    """The layout of this user and machine.

    The state is on disk, not in /run: images and spools are large, and a spool's fsync should cost what it costs.
    """
    home = Path(environment.get("HOME", "/root"))
    cache = Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "dromos-cluster"
    return Layout(Path("/var/lib/dromos-cluster"), cache / kubernetes_version())


def required(module_file: str, module: str) -> str:
    """The version, without its v, of a module that a go.mod requires; there is no other place that pins it."""
    for line in module_file.splitlines():
        words = line.removeprefix("require").split()
        if len(words) >= 2 and words[0] == module and words[1].startswith("v"):
            return words[1][1:]
    raise LookupError(f"go.mod does not require {module}")


def kubernetes_version() -> str:
    """The Kubernetes version that is pinned."""
    return required((MODULES / "kubernetes" / "go.mod").read_text(), "k8s.io/kubernetes")
