# SPDX-License-Identifier: Apache-2.0
"""What the storage SCPs of pynetdicom beside this file have in common."""

from __future__ import annotations

from collections.abc import Callable

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification


def serve(ae_title: str, port: int, store: Callable[[evt.Event], int]) -> None:
    """Take every storage SOP class and C-ECHO, on this machine only, until somebody ends it."""
    entity = AE(ae_title)
    entity.supported_contexts = AllStoragePresentationContexts
    entity.add_supported_context(Verification)
    entity.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])
