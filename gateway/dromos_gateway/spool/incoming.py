# SPDX-License-Identifier: Apache-2.0
"""An instance on its way into the spool: a small one is gathered in memory, the others go to a file as they come."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from dromos_gateway.spool.slots import MEDIUM, SMALL, Slot, Slots
from dromos_gateway.spool.space import Space
from dromos_gateway.spool.writeback import begin_writing, drop

_SNIFF = 16 * 1024
# Bytes after which the system is asked to begin writing, so that the sync finds little left: in a slot, in a file.
_EARLY_IN_SLOT, _EARLY = 256 * 1024, 8 * 1024 * 1024
_KEPT_IN_CACHE = 1024 * 1024 * 1024  # what is further behind is dropped: whoever sends has to read it again


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file that was written and shall become durable. A slot has its name; other files get theirs by renaming."""

    descriptor: int
    name: str  # relative to the spool's folder
    temporary: Path | None  # None: a slot


class IncomingFile:
    """A Part 10 file being received; it has no name that anything else knows."""

    def __init__(self, folder: Path, slots: Slots, space: Space, head: bytes) -> None:
        self._folder = folder
        self._slots = slots
        self._space = space
        self._memory: bytearray | None = bytearray(head)
        self._slot: Slot | None = None
        self._descriptor = -1
        self._temporary: Path | None = None
        self._written = 0  # bytes that the system was asked to begin writing
        self._done = False
        self.data_set_offset = len(head)
        self.size = len(head)
        self._beginning = b""
        space.add(len(head))

    @property
    def path(self) -> Path:
        """Where the file is now; while it is in memory, `beginning` is all of it."""
        return self._temporary or (self._slot.path if self._slot is not None else self._folder)

    @property
    def beginning(self) -> bytes:
        """The first bytes of the data set, enough to find the study; all of them when the object is small."""
        return self._beginning if self._memory is None else bytes(memoryview(self._memory)[self.data_set_offset :])

    def write(self, fragment: memoryview) -> None:
        """Append a piece of the data set. OSError when the disk does not take it."""
        size = len(fragment)
        if self._memory is not None:
            if self.size + size <= SMALL:
                self._memory += fragment
                self.size += size
                self._space.add(size)
                return
            self._leave_memory()
        if len(self._beginning) < _SNIFF:
            self._beginning += bytes(fragment[: _SNIFF - len(self._beginning)])
        if self._slot is not None and self.size + size > self._slot.capacity:
            self._leave_slot()
        self._append(fragment)

    def complete(self) -> NewFile:
        """Hand the file over to the committer. OSError."""
        if self._memory is not None:
            memory, self._memory = self._memory, None
            self._beginning = bytes(memoryview(memory)[self.data_set_offset :])
            self._slot = self._slots.take(SMALL)
            if self._slot is None:
                self._open_file()
            _write_all(self._descriptor if self._slot is None else self._slot.descriptor, memory)
        self._done = True
        if self._slot is not None:
            return NewFile(self._slot.descriptor, self._slot.name, None)
        assert self._temporary is not None  # noqa: S101 - there is a slot or a file
        descriptor, self._descriptor = self._descriptor, -1
        return NewFile(descriptor, f"objects/{self._temporary.name}.dcm", self._temporary)

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._done:
            return
        self._done = True
        self._memory = None
        self._space.add(-self.size)
        if self._slot is not None:
            self._slots.recycle(self._slot.name, self.size)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def _leave_memory(self) -> None:
        memory, self._memory = self._memory, None
        assert memory is not None  # noqa: S101 - the caller looked
        self._beginning = bytes(memoryview(memory)[self.data_set_offset : self.data_set_offset + _SNIFF])
        self._slot = self._slots.take(MEDIUM)
        if self._slot is None:
            self._open_file()
        self.size = 0
        self._space.add(-len(memory))
        self._append(memoryview(memory))

    def _leave_slot(self) -> None:
        """The object is larger than a slot: it gets a file of its own."""
        slot, self._slot = self._slot, None
        assert slot is not None  # noqa: S101 - the caller looked
        self._open_file()
        content, size = memoryview(os.pread(slot.descriptor, self.size, 0)), self.size
        self._slots.recycle(slot.name, size)
        self.size = self._written = 0
        self._space.add(-size)
        self._append(content)

    def _open_file(self) -> None:
        self._temporary = self._folder / "incoming" / secrets.token_hex(16)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._temporary, flags, 0o600)
        except OSError:
            self._temporary = None
            raise

    def _append(self, view: memoryview) -> None:
        descriptor = self._descriptor if self._slot is None else self._slot.descriptor
        while view:
            written = os.pwrite(descriptor, view, self.size)
            self.size += written
            self._space.add(written)
            view = view[written:]
        if self.size - self._written >= (_EARLY if self._slot is None else _EARLY_IN_SLOT):
            begin_writing(descriptor, self._written, self.size - self._written)
            if self._written > _KEPT_IN_CACHE:
                drop(descriptor, self._written - _KEPT_IN_CACHE - _EARLY, _EARLY)
            self._written = self.size


def _write_all(descriptor: int, content: bytearray) -> None:
    """Write a whole small object. OSError; a disk that is almost full takes a part at first, and says so only then."""
    written = os.pwrite(descriptor, content, 0)
    while written < len(content):
        written += os.pwrite(descriptor, memoryview(content)[written:], written)
