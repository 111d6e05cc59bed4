#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storage SCP of pynetdicom that aborts on one patient's instances, or answers 0110, and stores the others.

dying.py PORT FOLDER PATIENT-ID abort|0110
"""

from __future__ import annotations

import sys
from pathlib import Path

from pynetdicom import evt
from storing import serve  # beside this script


def main() -> None:
    """Serve until somebody ends it."""
    port, folder, patient, how = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]

    def store(event: evt.Event) -> int:
        if event.dataset.PatientID == patient:
            if how == "abort":
                event.assoc.abort()
            return 0x0110
        event.dataset.save_as(folder / event.request.AffectedSOPInstanceUID, enforce_file_format=False)
        return 0

    serve("DYING", port, store)


if __name__ == "__main__":
    main()
