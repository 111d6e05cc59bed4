# SPDX-License-Identifier: Apache-2.0
"""A mounted disk that forgets what was not synced, or fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.wire.gateway.peers import eventually

_PROGRAM = Path(__file__).parent / "forgetful.py"


class ForgetfulDisk:
    """Mounts `forgetful.py`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "disk"
        self.folder.mkdir()
        self._state = home / "disk.state"
        self._process: subprocess.Popen[bytes] | None = None
        self._through = ""

    def mount(self) -> ForgetfulDisk:
        before = self.folder.stat().st_dev
        self._process = subprocess.Popen([sys.executable, str(_PROGRAM), str(self.folder), str(self._state)])
        eventually(lambda: self.folder.stat().st_dev != before, "the disk is mounted")
        self.write_through(self._through)
        return self

    def write_through(self, pattern: str) -> None:
        """Keep, from now on, what is written into such files, though nobody has synced it."""
        self._through = pattern
        os.setxattr(self.folder, "user.through", pattern.encode())

    def cut_power(self) -> None:
        """Forget what was not synced. Nobody may have anything open there."""
        self.unmount()
        self.mount()

    def unmount(self) -> None:
        if self._process is not None:
            eventually(lambda: subprocess.call(["fusermount3", "-u", self.folder]) == 0, "the disk is free")
            assert self._process.wait(120) == 0
            self._process = None

    def nobody_is_there(self) -> bool:
        """Whether no process has a file open there."""
        inside = f"{self.folder}/"
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if str(link.readlink()).startswith(inside):
                    return False
            except OSError:
                continue
        return True

    def safe_names(self, folder: Path) -> int:
        """How many names in a folder a power cut would leave."""
        return int(os.getxattr(folder, "user.safe"))

    def fail(self, operation: str, pattern: str, error: str) -> None:
        """From now on such calls fail."""
        os.setxattr(self.folder, "user.fail", f"{operation} {pattern} {error}".encode())

    def failed(self) -> int:
        """How many calls failed since."""
        return int(os.getxattr(self.folder, "user.failed"))

    def recover(self) -> int:
        """They succeed again; how many failed."""
        failed = self.failed()
        os.setxattr(self.folder, "user.fail", b"")
        return failed
