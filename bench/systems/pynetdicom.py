# SPDX-License-Identifier: Apache-2.0
"""A forwarder as pynetdicom's documentation leads to it: the store handler sends on over an open association."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import processes
from bench.systems.oneprocess import OneProcess


class Pynetdicom(OneProcess):
    """This module, run as a program."""

    name = "pynetdicom"

    def start(self, home: Path, receiver_port: int) -> None:
        """Run it."""
        self.port = processes.free_port()
        command = [sys.executable, "-m", "bench.systems.pynetdicom", str(self.port), str(receiver_port)]
        self._run(command, home / "pynetdicom.log", {})


def serve(port: int, receiver_port: int) -> None:
    """Receive and send on, until killed."""
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
    from pynetdicom import AE, evt
    from pynetdicom.sop_class import Verification

    receiver = AE("DROMOS")
    receiver.add_supported_context(CTImageStorage, ExplicitVRLittleEndian)
    receiver.add_supported_context(Verification)
    sender = AE("DROMOS")
    sender.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    onward = sender.associate("127.0.0.1", receiver_port, ae_title="RECEIVER")

    def store(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        return int(onward.send_c_store(dataset).Status)

    receiver.start_server(("127.0.0.1", port), block=True, evt_handlers=[(evt.EVT_C_STORE, store)])


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
