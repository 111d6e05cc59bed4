# SPDX-License-Identifier: Apache-2.0
"""Orthanc with its DICOMweb plug-in as a STOW-RS client: receives by C-STORE, then sends everything on a request."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from bench import processes
from bench.systems.oneprocess import OneProcess
from bench.systems.system import NO_NAGLE

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


class OrthancStow(OneProcess):
    """Requests as large as Dromos' own; its defaults are ten instances, or 10 MB."""

    name = "orthanc"

    def __init__(self) -> None:
        super().__init__()
        self._http = 0
        self._sent: set[str] = set()

    def start(self, home: Path, receiver_port: int) -> None:
        """Write its configuration and run it."""
        self.port, self._http = processes.free_port(), processes.free_port()
        self._sent = set()
        configuration = {
            "Name": "bench",
            "StorageDirectory": str(home / "spool"),
            "IndexDirectory": str(home / "spool"),
            "Plugins": [PLUGIN],
            "DicomAet": "DROMOS",
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": False,
            "HttpPort": self._http,
            "RemoteAccessAllowed": False,
            "DicomWeb": {
                "Enable": True,
                "Servers": {"receiver": [f"http://127.0.0.1:{receiver_port}/dicom-web/"]},
                "StowMaxInstances": 50,
                "StowMaxSize": 256,
            },
        }
        (home / "orthanc.json").write_text(json.dumps(configuration))
        self._run(["Orthanc", home / "orthanc.json"], home / "orthanc.log", NO_NAGLE)

    def forward(self, receiver_port: int) -> None:
        """Send what was not sent yet, in one job."""
        new = [resource for resource in self._ask("/instances") if resource not in self._sent]
        self._ask("/dicom-web/servers/receiver/stow", {"Resources": new, "Synchronous": True})
        self._sent.update(new)

    def _ask(self, path: str, content: object = None) -> list[str]:
        data = None if content is None else json.dumps(content).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http}{path}", data=data, timeout=300) as response:
            found: list[str] = json.load(response)
            return found
