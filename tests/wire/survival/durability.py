# SPDX-License-Identifier: Apache-2.0
"""What of a file system would be left after a power cut, followed call by call.

Knows nothing of how the spool works but that its ledger is an SQLite database, and that one write into the journal has
what the row of an instance would say, and perhaps the whole instance: an instance is where its UID was written to, and
it is safe when what was written is synced, when its name and those of its folders are, and when its row is, in the
ledger or in the journal; or when all that holds of its record with the whole instance.
What is written in ways that strace cannot show (io_uring, memory maps) was never written as far as this is concerned.
"""

from __future__ import annotations

import re
import struct
from collections import Counter, defaultdict
from pathlib import Path, PurePath

from tests.wire.survival.trace import Event, events

_UID = re.compile(rb"1\.2\.826\.0\.1\.3680043\.9\.7433\.1\d{9}")
_WRITES = {
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
}
_SENDS = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
_NEVER = re.compile(r"(?!)")
_AT_ZERO = {  # the offset, which flags follow in one of them
    "pwrite64": re.compile(r", 0\s*$"),
    "pwritev": re.compile(r", 0\s*$"),
    "pwritev2": re.compile(r", 0, \w+\s*$"),
}
_JOURNAL = "/journal"
_IN_A_WHOLE_RECORD = 3  # the UID's places: among the facts, in the head of the object's file, in the data set
_CREATES = {"open", "openat", "creat"}


