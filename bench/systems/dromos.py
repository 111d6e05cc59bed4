# SPDX-License-Identifier: Apache-2.0
"""Dromos: `dromos run` on a folder of manifests."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench import processes
from bench.systems.oneprocess import OneProcess

_MANIFESTS = """\
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {{name: bench}}
spec:
  aeTitle: DROMOS
  spool: {{size: 20Gi}}
  {node}
---
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {{name: receiver}}
spec:
  forwardNodeRef: {{name: bench}}
  suspend: {suspend}
  {destination}
"""
_DICOM = "dicom: {{aeTitle: RECEIVER, hostname: 127.0.0.1, port: {port}, concurrency: {concurrency}}}"
_STOW = "stow: {{url: 'http://127.0.0.1:{port}/dicom-web', concurrency: {concurrency}}}"


class Dromos(OneProcess):
    """A gateway with one ForwardNode and one Destination."""

    name = "dromos"
    program: Sequence[str | Path] = (Path(sys.executable).with_name("dromos"), "run")

    def __init__(
        self,
        concurrency: int = 2,
        wrapper: Sequence[str | Path] = (),
        *,
        stow: bool = False,
        node: str = "",
        more: str = "",
    ) -> None:
        """`node`, `more`: what else the ForwardNode and the Destination have, and other manifests behind it."""
        super().__init__()
        self.spool = Path()
        self._concurrency = concurrency
        self._destination = _STOW if stow else _DICOM
        self._node = node
        self._more = more
        self._wrapper = wrapper

    def start(self, home: Path, receiver_port: int) -> None:
        """Write its manifests and run it."""
        manifests = home / "manifests"
        manifests.mkdir()
        destination = self._destination.format(port=receiver_port, concurrency=self._concurrency)
        destination += self._more
        self._manifest = manifests / "bench.yaml"
        self._write = partial(_MANIFESTS.format, node=self._node, destination=destination)
        self._manifest.write_text(self._write(suspend="false"))
        self.port = processes.free_port()
        self.spool = home / "spool"
        self.admin = f"127.0.0.1:{processes.free_port()}"
        listen = f"127.0.0.1:{self.port}"
        options: list[str | Path] = [manifests, "--listen", listen, "--admin", self.admin, "--spool", self.spool]
        command = [*self._wrapper, *self.program, *options, "--drain-timeout", "1"]
        self._run(command, home / "dromos.log", {})

    def wait_for_admin(self) -> None:
        """Return when the admin port listens, which is after the DICOM port does."""
        assert self._process is not None
        processes.wait_until_listening(self._process, int(self.admin.rpartition(":")[2]))

    def suspend(self, *, suspend: bool) -> float:
        """Keep what comes in from now on, or send it from now on: when that was not in force yet (`time.monotonic`)."""
        before, asked = self._in_force(), time.monotonic()
        new = self._manifest.with_suffix(".new")
        new.write_text(self._write(suspend=str(suspend).lower()))
        new.rename(self._manifest)
        while True:
            asking = time.monotonic()
            if self._in_force() != before:
                return asked
            asked = asking
            time.sleep(0.002)

    def _in_force(self) -> str:
        with urllib.request.urlopen(f"http://{self.admin}/v1/configuration", timeout=10) as response:
            return str(json.load(response)["hash"])
