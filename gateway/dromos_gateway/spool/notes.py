# SPDX-License-Identifier: Apache-2.0
"""What was delivered and is not in the ledger yet: a ring of notes that outlives the process, not a power cut.

The ledger learns of deliveries in batches, and on a slow disk a batch takes its time. A process that is killed then
would send again whatever a fast destination got meanwhile. So each delivery is noted at once, without a sync: one
write of 28 bytes into the page cache, which a killed process leaves behind. A note that is lost or torn costs no more
than sending an instance twice; one that is there is true, because numbers of deliveries are never used again.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from pathlib import Path

log = logging.getLogger(__name__)

_NOTE = struct.Struct("<qdd")  # the delivery's number, since when it waited, when it was delivered
_CHECK = struct.Struct("<I")
_SIZE = _NOTE.size + _CHECK.size
_MOST = 4096  # notes in the ring; the ledger is never that far behind while the disk works


class Notes:
    """The ring in a file. Errors of the disk are logged once and change nothing."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._noted: dict[tuple[int, float], float] = {}
        self._place = 0
        self._failed = False
        self._read()

    def add(self, delivery: int, since: float, at: float) -> None:
        """Note that a delivery, waiting `since`, was made `at`."""
        body = _NOTE.pack(delivery, since, at)
        place, self._place = self._place, (self._place + 1) % _MOST
        try:
            os.pwrite(self._descriptor, body + _CHECK.pack(zlib.crc32(body)), place * _SIZE)
        except OSError as error:
            if not self._failed:
                log.warning("deliveries cannot be noted; a crash may send some twice", extra={"error": error.strerror})
            self._failed = True

    def when(self, delivery: int, since: float) -> float | None:
        """When an earlier process made this delivery; None where nothing is known of it.

        `since` has to be the same as well: a ledger that somebody began anew counts from one again.
        """
        return self._noted.get((delivery, since))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _read(self) -> None:
        """Take in what an earlier process noted, and go on behind its newest note."""
        content = os.pread(self._descriptor, _MOST * _SIZE, 0)
        newest = 0.0
        for place in range(len(content) // _SIZE):
            start = place * _SIZE
            body = content[start : start + _NOTE.size]
            (check,) = _CHECK.unpack_from(content, start + _NOTE.size)
            if check != zlib.crc32(body):
                continue  # blank, or torn by a power cut
            delivery, since, at = _NOTE.unpack(body)
            self._noted[delivery, since] = at
            if at >= newest:
                newest, self._place = at, (place + 1) % _MOST
