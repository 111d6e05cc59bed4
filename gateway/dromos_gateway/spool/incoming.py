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
_MOST_PIECES = 512  # in one write; the system takes 1024
# Bytes after which the system is asked to begin writing, so that the sync finds little left: in a slot, in a file.
_EARLY_IN_SLOT, _EARLY = 128 * 1024, 8 * 1024 * 1024
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
        self._begun = 0  # bytes that the system was asked to begin writing
        self._done = False
        self.data_set_offset = len(head)
        self.size = len(head)
        self._beginning = b""
        self._pieces: list[memoryview] = []  # of the receive buffer, not written yet
        self._end = 0  # of what is written
        self._touched = 0  # of what may be written, also where a write failed
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
        """Append a piece of the data set, which stays where it is until `flush`. OSError when the disk is full."""
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
        self._pieces.append(fragment)
        self.size += size
        self._space.add(size)
        if len(self._pieces) == _MOST_PIECES:
            self.flush()

    def flush(self) -> None:
        """Write the pieces that have come: their memory is about to be used again. OSError."""
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._append(pieces)

    @property
    def memory(self) -> bytearray | None:
        """All of a small object, which is in no file yet."""
        return self._memory

    def complete(self, *, to_be_synced: bool = True) -> NewFile:
        """Hand the file over to the committer. OSError."""
        if self._memory is not None:
            memory, self._memory = self._memory, None
            self._beginning = bytes(memoryview(memory)[self.data_set_offset :])
            self._slot = self._slots.take(SMALL)
            if self._slot is None:
                self._open_file()
            self._pieces.append(memoryview(memory))
        self.flush()
        if self._slot is not None:
            self._slot.end_at(self.size)
            if to_be_synced and self._begun < self._end:
                begin_writing(self._slot.descriptor, self._begun, self._end - self._begun)
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
        self._memory, self._pieces = None, []
        self._space.add(-self.size)
        if self._slot is not None:
            self._slots.recycle(self._slot.name, self._touched)
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
        self._pieces.append(memoryview(memory))

    def _leave_slot(self) -> None:
        """The object is larger than a slot: it gets a file of its own."""
        self._open_file()
        slot, self._slot = self._slot, None
        assert slot is not None  # noqa: S101 - the caller looked
        if self._end:
            self._pieces.insert(0, memoryview(os.pread(slot.descriptor, self._end, 0)))
        self._slots.recycle(slot.name, self._touched)
        self._end = self._begun = self._touched = 0

    def _open_file(self) -> None:
        self._temporary = self._folder / "incoming" / secrets.token_hex(16)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self._temporary, flags, 0o600)
        except OSError:
            self._temporary = None
            raise

    def _append(self, pieces: list[memoryview]) -> None:
        descriptor = self._descriptor if self._slot is None else self._slot.descriptor
        wanted = sum(map(len, pieces))
        self._touched = self._end + wanted
        written = os.pwritev(descriptor, pieces, self._end)
        self._end += written
        if written < wanted:  # a disk that is almost full takes a part at first, and says so only then
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                written = os.pwrite(descriptor, rest, self._end)
                self._end += written
                rest = rest[written:]
        if self._end - self._begun >= (_EARLY if self._slot is None else _EARLY_IN_SLOT):
            begin_writing(descriptor, self._begun, self._end - self._begun)
            if self._begun > _KEPT_IN_CACHE:
                drop(descriptor, self._begun - _KEPT_IN_CACHE - _EARLY, _EARLY)
            self._begun = self._end
