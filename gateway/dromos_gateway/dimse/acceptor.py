# SPDX-License-Identifier: Apache-2.0
"""The listener: takes connections, counts associations, drains."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections import Counter
from ssl import SSLContext, SSLError

from dromos_gateway.dimse.connection import LOG, Connection
from dromos_gateway.dimse.framing import MAX_CARRY
from dromos_gateway.dimse.limits import AcceptorLimits as AcceptorLimits
from dromos_gateway.dimse.listening import listen
from dromos_gateway.dimse.policy import LOCAL_LIMIT_EXCEEDED, TEMPORARY_CONGESTION, Rejection, StorePolicy
from dromos_gateway.dimse.room import Room
from dromos_gateway.dimse.session import Session
from dromos_gateway.dimse.sockets import host_of, quickack, tune
from dromos_gateway.histogram import ASSOCIATIONS, Histogram

_RECEIVE_BUFFER = 576 * 1024  # a CT slice of 512 by 512 in one read, header and all
_REQUESTS = 8 * 1024 * 1024  # bytes of long A-ASSOCIATE-RQs on their way: a thousand connections may be open
_IDLE_IN_DRAIN = 2.0  # seconds between two messages after which a peer is not in the middle of sending
_LATELY = 0.05  # seconds
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """A DICOM listener for storage and verification."""

    def __init__(
        self, policy: StorePolicy, limits: AcceptorLimits | None = None, ssl: SSLContext | None = None
    ) -> None:
        self.policy = policy
        self.limits = limits or AcceptorLimits()
        self.receive_buffer = bytearray(MAX_CARRY + _RECEIVE_BUFFER)
        self.requests = Room(_REQUESTS)
        self._ssl = ssl
        self.locked = False  # connections are closed without a word
        self._listeners: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._handshaking: set[Session] = set()  # TLS, or just accepted
        self._connections: set[Session] = set()  # all that are open
        self._associations: dict[Session, float] = {}  # since when
        self.durations = Histogram(ASSOCIATIONS)  # of associations that are over
        self._senders, self._counted_at = 0, 0.0
        self._draining = False
        self.rejections: Counter[tuple[int, int, int]] = Counter()  # by result, source, reason (PS3.8 9.3.4)
        self._without_associations = asyncio.Event()

    @property
    def port(self) -> int:
        """The bound port; 0 when not listening."""
        return int(self._listeners[0].getsockname()[1]) if self._listeners else 0

    @property
    def associations(self) -> int:
        """How many associations are open now."""
        return len(self._associations)

    @property
    def connections(self) -> int:
        """How many connections are open, associations included."""
        return len(self._connections) + len(self._handshaking)

    def senders(self) -> int:
        """How many associations have said something lately; counted now and then, since each instance asks."""
        now = asyncio.get_running_loop().time()
        if now - self._counted_at > _LATELY:
            self._counted_at = now
            self._senders = sum(session.idle_for < _LATELY for session in self._associations)
        return self._senders

    async def start(self, host: str, port: int) -> None:
        """Listen on every address of `host` (empty: all). OSError when one cannot be bound."""
        self._listeners = await listen(host, port)
        loop = asyncio.get_running_loop()
        self._tasks = {loop.create_task(self._accept(listener)) for listener in self._listeners}

    async def drain(self, timeout: float) -> None:
        """Refuse new associations, let open ones finish, abort what is left after `timeout` seconds; then close."""
        self._draining = True
        self._stop_listening()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while self._associations and (left := deadline - loop.time()) > 0:
            for session in [each for each in self._associations if each.idle_for > _IDLE_IN_DRAIN]:
                session.abort("idle while the gateway is shutting down", 0, 0)
            self._without_associations.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._without_associations.wait(), min(left, 0.25))
        for session in list(self._associations):
            session.abort("the gateway is shutting down", 0, 0)
        deadline = loop.time() + max(timeout, 1.0)
        while any(session.finishing for session in self._connections) and loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.close()

    def close(self) -> None:
        """Stop listening and drop every connection at once."""
        self._stop_listening()
        for task in self._opening:
            task.cancel()
        for session in list(self._connections):
            session.drop()

    # --- what a connection tells ---

    def objection(self) -> Rejection | None:
        """Why no further association can be taken now."""
        if self._draining:
            return Rejection(*TEMPORARY_CONGESTION, "the gateway is shutting down")
        if len(self._associations) >= self.limits.associations:
            return Rejection(*LOCAL_LIMIT_EXCEEDED, f"{self.limits.associations} associations are open")
        return None

    def opened(self, connection: Connection) -> None:
        """A connection is open, TLS and all."""
        if isinstance(connection, Session):
            self._handshaking.discard(connection)
            self._connections.add(connection)

    def rejected(self, rejection: Rejection) -> None:
        """An association was refused."""
        self.rejections[rejection.result, rejection.source, rejection.reason] += 1

    def associated(self, connection: Connection) -> None:
        """The connection counts as an association from here."""
        if isinstance(connection, Session):
            self._associations[connection] = asyncio.get_running_loop().time()

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""
        if isinstance(connection, Session):
            self._connections.discard(connection)
            since = self._associations.pop(connection, None)
            if since is not None:
                self.durations.observe(asyncio.get_running_loop().time() - since)
            if not self._associations:
                self._without_associations.set()

    # --- inside ---

    def _stop_listening(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = set()
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError as error:
                # A connection that was reset in the queue is the peer's affair; without descriptors, wait for some.
                if error.errno in _OUT_OF_RESOURCES:
                    LOG.warning("no connection can be taken", extra={"error": error.strerror})
                    await asyncio.sleep(0.2)
                continue
            if self.locked or self.connections - len(self._associations) >= self.limits.connections:
                sock.close()
                continue
            tune(sock)
            session = Session(self, quickack(sock), host_of(address))
            self._handshaking.add(session)
            task = loop.create_task(self._open(sock, session, host_of(address)))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, sock: socket.socket, session: Session, peer_host: str) -> None:
        """Attach the session to its socket. TLS handshakes run side by side, each with its deadline."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: session,
                sock,
                ssl=self._ssl,
                ssl_handshake_timeout=self.limits.handshake_timeout if self._ssl is not None else None,
            )
        except (OSError, SSLError) as error:
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            LOG.warning("no TLS connection", extra={"host": peer_host, "error": reason})
            sock.close()
        except Exception:
            LOG.exception("a connection could not be opened")
            sock.close()
        finally:
            self._handshaking.discard(session)
