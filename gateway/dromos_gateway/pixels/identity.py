# SPDX-License-Identifier: Apache-2.0
"""The SOP Instance UID of an image compressed with loss.

It is another image (PS3.3 C.7.6.1.1.5), and the same one each time: the UID is computed.
"""

from __future__ import annotations

import hashlib
import uuid


def lossy_uid(sop_instance_uid: str, destination_uid: str, transfer_syntax_uid: str) -> str:
    """`2.25.` and the UUID version 8 (RFC 9562) of SHA-256 over the three, separated by line feeds."""
    text = f"{sop_instance_uid}\n{destination_uid}\n{transfer_syntax_uid}"
    digest = bytearray(hashlib.sha256(text.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(digest)).int}"
