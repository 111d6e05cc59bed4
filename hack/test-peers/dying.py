#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A storage SCP of pynetdicom that aborts on one patient's instances, or answers 0110, and stores the others.

dying.py PORT FOLDER PATIENT-ID abort|0110
"""

from __future__ import annotations

import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification


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

    entity = AE("DYING")
    entity.supported_contexts = AllStoragePresentationContexts
    entity.add_supported_context(Verification)
    entity.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])


if __name__ == "__main__":
    main()
