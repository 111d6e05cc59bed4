# SPDX-License-Identifier: Apache-2.0
"""A file system that forgets whatever was not synced, and fails when it is told to: `python forgetful.py FOLDER STATE`.

Each mount begins with what the last one had on its "disk" (the file STATE): the data of files as they were when they
were last synced, under the names that their folders had when those were last synced. That is stricter than any real
file system. Unmounting is the power cut.

Failures are asked for by `setfattr -n user.fail -v "OPERATION PATTERN ERRNO"` on the root: operations are create, write,
sync, syncfolder, rename, unlink, truncate; the pattern is one of file names; an empty value ends them. How often one was
met is the extended attribute user.failed; user.safe of a folder is how many of its names a power cut would leave.

`setfattr -n user.through -v PATTERN` on the root: what is written into such files reaches the "disk" at once, whatever
else is lost. A real disk may choose so, as nobody says in which order it writes what nobody has synced.
"""

from __future__ import annotations

import errno
import fnmatch
import itertools
import os
import pickle
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations

_CAPACITY = 8 << 30  # room enough for as many slots as are made at a start
_BLOCK = 4096


@dataclass
class Node:
    """A file or a folder: as it is now, and as a power cut would leave it."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    names: dict[str, Node] = field(default_factory=dict)
    safe_data: bytes = b""
    safe_names: dict[str, Node] = field(default_factory=dict)
    changed_at: int = field(default_factory=time.time_ns)

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def lose_power(self) -> None:
        """Forget; below this folder as well."""
        self.data, self.names = bytearray(self.safe_data), dict(self.safe_names)
        for node in self.names.values():
            node.lose_power()

    def __getstate__(self) -> dict[str, Any]:
        """What the "disk" keeps; the rest would be forgotten anyway."""
        return {**self.__dict__, "data": bytearray(), "names": {}}


class Forgetful(Operations):  # type: ignore[misc]
    """The operations of FUSE's high-level interface."""

    use_ns = True

    def __init__(self, state: Path) -> None:
        self._state = state
        self._root = pickle.loads(state.read_bytes()) if state.exists() else Node(stat.S_IFDIR | 0o755)
        self._root.lose_power()
        self._handles = itertools.count(1)
        self._open: dict[int, Node] = {}
        self._fail: tuple[str, str, int] | None = None
        self._failed = 0
        self._through = ""  # files that are written through

    def destroy(self, path: str) -> None:
        self._state.write_bytes(pickle.dumps(self._root))

    # --- failures ---

    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> None:
        if name == "user.through":
            self._through = value.decode()
            return
        words = value.decode().split()
        self._fail = (words[0], words[1], getattr(errno, words[2])) if words else None
        self._failed = 0

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        if name == "user.safe":
            return str(len(self._find(path).safe_names)).encode()
        if name != "user.failed":
            raise FuseOSError(errno.ENODATA)
        return str(self._failed).encode()

    def _may_fail(self, operation: str, path: str) -> None:
        if self._fail is None:
            return
        wanted, pattern, number = self._fail
        if operation == wanted and fnmatch.fnmatch(path, pattern):
            self._failed += 1
            raise FuseOSError(number)

    # --- names ---

    def _find(self, path: str) -> Node:
        node = self._root
        for part in PurePosixPath(path).parts[1:]:
            try:
                node = node.names[part]
            except KeyError:
                raise FuseOSError(errno.ENOENT) from None
        return node

    def _folder(self, path: str) -> tuple[Node, str]:
        return self._find(str(PurePosixPath(path).parent)), PurePosixPath(path).name

    def readdir(self, path: str, handle: int) -> list[str]:
        return [".", "..", *self._find(path).names]

    def mkdir(self, path: str, mode: int) -> None:
        folder, name = self._folder(path)
        self._may_fail("create", path)
        folder.names[name] = Node(stat.S_IFDIR | mode)

    def create(self, path: str, mode: int, info: Any = None) -> int:
        folder, name = self._folder(path)
        self._may_fail("create", path)
        folder.names[name] = Node(stat.S_IFREG | mode)
        return self._opened(folder.names[name])

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        source, before = self._folder(old)
        target, after = self._folder(new)
        self._may_fail("rename", new)
        target.names[after] = source.names.pop(before)

    def link(self, target: str, source: str) -> None:
        folder, name = self._folder(target)
        self._may_fail("create", target)
        folder.names[name] = self._find(source)

    def unlink(self, path: str) -> None:
        folder, name = self._folder(path)
        self._may_fail("unlink", path)
        del folder.names[name]

    rmdir = unlink

    # --- data ---

    def open(self, path: str, flags: int) -> int:
        node = self._find(path)
        if flags & os.O_TRUNC:
            node.data.clear()
        return self._opened(node)

    def _opened(self, node: Node) -> int:
        handle = next(self._handles)
        self._open[handle] = node
        return handle

    def release(self, path: str, handle: int) -> None:
        self._open.pop(handle, None)

    def read(self, path: str, size: int, offset: int, handle: int) -> bytes:
        return bytes(self._open[handle].data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, handle: int) -> int:
        self._may_fail("write", path)
        node = self._open[handle]
        if offset > len(node.data):
            node.data.extend(bytes(offset - len(node.data)))
        node.data[offset : offset + len(data)] = data
        node.changed_at = time.time_ns()
        if self._through and fnmatch.fnmatch(path, self._through):
            node.safe_data = bytes(node.data)
        return len(data)

    def truncate(self, path: str, length: int, handle: int | None = None) -> None:
        self._may_fail("truncate", path)
        node = self._open[handle] if handle is not None else self._find(path)
        node.data[:] = node.data[:length].ljust(length, b"\0")

    def fsync(self, path: str, data_only: int, handle: int) -> None:
        self._may_fail("sync", path)
        node = self._open[handle]
        node.safe_data = bytes(node.data)

    def fsyncdir(self, path: str, data_only: int, handle: int) -> None:
        self._may_fail("syncfolder", path)
        folder = self._find(path)
        folder.safe_names = dict(folder.names)

    # --- the rest ---

    def getattr(self, path: str, handle: int | None = None) -> dict[str, Any]:
        node = self._open.get(handle or 0) or self._find(path)
        return {
            "st_mode": node.mode, "st_nlink": 2 if node.is_folder else 1, "st_size": len(node.data),
            "st_blocks": -(-len(node.data) // 512), "st_uid": os.getuid(), "st_gid": os.getgid(),
            "st_mtime": node.changed_at, "st_ctime": node.changed_at, "st_atime": node.changed_at,
        }  # fmt: skip

    def chmod(self, path: str, mode: int) -> None:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | mode

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> None:
        self._find(path).changed_at = times[1] if times else time.time_ns()

    def statfs(self, path: str) -> dict[str, int]:
        blocks = _CAPACITY // _BLOCK
        return {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_blocks": blocks, "f_bfree": blocks, "f_bavail": blocks,
                "f_namemax": 255}  # fmt: skip


if __name__ == "__main__":
    FUSE(Forgetful(Path(sys.argv[2])), sys.argv[1], foreground=True, nothreads=True)