class Disk:
    """Files as the trace shows them. `acknowledged` and `objections` are the verdict."""

    def __init__(self, spool: Path, port: int) -> None:
        self._root = str(spool.parent)  # the spool's own name matters as well
        self._from_us = f"TCP:[127.0.0.1:{port}->"
        self._names: dict[str, int] = {}  # path: file
        self._safe_names: dict[str, int] = {}  # path: file that a power cut would leave there
        self._writes: defaultdict[int, int] = defaultdict(int)  # how many there were
        self._synced: defaultdict[int, int] = defaultdict(int)  # how many of them are safe
        self._uids: defaultdict[int, dict[bytes, int]] = defaultdict(dict)  # the first write that had it
        self._whole: set[tuple[int, bytes]] = set()  # journals, and what they have all of
        self._syncing: dict[str, tuple[int, dict[str, int]]] = {}
        self.acknowledged: list[str] = []
        self.journalled = 0  # of those, because of their whole records
        self.recorded = 0  # because of their files, and of records of what their rows would say
        self.objections: list[str] = []

    def follow(self, trace: Path) -> Disk:
        for event in events(trace):
            self._see(event)
        return self

    def _see(self, event: Event) -> None:
        target = event.descriptors[0] if event.descriptors else ""
        if event.call in _SENDS and target.startswith(self._from_us) and not event.ends:
            self._answered(b"".join(event.texts))
        elif event.call in _WRITES and target.startswith(self._root):
            from_start = _AT_ZERO.get(event.call, _NEVER).search(event.arguments) is not None
            self._written(target, b"".join(event.texts), anew=from_start and not self._grows(target))
        elif event.failed or not any(path.startswith(self._root) for path in self._paths(event)):
            return
        elif event.call in ("fsync", "fdatasync"):
            self._sync(target, ends=event.ends)
        elif event.ends:
            self._named(event)

    @staticmethod
    def _grows(path: str) -> bool:
        """What is written at a file's beginning does not end what it held."""
        return ".sqlite" in path or path.endswith(_JOURNAL)

    def _paths(self, event: Event) -> tuple[str, ...]:
        """Absolute paths of a call on names; relative ones belong to the descriptor before them."""
        if event.call in ("fsync", "fdatasync"):
            return event.descriptors
        bases = [path for path in event.descriptors if path.startswith("/")] or [""]
        texts = [text.decode(errors="replace") for text in event.texts]
        return tuple(str(PurePath(bases[min(number, len(bases) - 1)]) / text) for number, text in enumerate(texts))

    def _named(self, event: Event) -> None:
        paths = self._paths(event)
        if event.call in _CREATES:
            if "O_TMPFILE" in event.arguments:
                raise AssertionError("O_TMPFILE is used: teach this checker to follow it")
            if ("O_CREAT" in event.arguments or event.call == "creat") and paths[0] not in self._names:
                self._names[paths[0]] = self._new()
            if "O_TRUNC" in event.arguments:
                self._written(paths[0], b"")
        elif event.call.startswith("mkdir"):
            self._names[paths[0]] = self._new()
        elif event.call.startswith("rename"):
            self._names[paths[1]] = self._names.pop(paths[0])
        elif event.call.startswith("link"):
            self._names[paths[1]] = self._names[paths[0]]
        elif event.call.startswith("unlink"):
            self._names.pop(paths[0], None)

    def _new(self) -> int:
        number = len(self._writes) + 1
        self._writes[number] = 0
        return number

    def _written(self, path: str, data: bytes, *, anew: bool = False) -> None:
        """`anew`: over the beginning of an object's file, so that it no longer holds what it held."""
        if path not in self._names:
            self._names[path] = self._new()
        number = self._names[path]
        self._writes[number] += 1
        if anew:
            self._uids[number].clear()
        for uid, times in Counter(_UID.findall(data)).items():
            self._uids[number].setdefault(uid, self._writes[number])
            if path.endswith(_JOURNAL) and times >= _IN_A_WHOLE_RECORD:
                self._whole.add((number, uid))

    def _sync(self, path: str, *, ends: bool) -> None:
        """What was there when a sync began is safe when it ends."""
        if not ends:
            below = {name: file for name, file in self._names.items() if str(PurePath(name).parent) == path}
            self._syncing[path] = (self._writes[self._names[path]] if path in self._names else 0, below)
            return
        writes, below = self._syncing.pop(path, (0, {}))
        if path in self._names:
            self._synced[self._names[path]] = max(self._synced[self._names[path]], writes)
        gone = [name for name in self._safe_names if str(PurePath(name).parent) == path and name not in below]
        for name in gone:
            del self._safe_names[name]
        self._safe_names |= below

    def _answered(self, data: bytes) -> None:
        for uid in _successes(data):
            self.acknowledged.append(uid.decode())
            holders = [number for number, uids in self._uids.items() if uid in uids]
            journals = {number for name, number in self._names.items() if name.endswith(_JOURNAL)}
            ledgers = {number for name, number in self._names.items() if ".sqlite" in name}
            doubts = [self._doubt_of_row(number, uid, "record") for number in holders if (number, uid) in self._whole]
            if None in doubts:
                self.journalled += 1
                continue
            self.objections += [f"{uid.decode()}: {doubt}" for doubt in doubts]
            objects = [number for number in holders if number not in ledgers | journals]
            doubts = [self._doubt_of_object(number) for number in objects] or ["its data set was never written"]
            if None not in doubts:
                self.objections.append(f"{uid.decode()}: {doubts[0]}")
            rows = {number: "record" if number in journals else "row" for number in holders if number not in objects}
            doubts = [self._doubt_of_row(number, uid, what) for number, what in rows.items()]
            self.recorded += all(what == "record" for what in rows.values())
            if None not in doubts:
                self.objections.append(f"{uid.decode()}: {doubts[0] if doubts else 'its row was never written'}")

    def _doubt_of_object(self, number: int) -> str | None:
        if self._synced[number] < self._writes[number]:
            return "its data set is not synced"
        return self._doubt_of_name(number, "the object")

    def _doubt_of_row(self, number: int, uid: bytes, what: str) -> str | None:
        if self._synced[number] < self._uids[number][uid]:
            return f"its {what} is not synced"
        return self._doubt_of_name(number, "the ledger" if what == "row" else "the journal")

    def _doubt_of_name(self, number: int, what: str) -> str | None:
        names = [name for name, file in self._safe_names.items() if file == number]
        if not names:
            return f"the name of {what} is not synced"
        for folder in PurePath(names[0]).parents:
            known = self._names.get(str(folder))
            if known is not None and self._safe_names.get(str(folder)) != known:
                return f"the name of {what}'s folder {folder.name}/ is not synced"
        return None


def _successes(data: bytes) -> list[bytes]:
    """The instances that P-DATA-TFs of C-STORE responses acknowledge with 0000."""
    found = []
    while len(data) >= 6:
        kind, length = struct.unpack_from(">BxI", data)
        body, data = data[6 : 6 + length], data[6 + length :]
        if kind != 4:
            continue
        elements, rest = {}, body[6:]
        while len(rest) >= 8:
            group, element, size = struct.unpack_from("<HHI", rest)
            elements[group, element] = rest[8 : 8 + size]
            rest = rest[8 + size :]
        if elements.get((0, 0x100)) == b"\x01\x80" and elements.get((0, 0x900)) == b"\0\0":
            found.append(elements[0, 0x1000].rstrip(b"\0"))
    return found
