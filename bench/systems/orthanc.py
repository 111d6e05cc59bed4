# SPDX-License-Identifier: Apache-2.0
"""Orthanc with the auto-forwarding script of its book."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench import processes

_SCRIPT = """\
function OnStoredInstance(instanceId, tags, metadata)
  SendToModality(instanceId, 'receiver')
end
"""


class Orthanc:
    """Stores, sends each instance on; deleting them as well makes version 1.10 trip over its own folders."""

    name = "orthanc"

    def __init__(self) -> None:
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, home: Path, receiver_port: int) -> None:
        """Write its configuration and run it."""
        self.port = processes.free_port()
        (home / "forward.lua").write_text(_SCRIPT)
        configuration = {
            "Name": "bench",
            "StorageDirectory": str(home / "spool"),
            "IndexDirectory": str(home / "spool"),
            "LuaScripts": [str(home / "forward.lua")],
            "DicomAet": "DROMOS",
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": False,
            "HttpPort": processes.free_port(),
            "RemoteAccessAllowed": False,
            "DicomModalities": {"receiver": ["RECEIVER", "127.0.0.1", receiver_port]},
        }
        (home / "orthanc.json").write_text(json.dumps(configuration))
        self._process = processes.start(["Orthanc", home / "orthanc.json"], home / "orthanc.log", {"TCP_NODELAY": "1"})
        processes.wait_until_listening(self._process, self.port)

    def stop(self) -> None:
        """End it at once: left to itself it takes up to 5 s, and nothing of it is looked at afterwards."""
        if self._process is not None:
            processes.end(self._process, grace=0.0)
            self._process = None

    def pids(self) -> Sequence[int]:
        """Its one process."""
        return [self._process.pid] if self._process is not None else []

    def forward(self, receiver_port: int) -> None:
        """It does so by itself."""

    def cpu_of_ended(self) -> float:
        """Its process lives on."""
        return 0.0
