# SPDX-License-Identifier: Apache-2.0
"""DCMTK's storescp writes files, dicomweb-client sends them; its interpreter is up before the clock starts.

`python -m bench.systems.dicomweb_client URL`: for each folder on a line of standard input, send its new files, say so.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import processes
from bench.systems.system import NO_NAGLE

_AT_ONCE = 50


class DicomwebClient:
    """Two steps, as with DCMTK."""

    name = "dicomweb-client"

    def __init__(self) -> None:
        self.port = 0
        self._folder = Path()
        self._receiving: subprocess.Popen[bytes] | None = None
        self._sending: subprocess.Popen[str] | None = None

    def start(self, home: Path, receiver_port: int) -> None:
        """Run both."""
        self.port = processes.free_port()
        self._folder = home / "spool"
        self._folder.mkdir()
        command = ["storescp", "--fork", "+B", "-od", self._folder, str(self.port)]
        self._receiving = processes.start(command, home / "storescp.log", NO_NAGLE)
        url = f"http://127.0.0.1:{receiver_port}/dicom-web"
        self._sending = subprocess.Popen(
            [sys.executable, "-m", "bench.systems.dicomweb_client", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.wait_until_listening(self._receiving, self.port)
        self._expect("ready")

    def stop(self) -> None:
        """End both."""
        if self._receiving is not None:
            processes.end(self._receiving)
            self._receiving = None
        if self._sending is not None:
            self._sending.kill()
            self._sending.communicate()
            self._sending = None

    def pids(self) -> Sequence[int]:
        """Both."""
        return [process.pid for process in (self._receiving, self._sending) if process is not None]

    def forward(self, receiver_port: int) -> None:
        """Send what was not sent yet."""
        assert self._sending is not None
        assert self._sending.stdin is not None
        self._sending.stdin.write(f"{self._folder}\n")
        self._sending.stdin.flush()
        self._expect("sent")

    def cpu_of_ended(self) -> float:
        """storescp's children are counted with it."""
        return 0.0

    def _expect(self, word: str) -> None:
        assert self._sending is not None
        assert self._sending.stdout is not None
        if self._sending.stdout.readline().strip() != word:
            raise processes.CannotRun(f"dicomweb-client did not get to {word!r}")


def _serve(url: str) -> None:
    from dicomweb_client import DICOMwebClient
    from pydicom import dcmread

    client, known = DICOMwebClient(url), set[Path]()
    print("ready", flush=True)
    for line in sys.stdin:
        new = sorted(set(Path(line.strip()).iterdir()) - known)
        for start in range(0, len(new), _AT_ONCE):
            client.store_instances([dcmread(path) for path in new[start : start + _AT_ONCE]])
        known.update(new)
        print("sent", flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
