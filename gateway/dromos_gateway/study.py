# SPDX-License-Identifier: Apache-2.0
"""Find the Study Instance UID in the first bytes of a data set, so that studies can take turns.

Nothing depends on finding it: without one, instances take turns by sender.
"""

from __future__ import annotations

import re

from dromos_gateway.dimse.uids import EXPLICIT_VR_BIG_ENDIAN

_LITTLE = re.compile(rb"\x20\x00\x0d\x00(?:UI(.)\x00|(.)\x00\x00\x00)(?=[0-9.])", re.DOTALL)
_BIG = re.compile(rb"\x00\x20\x00\x0dUI\x00(.)(?=[0-9.])", re.DOTALL)
_UID = re.compile(rb"[0-9.]{1,64}")


def study_instance_uid(beginning: bytes, transfer_syntax_uid: str) -> str:
    """(0020,000D) of a data set, or nothing."""
    pattern = _BIG if transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN else _LITTLE
    for match in pattern.finditer(beginning):
        length = next(group for group in match.groups() if group is not None)[0]
        value = beginning[match.end() : match.end() + length].rstrip(b"\x00 ")
        if _UID.fullmatch(value):
            return value.decode("ascii")
    return ""
