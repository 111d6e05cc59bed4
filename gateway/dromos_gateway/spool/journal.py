# SPDX-License-Identifier: Apache-2.0
"""What came in a moment ago, durable with one sync: a ring of records in a file whose blocks are on the disk already.

To give a small instance its file and its rows takes two syncs, and most are delivered before the ledger's next batch.
So one is acknowledged once a record of it is synced here, with all that its rows would say and the object itself. The
ledger hears of it a moment later: what is still under way gets rows then, the rest is only counted. Of a larger one,
whose slot is synced first, the record has what its rows would say.

What holds, whenever the power goes:

1. A record is acknowledged only after a sync that began when it was written whole, and that did not fail. One whose
   object lies in a file is not even written before that file is synced, nor where that failed.
2. After a sync that failed nothing is known of what was written before it, whatever later syncs say: such records
   promise nothing (`generation`), and their instances take the ledger's way.
3. The ledger's mark is the number of the last record that it has heard of, with all before it. The transaction that
   moves the mark says all that those records said.
4. A record is written over only when a mark that reaches it is durable, and so is the slot that it names.
5. A record is believed only if it has the ledger's key, a number above the mark and a checksum that fits: not when it
   is torn, of an earlier lap, partly written over, or another ledger's. Blocks are never shared between records.
6. A recovery makes files and rows of all records above the mark before anything new is received, moves the mark in the
   same transaction, and may be broken off anywhere: then it begins again.

A record that promised nothing may be found all the same: its sender was refused, sends again, and it is there twice.
No other object is ever put into a slot that it names: where that is deleted already, it becomes a dead letter.

The ledger's version says which format the records have: a Dromos that doesn't know them does not open the spool.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.writeback import begin_writing

log = logging.getLogger(__name__)

SIZE = 4 * 1024 * 1024
BLOCK = 4096  # records begin at multiples of it
_HEADER = struct.Struct("<16sqII")  # the ledger's key, the instance's number, bytes of facts and of content
_CHECK = struct.Struct("<I")
_FRONT = _HEADER.size + _CHECK.size
_PLENTY = 16  # times its size that must be free where it is made


class Entry(NamedTuple):
    """A record that has its place; whether it lasts, a sync must say."""

    number: int
    generation: int
    place: int = 0
    later: bytes = b""  # what a sync writes at its place before anything else, when its object's file is durable


class Record(NamedTuple):
    """A record that was found."""

    number: int
    facts: bytes
    content: bytes

    @property
    def lies_in_a_file(self) -> bool:
        """Whether its object was durable in a file before it was written."""
        return not self.content


class Journal:
    """The ring. `begin` and `reclaim` belong to the loop, `sync` to the committer's rounds."""

    def __init__(self, path: Path, key: bytes, *, size: int = SIZE) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._key = key
        self._size = size
        self._ready = _lengthened(path, self._descriptor, size)
        self._begun = self._resting = False
        self._generation = 0
        self.head = size  # where the next record begins, counted through all laps since all was blank
        self._taken: deque[tuple[int, int]] = deque()  # (number, beginning) of what may not be written over

    @property
    def usable(self) -> bool:
        """Whether it takes records at all."""
        return self._ready and self._begun and not self._resting

    @property
    def crowded(self) -> bool:
        """Whether half of it is taken: the ledger should hear of what there is."""
        return bool(self._taken) and self.head - self._taken[0][1] > self._size // 2

    def start(self) -> None:
        """What was left is in the ledger: from now on it may be written over."""
        self._begun = True

    def begin(self, number: int, facts: bytes, content: bytes | bytearray | None) -> Entry | None:
        """Write a record, whose number is larger than all before; None when there is no room. OSError.

        The disk begins at once, while whoever called does what else there is to do before the sync. Without content the
        record is of an object that lies in a file: it is written with its sync, which must come after that of the file.
        """
        later, content = content is None, content or b""
        header = _HEADER.pack(self._key, number, len(facts), len(content))
        front = b"".join((header, _CHECK.pack(zlib.crc32(content, zlib.crc32(facts, zlib.crc32(header)))), facts))
        length = len(front) + len(content)
        beginning = self._reserve(number, -(-length // BLOCK) * BLOCK)
        if beginning is None:
            return None
        place = beginning % self._size
        entry = Entry(number, self._generation, place, front if later else b"")
        if later:
            return entry
        try:
            if os.pwritev(self._descriptor, (front, content), place) != length:
                raise OSError(None, "a record was written in part")
        except OSError:
            self._taken.pop()  # nobody was promised anything
            raise
        begin_writing(self._descriptor, place, length)
        return entry

    def give_up(self, entry: Entry) -> None:
        """A record that was not written yet never will be: its object's file is not durable."""
        self._taken = deque(each for each in self._taken if each[0] != entry.number)

    def reclaim(self, mark: int) -> None:
        """The ledger has durably heard of all up to this number."""
        taken = self._taken
        while taken and taken[0][0] <= mark:
            taken.popleft()

    def blank(self) -> bool:
        """Overwrite what is still to be seen of records that are over; False while one may not be. OSError."""
        if self._taken or not self._begun:
            return False
        used, self.head = min(self.head, self._size), 0
        if self._ready and used:
            os.pwrite(self._descriptor, bytes(used), 0)
        return True

    def rest(self) -> None:
        """Take nothing: the disk did not serve it well."""
        self._resting = True

    def resume(self) -> None:
        """Take records again."""
        self._resting = False

    def sync(self, entries: Sequence[Entry]) -> bool:
        """Make records durable; False when one of them was written before a sync that failed. OSError."""
        try:
            for entry in entries:
                if entry.later and os.pwrite(self._descriptor, entry.later, entry.place) != len(entry.later):
                    raise OSError(None, "a record was written in part")
            os.fdatasync(self._descriptor)
        except OSError:
            self._generation += 1
            raise
        return all(entry.generation == self._generation for entry in entries)

    def left(self, mark: int) -> list[Record]:
        """Records that the ledger has not heard of, in the order of their numbers. OSError."""
        content = os.pread(self._descriptor, self._size, 0)
        found: list[Record] = []
        place = 0
        while place + _FRONT <= len(content):
            record = self._read(content, place)
            if record is not None and record.number > mark:
                found.append(record)
            length = _FRONT + len(record.facts) + len(record.content) if record is not None else BLOCK
            place += -(-length // BLOCK) * BLOCK
        return sorted(found)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _reserve(self, number: int, size: int) -> int | None:
        """Room for a record, in one piece; None while others have it."""
        if not self.usable or size > self._size:
            return None
        beginning = self.head
        if beginning % self._size + size > self._size:  # it would not end before the ring does
            beginning += self._size - beginning % self._size
        oldest = self._taken[0][1] if self._taken else beginning
        if beginning + size - oldest > self._size:
            return None
        self._taken.append((number, beginning))
        self.head = beginning + size
        return beginning

    def _read(self, content: bytes, place: int) -> Record | None:
        """The record at a place. Nobody who does not know the key can make an object look like one."""
        key, number, facts, size = _HEADER.unpack_from(content, place)
        start = place + _FRONT
        end = start + facts + size
        if key != self._key or end > len(content):
            return None
        (check,) = _CHECK.unpack_from(content, place + _HEADER.size)
        view = memoryview(content)
        if zlib.crc32(view[start:end], zlib.crc32(view[place : place + _HEADER.size])) != check:
            return None
        return Record(number, content[start : start + facts], content[start + facts : end])


def _lengthened(path: Path, descriptor: int, size: int) -> bool:
    """Whether the file has all its blocks and its name; they are made where there is plenty of room."""
    try:
        there, state = os.fstat(descriptor).st_size, os.fstatvfs(descriptor)
        if there < size and state.f_bavail * state.f_frsize <= _PLENTY * size:
            return False
        while there < size:
            there += os.pwrite(descriptor, bytes(size - there), there)
        os.fsync(descriptor)
        sync_folder(path.parent)
    except OSError as error:
        log.warning("there is no journal: all instances go to the ledger", extra={"error": error.strerror})
        return False
    return True
