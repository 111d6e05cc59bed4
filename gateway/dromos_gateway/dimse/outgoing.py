# SPDX-License-Identifier: Apache-2.0
"""Puts commands into P-DATA-TF PDUs (PS3.8 9.3.5, Annex E)."""

from __future__ import annotations

import struct

from dromos_gateway.dimse.pdu import DATA_TF

UNLIMITED = 0
HEADERS = 12  # of a P-DATA-TF that carries one PDV: 6 of the PDU, 6 of the PDV

_HEADER = struct.Struct(">BxIIBB")
_COMMAND, _LAST = 1, 2


def fragment_size(max_length: int, cap: int) -> int:
    """How much of a message fits into one PDU when the peer takes `max_length` (0: any) and we make `cap` at most."""
    return max((cap if max_length == UNLIMITED else min(max_length, cap)) - 6, 1)


def header(context_id: int, size: int, *, is_command: bool, is_last: bool) -> bytes:
    """The twelve bytes before a fragment of `size` bytes that has a PDU of its own."""
    control = (_COMMAND if is_command else 0) | (_LAST if is_last else 0)
    return _HEADER.pack(DATA_TF, size + 6, size + 2, context_id, control)


def command_pdus(context_id: int, command: bytes, size: int) -> bytes:
    """A command set in as many PDUs as fragments of `size` bytes make of it, nearly always one."""
    if len(command) <= size:
        return header(context_id, len(command), is_command=True, is_last=True) + command
    parts = []
    for start in range(0, len(command), size):
        part = command[start : start + size]
        last = start + size >= len(command)
        parts += [header(context_id, len(part), is_command=True, is_last=last), part]
    return b"".join(parts)
