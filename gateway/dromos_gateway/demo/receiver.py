# SPDX-License-Identifier: Apache-2.0
"""A DICOM receiver of its own kind: pynetdicom's, in a process of its own, writing what it gets as it gets it.

It shares no code with the gateway, so that what arrives is judged by somebody else.
"""

from __future__ import annotations

import secrets
import signal
import sys
from pathlib import Path
from types import FrameType

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification


def main(folder: Path, port: int, ae_title: str) -> int:
    """Serve until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)

    def store(event: evt.Event) -> int:
        name = secrets.token_hex(8)
        partial = folder / f".{name}"
        partial.write_bytes(event.encoded_dataset())
        partial.rename(folder / f"{name}.dcm")
        return 0x0000

    node = AE(ae_title=ae_title)
    node.supported_contexts = [*AllStoragePresentationContexts[:127]]
    node.add_supported_context(Verification)
    node.require_called_aet = True
    server = node.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.shutdown()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
