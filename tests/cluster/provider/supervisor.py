# SPDX-License-Identifier: Apache-2.0
"""The node's first process: starts the cluster's programs, starts those again that end, and takes all with it when it goes.

It is run as PID 1 of namespaces of its own (PIDs and mounts): when it dies, the kernel ends every process of the
node, pods and all, and its mounts go too. Usage: supervisor.py STATE, a folder with node.json (name -> command line).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PLACES = {"/tmp": "tmp", "/run": "run", "/var/lib/cni": "cni-state", "/var/log/containers": "container-logs"}
VOLUMES = Path("/tmp/hostpath_pv")
AGAIN_AFTER = 0.5
TICK = 0.1


def main(state: Path) -> None:
    """Run until told to end."""
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: os._exit(0))
    _own_folders(state)
    commands: dict[str, list[str]] = json.loads((state / "node.json").read_text())
    running: dict[int, str] = {}
    waiting = dict.fromkeys(commands, 0.0)
    while True:
        for name in [name for name, due in waiting.items() if due <= time.monotonic()]:
            del waiting[name]
            running[_start(state, name, commands[name])] = name
        for process in _ended():
            if process in running:
                waiting[running.pop(process)] = time.monotonic() + AGAIN_AFTER
        _open_volumes()
        time.sleep(TICK)


def _own_folders(state: Path) -> None:
    """Put the node's own folders in place of the machine's, so that nothing it leaves there stays behind.

    /tmp is where the host-path provisioner makes every volume; /run has containerd's sockets and runc's states.
    """
    for place, name in PLACES.items():
        own = state / name
        own.mkdir(exist_ok=True)
        own.chmod(0o1777 if place == "/tmp" else 0o755)
        Path(place).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", str(own), place], check=True)


def _start(state: Path, name: str, command: list[str]) -> int:
    # not subprocess: that would wait for children itself, and PID 1 has others to wait for
    log = (str(state / "log" / f"{name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, *log),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(command[0], command, os.environ, file_actions=files, setsid=True)


def _ended() -> list[int]:
    """Children that have ended, orphans of pods among them: PID 1 inherits those."""
    ended: list[int] = []
    while True:
        try:
            process, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if process == 0:
            return ended
        ended.append(process)


def _open_volumes() -> None:
    """Let pods write to their volumes: the provisioner makes them for root only, and hostPath ignores fsGroup."""
    for volume in VOLUMES.glob("*"):
        if volume.stat().st_mode & 0o777 != 0o777:
            volume.chmod(0o777)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
