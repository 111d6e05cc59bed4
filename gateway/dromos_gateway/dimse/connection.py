# SPDX-License-Identifier: Apache-2.0
"""One accepted connection as a byte stream: reads in place, deadlines, orderly ends. `Session` gives it meaning."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol, cast

from dromos_gateway.dimse import pdu
from dromos_gateway.dimse.framing import MAX_CARRY, PduReader, Receiver, Violation
from dromos_gateway.dimse.limits import AcceptorLimits
from dromos_gateway.dimse.policy import Rejection, StorePolicy
from dromos_gateway.dimse.room import Room
from dromos_gateway.dimse.sockets import Quickack

LOG = logging.getLogger("dromos.dimse")
_MAX_ASSOCIATE = 256 * 1024


class Owner(Protocol):
    """The acceptor, as a connection sees it."""

    @property
    def limits(self) -> AcceptorLimits:
        """Deadlines and caps."""

    @property
    def policy(self) -> StorePolicy:
        """Who decides."""

    @property
    def receive_buffer(self) -> bytearray:
        """Memory that all connections read into."""

    @property
    def requests(self) -> Room:
        """Room for requests that are still coming."""

    def objection(self) -> Rejection | None:
        """Why no further association can be taken now."""

    def opened(self, connection: Connection) -> None:
        """A connection is open, TLS and all."""

    def rejected(self, rejection: Rejection) -> None:
        """An association was refused."""

    def associated(self, connection: Connection) -> None:
        """The connection counts as an association from here."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""


class Connection(asyncio.BufferedProtocol):
    """Everything here runs in the event loop, and nothing raises into it."""

    def __init__(self, owner: Owner, quickack: Quickack, peer_host: str) -> None:
        self._owner = owner
        self._limits = owner.limits
        self._quickack = quickack
        self._peer_host = peer_host
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = PduReader(self._receiver(), max_pdu=self._limits.max_pdu, max_associate=_MAX_ASSOCIATE)
        # All connections read into the same memory: a read is parsed to its end before the next one begins. What may
        # stay behind is an incomplete header (_carry) or, while an instance is made durable, a copy (_held).
        self._memory = memoryview(owner.receive_buffer)
        self._space = self._memory[MAX_CARRY:]
        self._carry = b""
        self._held = b""
        self._closing = self._consuming = False
        self._write_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_read = self._opened_at = self._loop.time()

    @property
    def is_closing(self) -> bool:
        """Whether the last word was said."""
        return self._closing

    def _receiver(self) -> Receiver:
        """Who takes what the reader finds."""
        raise NotImplementedError

    def _is_waiting(self) -> bool:
        """Whether nothing may be parsed now because an instance is being made durable."""
        raise NotImplementedError

    def _overdue(self, now: float) -> tuple[float, str]:
        """When the peer must have made progress, and what to say when it has not."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """Forget the object in flight."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """What was read is about to be written over."""
        raise NotImplementedError

    def _whoami(self) -> str:
        """Who the peer says it is, for the log."""
        raise NotImplementedError

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready, and TLS if there is any."""
        self._transport = cast("asyncio.Transport", transport)
        self._last_read = self._opened_at = self._loop.time()
        self._timer = self._loop.call_later(self._limits.request_timeout, self._check_deadline)
        self._owner.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next read goes."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._quickack()
        if self._closing:
            return
        self._last_read = self._loop.time()
        start = MAX_CARRY - len(self._carry)
        if self._carry:
            self._memory[start:MAX_CARRY] = self._carry
            self._carry = b""
        view = self._memory[start : MAX_CARRY + nbytes]
        if self._is_waiting():
            self._held += view
            self._pause()
        else:
            self._consume(view)

    def eof_received(self) -> bool:
        """The peer has sent all it will: an association has no half-closed state."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, for whatever reason."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._abandon()
        self._owner.closed(self)

    def pause_writing(self) -> None:
        """The peer does not read its responses: read none of its requests."""
        self._write_paused = True
        self._pause()

    def resume_writing(self) -> None:
        """It does again."""
        self._write_paused = False
        self._resume()

    # --- for the session ---

    def _go_on(self) -> None:
        """The instance is durable: parse what has come meanwhile."""
        self._last_read = self._loop.time()
        held, self._held = self._held, b""
        if held:
            self._consume(memoryview(held))
        self._resume()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _log(self, message: str, **fields: object) -> None:
        LOG.warning(message, extra={"peer": self._whoami(), "host": self._peer_host, **fields})

    def abort(self, message: str, source: int = 0, reason: int = 0) -> None:
        """Say A-ABORT and close."""
        if not self._closing:
            self._log("association aborted", why=message, source=source, reason=reason)
            self._close_after(pdu.encode_abort(source, reason))

    def drop(self) -> None:
        """Close without a word."""
        self._closing = self._reader.paused = True
        self._abandon()
        if self._transport is not None:
            self._transport.abort()

    def _close_after(self, last_words: bytes) -> None:
        """Write, then wait a while for the peer to close (ARTIM, PS3.8 9.1.5): closing first may lose what we wrote."""
        self._closing = self._reader.paused = True
        self._held = b""
        self._abandon()
        if self._timer is not None:
            self._timer.cancel()
        if not last_words or self._transport is None:
            self.drop()
            return
        self._write(last_words)
        if last_words[0] != pdu.RELEASE_RP and self._transport.can_write_eof():
            self._transport.write_eof()  # a peer that waits for the end sees it at once
        self._timer = self._loop.call_later(self._limits.abort_timeout, self.drop)
        self._transport.resume_reading()  # what still comes is read and thrown away, to see the end

    # --- inside ---

    def _consume(self, view: memoryview) -> None:
        self._consuming = True
        try:
            consumed = self._reader.feed(view)
            self._let_go()
        except Violation as violation:
            self.abort(str(violation), violation.source, violation.reason)
            return
        except Exception:
            LOG.exception("unexpected error while reading from a peer")
            self.abort("internal error", 2, 0)
            return
        finally:
            self._consuming = False
        rest = view[consumed:]
        if self._closing or not rest:
            return
        if self._is_waiting():
            self._held = bytes(rest)
            self._pause()
        else:
            self._carry = bytes(rest)

    def _pause(self) -> None:
        if self._transport is not None and not self._closing:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._transport is not None and not (self._closing or self._write_paused or self._is_waiting()):
            self._transport.resume_reading()

    def _look_again(self) -> None:
        """Another deadline holds, which may be sooner than the one that is waited for."""
        if self._timer is not None:
            self._timer.cancel()
        self._check_deadline()

    def _check_deadline(self) -> None:
        now = self._loop.time()
        deadline, message = self._overdue(now)
        if now < deadline:
            self._timer = self._loop.call_later(max(deadline - now, 0.05), self._check_deadline)
        elif message:
            self.abort(message, 2, 0)
        else:
            self.drop()
