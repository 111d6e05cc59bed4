# SPDX-License-Identifier: Apache-2.0
"""The byte stream below a requested association: a plain socket driven directly, or asyncio's TLS.

A plain socket is read and written with as few system calls as there can be, and nothing is copied into a transport's
buffer: `send` returns when the kernel has taken the bytes, which is all the back-pressure there is to have.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from ssl import SSLContext, SSLError
from typing import Protocol, cast

from dromos_gateway.dimse.errors import PeerTimeout, PeerUnreachable
from dromos_gateway.dimse.sockets import quickack, tune

_READ_SIZE = 16 * 1024  # responses are short


class Listener(Protocol):
    """Who reads from a link."""

    def received(self, view: memoryview) -> None:
        """Bytes have come; the view dies with this call."""

    def lost(self, reason: str) -> None:
        """The connection is gone, and not by `close`."""


class Link(Protocol):
    """One connection."""

    @property
    def is_open(self) -> bool:
        """Whether it stands."""

    async def send(self, data: memoryview | bytes, timeout: float) -> None:
        """Give everything to the kernel. ConnectionError when the link is gone, TimeoutError when no byte goes."""

    def close(self, last_words: bytes = b"") -> None:
        """Close at once, after one try to write `last_words`."""


async def connect(
    host: str, port: int, ssl: SSLContext | None, server_name: str, timeout: float, listener: Listener
) -> Link:
    """Open a connection. PeerUnreachable, PeerTimeout."""
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            sock = await _connect(host, port)
            tune(sock)
            return PlainLink(sock, listener) if ssl is None else await _start_tls(sock, ssl, server_name, listener)
    except TimeoutError:
        raise PeerTimeout(f"{where} did not answer within {timeout:g} s: check address, port and firewall") from None
    except socket.gaierror as error:
        raise PeerUnreachable(f"{where}: host name cannot be resolved: {error.strerror}") from None
    except SSLError as error:
        detail = getattr(error, "verify_message", "") or error.reason or str(error)
        raise PeerUnreachable(f"{where}: no TLS connection: {detail}") from None
    except OSError as error:
        # asyncio's own text repeats the address; the system's says what happened
        reason = os.strerror(error.errno) if error.errno else "no connection"
        raise PeerUnreachable(f"{where}: {reason}; check address, port and firewall") from None


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            return sock
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise failure or OSError(f"{host} has no address")


class PlainLink:
    """TCP without TLS."""

    def __init__(self, sock: socket.socket, listener: Listener) -> None:
        self._sock = sock
        self._listener = listener
        self._quickack = quickack(sock)
        self._loop = asyncio.get_running_loop()
        self._space = memoryview(bytearray(_READ_SIZE))
        self._writable: asyncio.Future[None] | None = None
        self._open = True
        self._loop.add_reader(sock, self._read)

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self._open

    async def send(self, data: memoryview | bytes, timeout: float) -> None:
        """Give everything to the kernel."""
        view = memoryview(data)
        while view:
            if not self._open:
                raise ConnectionError("closed")
            try:
                sent = self._sock.send(view)
            except BlockingIOError:
                await self._until_writable(timeout)
            except OSError as error:
                self._read()  # the peer's A-ABORT may be waiting there, and says more
                self._lose(error.strerror or "connection lost")
                raise ConnectionError("lost") from None
            else:
                view = view[sent:]

    def close(self, last_words: bytes = b"") -> None:
        """Close at once."""
        if not self._open:
            return
        self._open = False
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)  # or uvloop keeps the socket open, and asyncio its number
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if last_words:
            with contextlib.suppress(OSError):
                self._sock.send(last_words)
        self._sock.close()

    async def _until_writable(self, timeout: float) -> None:
        self._writable = self._loop.create_future()
        self._loop.add_writer(self._sock, self._wake)
        try:
            async with asyncio.timeout(timeout):
                await self._writable
        finally:
            if self._open:
                self._loop.remove_writer(self._sock)
            self._writable = None

    def _wake(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _read(self) -> None:
        if not self._open:
            return
        try:
            size = self._sock.recv_into(self._space)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error.strerror or "connection lost")
            return
        if size == 0:
            self._lose("closed by the peer")
            return
        self._quickack()
        self._listener.received(self._space[:size])

    def _lose(self, reason: str) -> None:
        if self._open:
            self.close()
            self._listener.lost(reason)


async def _start_tls(sock: socket.socket, ssl: SSLContext, server_name: str, listener: Listener) -> TlsLink:
    loop = asyncio.get_running_loop()
    try:
        _, link = await loop.create_connection(
            lambda: TlsLink(sock, listener), sock=sock, ssl=ssl, server_hostname=server_name
        )
    except BaseException:
        sock.close()
        raise
    return link


class TlsLink(asyncio.BufferedProtocol):
    """TCP with TLS."""

    def __init__(self, sock: socket.socket, listener: Listener) -> None:
        self._listener = listener
        self._quickack = quickack(sock)
        self._transport: asyncio.Transport | None = None
        self._space = memoryview(bytearray(_READ_SIZE))
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._open = True

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self._open

    async def send(self, data: memoryview | bytes, timeout: float) -> None:
        """Encrypt everything, and wait until little of it is left in memory."""
        if not self._open or self._transport is None:
            raise ConnectionError("closed")
        self._transport.write(bytes(data))  # a copy: the caller fills the same memory again
        async with asyncio.timeout(timeout):
            await self._may_write.wait()

    def close(self, last_words: bytes = b"") -> None:
        """Close at once."""
        if not self._open or self._transport is None:
            return
        self._open = False
        self._may_write.set()
        if last_words:
            self._transport.write(last_words)
            self._transport.close()
            asyncio.get_running_loop().call_later(1.0, self._transport.abort)
        else:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is established."""
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next read goes."""
        return self._space

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._quickack()
        if self._open:
            self._listener.received(self._space[:nbytes])

    def pause_writing(self) -> None:
        """The peer is slower than we are."""
        self._may_write.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._may_write.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._may_write.set()
        if self._open:
            self._open = False
            reason = getattr(exc, "reason", None) or getattr(exc, "strerror", None)
            self._listener.lost(str(reason or "closed by the peer"))
