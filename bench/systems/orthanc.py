# SPDX-License-Identifier: Apache-2.0
"""Orthanc with the auto-forwarding script of its book."""

from __future__ import annotations

import json
from pathlib import Path

from bench import processes
from bench.systems.oneprocess import OneProcess
from bench.systems.system import NO_NAGLE

_SCRIPT = """\
function OnStoredInstance(instanceId, tags, metadata)
  SendToModality(instanceId, 'receiver')
end
"""


class Orthanc(OneProcess):
    """Stores, sends each instance on; deleting them as well makes version 1.10 trip over its own folders."""

    name = "orthanc"

    _grace = 0.0  # left to itself it takes up to 5 s, and nothing of it is looked at afterwards

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
        self._run(["Orthanc", home / "orthanc.json"], home / "orthanc.log", NO_NAGLE)
