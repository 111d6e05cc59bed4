# SPDX-License-Identifier: Apache-2.0
"""Blank files that wait for an object: their names and blocks are on the disk already.

Making a file durable costs a commit of the file system's journal; overwriting blocks that exist does not. So objects
that fit go into a slot, and only their bytes have to be synced before they are acknowledged. Behind an object the slot
is zero; the ledger knows where the object ends. When the object is delivered the slot is free again. Its bytes are
overwritten by the next object, which nearly always comes at once; where none comes for a moment, with zeros. When an
object has to stay, its slot is trimmed and is a file like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dromos_gateway.spool.folders import sync_folder
from dromos_gateway.spool.space import Space

log = logging.getLogger(__name__)

FOLDER = "slots"
SMALL, MEDIUM = 32 * 1024, 1024 * 1024  # bytes of a slot
_MOST = {SMALL: 128, MEDIUM: 32}
_AT_FIRST = {SMALL: 96, MEDIUM: 24}  # as many as one sender needs, whatever it sends
_LOW = {SMALL: 16, MEDIUM: 4}  # free ones below which more are made
_PIECE = {SMALL: 32, MEDIUM: 8}  # made at a time
_REST = 0.25  # seconds that a slot may show what it held
_STILL = 5.0  # seconds without one that comes back, after which those that wait are files
_SHARE = 0.1  # of the room there is that slots may take
_ZEROS = memoryview(bytes(MEDIUM))


@dataclass(slots=True, eq=False)
class Slot:
    """A file of `capacity` bytes."""

    name: str  # relative to the spool's folder
    path: Path
    descriptor: int
    capacity: int
    stale: int = 0  # bytes that an earlier object left
    kept: int = 0  # bytes of an object that is durable in it

    def end_at(self, size: int) -> None:
        """An object of so many bytes was written: let nothing be behind it. OSError."""
        if self.stale > size:
            os.pwrite(self.descriptor, _ZEROS[: self.stale - size], size)
        self.stale = 0


class Slots:
    """A pool of slots of two sizes. Everything but the making of new ones happens in the event loop, and is quick."""

    def __init__(self, folder: Path, space: Space) -> None:
        self._folder = folder / FOLDER
        self._space = space
        self._free: dict[int, list[Slot]] = {SMALL: [], MEDIUM: []}
        self._taken: dict[str, Slot] = {}
        self._making: asyncio.Task[None] | None = None
        self._stale: dict[str, Slot] = {}  # free ones that show what they held
        self._flowed = {SMALL: 0.0, MEDIUM: 0.0}  # when one came back, or some were let go
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def take(self, capacity: int) -> Slot | None:
        """A blank slot; None when there is none, and an ordinary file has to do."""
        free = self._free[capacity]
        if len(free) < _LOW[capacity]:
            self._let_go(capacity)
            self._make_more({capacity: self._there(capacity) + _PIECE[capacity]})
        if not free:
            return None
        slot = free.pop()
        self._taken[slot.name] = slot
        self._stale.pop(slot.name, None)
        return slot

    def recycle(self, name: str, used: int) -> bool:
        """Free a slot whose object, of `used` bytes, is over; False when the name is not one of ours."""
        slot = self._taken.pop(name, None)
        if slot is None:
            return False
        slot.stale, slot.kept = max(slot.stale, used), 0
        self._flowed[slot.capacity] = asyncio.get_running_loop().time()
        self._free[slot.capacity].append(slot)
        self._stale[name] = slot
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_REST, self.blank)
        return True

    def blank(self) -> None:
        """Overwrite what free slots still show."""
        self._timer = None
        stale, self._stale = self._stale, {}
        for slot in stale.values():
            try:
                slot.end_at(0)
            except OSError as error:
                log.warning("a slot could not be blanked", extra={"error": error.strerror})
                self._free[slot.capacity].remove(slot)
                self._discard(slot)

    def trim(self, name: str, size: int) -> None:
        """Its object stays: cut off what is behind it. From now on it is a file like any other."""
        slot = self._taken.pop(name, None)
        if slot is not None:
            with contextlib.suppress(OSError):  # the next start tries again
                os.ftruncate(slot.descriptor, size)
            os.close(slot.descriptor)

    def keeps(self, name: str, size: int) -> None:
        """Its object is durable; nobody needs the slot as one any longer, except to use it again when that is over."""
        slot = self._taken.get(name)
        if slot is not None:
            slot.kept = size

    def _let_go(self, capacity: int) -> None:
        """Where none comes back, those taken longest ago stay as files: who waits must not hold what others need."""
        now = asyncio.get_running_loop().time()
        if now - self._flowed[capacity] < _STILL or self._there(capacity) < _MOST[capacity]:
            return
        self._flowed[capacity] = now
        waiting = [slot for slot in self._taken.values() if slot.kept and slot.capacity == capacity]
        for slot in waiting[: _AT_FIRST[capacity]]:
            self.trim(slot.name, slot.kept)

    def discard(self, name: str) -> None:
        """Forget a slot that the disk did not serve well."""
        slot = self._taken.pop(name, None)
        if slot is not None:
            self._discard(slot)

    def prepare(self) -> None:
        """Make the first ones, in a thread, as far as there is room for them."""
        self._make_more(_AT_FIRST)

    async def close(self) -> None:
        """Remove what is free; what holds an object keeps it."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._making is not None:
            await self._making
        for slots in self._free.values():
            for slot in slots:
                self._discard(slot)
            slots.clear()
        for slot in self._taken.values():
            os.close(slot.descriptor)
        self._taken.clear()

    def _make_more(self, wanted: Mapping[int, int]) -> None:
        if self._making is None and not self._closed:
            self._making = asyncio.create_task(self._fill(wanted))

    def _there(self, capacity: int) -> int:
        return len(self._free[capacity]) + sum(slot.capacity == capacity for slot in self._taken.values())

    async def _fill(self, wanted: Mapping[int, int]) -> None:
        try:
            for capacity, number in wanted.items():
                while not self._closed and (missing := min(number, _MOST[capacity]) - self._there(capacity)) > 0:
                    room = self._space.available * _SHARE
                    piece = min(missing, _PIECE[capacity], int(room // (_MOST[capacity] * capacity)))
                    if piece <= 0:
                        break
                    self._free[capacity] += await asyncio.to_thread(_make, self._folder, capacity, piece)
        except OSError as error:
            log.warning("no slots can be made", extra={"error": error.strerror})
            await asyncio.sleep(5.0)
        finally:
            self._making = None

    def _discard(self, slot: Slot) -> None:
        os.close(slot.descriptor)
        slot.path.unlink(missing_ok=True)


def _make(folder: Path, capacity: int, number: int) -> list[Slot]:
    """Blank slots whose names and blocks are on the disk. OSError."""
    made: list[Slot] = []
    try:
        for _ in range(number):
            name = f"{secrets.token_hex(16)}.dcm"
            path = folder / name
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            made.append(Slot(f"{FOLDER}/{name}", path, descriptor, capacity))
            if os.pwrite(descriptor, _ZEROS[:capacity], 0) != capacity:
                raise OSError(None, "the file system is full")
        for slot in made:
            os.fdatasync(slot.descriptor)
        sync_folder(folder)
    except OSError:
        for slot in made:
            os.close(slot.descriptor)
            slot.path.unlink(missing_ok=True)
        raise
    return made
