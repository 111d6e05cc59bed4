# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that does what no real one does on demand. Everything else is tested with real ones."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from types import TracebackType
from typing import Self

from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]


@dataclass
class Request:
    """What came in."""

    method: str
    target: str
    headers: Message
    body: bytes = field(repr=False, default=b"")

    @property
    def parts(self) -> list[bytes]:
        """The multipart body's parts, without their headers."""
        boundary = b"--" + self.headers.get_param("boundary").encode()  # type: ignore[union-attr]
        pieces = self.body.split(boundary)
        assert pieces[0] == b""
        assert pieces[-1] == b"--\r\n", "the closing delimiter"
        parts = []
        for piece in pieces[1:-1]:
            head, _, content = piece.partition(b"\r\n\r\n")
            assert head == b"\r\nContent-Type: application/dicom"
            assert content.endswith(b"\r\n")
            parts.append(content[:-2])
        return parts


def reply(status: int, body: bytes | str = b"", **headers: str) -> bytes:
    """A whole answer; header names have _ for -."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def dicom_json(*, stored: Sequence[str] = (), failed: dict[str, int] | None = None, warned: dict[str, int] | None = None,
               others: Sequence[int] = ()) -> str:  # fmt: skip
    """A Store response."""
    import json

    def item(uid: str | None, **reasons: int) -> dict[str, object]:
        result: dict[str, object] = {}
        if uid is not None:
            result["00081150"] = {"vr": "UI", "Value": [str(CTImageStorage)]}
            result["00081155"] = {"vr": "UI", "Value": [uid]}
        for tag, value in reasons.items():
            result[tag.removeprefix("t")] = {"vr": "US", "Value": [value]}
        return result

    referenced = [item(uid) for uid in stored] + [item(uid, t00081196=value) for uid, value in (warned or {}).items()]
    body: dict[str, object] = {}
    if referenced:
        body["00081199"] = {"vr": "SQ", "Value": referenced}
    if failed:
        body["00081198"] = {"vr": "SQ", "Value": [item(uid, t00081197=value) for uid, value in failed.items()]}
    if others:
        body["0008119A"] = {"vr": "SQ", "Value": [item(None, t00081197=value) for value in others]}
    return json.dumps(body)


Handler = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """Answers each request with the next of its answers, the last one for ever; None closes without an answer.

    A callable takes the head of a request and does as it likes with the connection.
    """

    def __init__(self, *answers: bytes | Handler | None, tls: ssl.SSLContext | None = None) -> None:
        self._answers = list(answers)
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://localhost:{self.port}/dicomweb"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        method, target, _ = line.decode().split(" ")
        request = Request(method, target, BytesParser().parsebytes(rest))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        self.requests.append(request)
        if callable(answer):
            await answer(request, reader, writer)
            return False
        request.body = await reader.readexactly(int(request.headers.get("Content-Length", "0")))
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return True
