#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storage SCP of pynetdicom that keeps the bytes of every attempt and is out of resources for the first ones.

grudging.py PORT FOLDER TIMES

Of each instance, the first TIMES attempts are answered A700. FOLDER gets a file for each attempt, UID.number.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from pynetdicom import evt
from storing import serve  # beside this script


def main() -> None:
    """Serve until somebody ends it."""
    port, folder, times = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    attempts: Counter[str] = Counter()

    def store(event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        attempts[uid] += 1
        (folder / f"{uid}.{attempts[uid]}").write_bytes(event.request.DataSet.getvalue())
        return 0xA700 if attempts[uid] <= times else 0

    serve("GRUDGING", port, store)


if __name__ == "__main__":
    main()
