# SPDX-License-Identifier: Apache-2.0
"""Jobs on their way to one worker. What the worker has not taken yet, the pool can take back.

Both read at the same end of a socket that keeps messages whole, so the kernel gives each message to one of them: what
the pool gets back was never begun, and what it does not get back was, whatever has become of the worker.
"""

from __future__ import annotations

import os
import socket
import struct

from dromos_gateway.workers.messages import HEADER

_INLINE = 32 * 1024  # bytes of a job; there is room for several. What is longer lies in memory that goes along
_AT_ONCE = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_INT = struct.Struct("i")
_ONE_DESCRIPTOR = socket.CMSG_LEN(_INT.size)


class Tray:
    """The pool's side; the worker takes from `far`."""

    def __init__(self) -> None:
        self._near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)

    def put(self, number: int, body: bytes) -> None:
        """Lay a job there, behind the others. OSError."""
        head = HEADER.pack(len(body), number)
        if len(body) <= _INLINE:
            self._near.send(head + body, _AT_ONCE)
            return
        with os.fdopen(os.memfd_create("job", os.MFD_CLOEXEC), "wb") as page:
            page.write(body)
            page.flush()
            socket.send_fds(self._near, [head], [page.fileno()], _AT_ONCE)

    def take_back(self) -> int | None:
        """The number of the first job that the worker has not taken, and now never will; None when there is none."""
        try:
            head, page = _received(self.far, HEADER.size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        if page is not None:
            os.close(page)
        number: int = HEADER.unpack(head)[1]
        return number

    def close(self) -> None:
        """The worker sees that there is nothing to come."""
        self._near.close()
        self.far.close()


def take(far: socket.socket) -> tuple[int, bytes] | None:
    """The worker's side: number and body of the next job, once there is one; None when nobody is there any more."""
    message, page = _received(far, HEADER.size + _INLINE, 0)
    if not message:
        return None
    _, number = HEADER.unpack_from(message)
    if page is None:
        return number, message[HEADER.size :]
    with os.fdopen(page, "rb") as file:
        file.seek(0)
        return number, file.read()


def _received(far: socket.socket, size: int, flags: int) -> tuple[bytes, int | None]:
    """A message, cut to `size`, and the descriptor that came along. `socket.recv_fds` forgets the flags."""
    message, beside, _, _ = far.recvmsg(size, _ONE_DESCRIPTOR, flags | socket.MSG_CMSG_CLOEXEC)
    return message, _INT.unpack(beside[0][2])[0] if beside else None
