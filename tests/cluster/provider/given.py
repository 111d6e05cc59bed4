# SPDX-License-Identifier: Apache-2.0
"""A cluster that is there already: the one a kubeconfig names. It is neither started nor stopped here.

Images: `DROMOS_TEST_LOAD`, a command that takes the archive as its last argument, brings them to its nodes.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

from tests.cluster.provider.build import HELM, build
from tests.cluster.provider.layout import Layout
from tests.cluster.provider.process import ProviderError, run


class Given:
    """The cluster of somebody's kubeconfig."""

    def __init__(self, kubeconfig: Path, layout: Layout) -> None:
        self._kubeconfig = kubeconfig
        self.layout = layout

    @property
    def kubeconfig(self) -> Path:
        return self._kubeconfig

    def up(self) -> None:
        if which("kubectl") is None:
            raise ProviderError("a cluster of your own needs kubectl in PATH")
        build(self.layout, (HELM,))
        run("kubectl", "get", "--raw", "/readyz", "--request-timeout=10s", environment=self.environment())

    def down(self) -> None:
        """It is not ours to stop."""

    def load(self, archive: Path) -> None:
        loader = os.environ.get("DROMOS_TEST_LOAD")
        if not loader:
            raise ProviderError(
                f"how does {archive} get onto the nodes of this cluster? Say it by DROMOS_TEST_LOAD, a command that "
                "takes the archive as its last argument (kind load image-archive, minikube image load, …)"
            )
        run(*shlex.split(loader), archive, timeout=600, environment=self.environment())

    def inside(self, words: Sequence[str]) -> list[str]:
        raise ProviderError(f"no way into the network of this cluster for {words[0]}")

    def kill(self, container: str, signal: str) -> list[str]:
        raise ProviderError(f"no way to send {signal} to {container} from its node")

    def host_address(self) -> str:
        """The address that this machine shows to the API server, unless DROMOS_TEST_HOST_ADDRESS says better."""
        if said := os.environ.get("DROMOS_TEST_HOST_ADDRESS"):
            return said
        view = run("kubectl", "config", "view", "--minify", "--output=json", environment=self.environment()).stdout
        server = urlsplit(json.loads(view)["clusters"][0]["cluster"]["server"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((server.hostname, server.port or 443))  # sends nothing: asks for the route
            return str(probe.getsockname()[0])

    def environment(self) -> Mapping[str, str]:
        path = f"{os.environ.get('PATH', '')}:{self.layout.bin}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path, "HELM": str(self.layout.bin / "helm")}
