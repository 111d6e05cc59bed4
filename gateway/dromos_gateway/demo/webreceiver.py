# SPDX-License-Identifier: Apache-2.0
"""A STOW-RS receiver of its own kind: the standard library's HTTP server, in a process of its own.

It shares no code with the gateway, so that what arrives is judged by somebody else.
"""

from __future__ import annotations

import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from pydicom import dcmread


class Studies(BaseHTTPRequestHandler):
    """The studies resource: writes each part of a Store request, and names it in the answer (PS3.18 §10.5)."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def do_OPTIONS(self) -> None:
        """Say that there is something."""
        self._answer(200, b"", "text/plain")

    def do_POST(self) -> None:
        """Store."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        stored = [_written(part, self.folder) for part in _parts(body, self.headers.get_boundary(""))]
        report = {"00081199": {"vr": "SQ", "Value": stored}}
        self._answer(200, json.dumps(report).encode(), "application/dicom+json")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name of the class above
        """Not a line for each request."""

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _parts(body: bytes, boundary: str) -> list[bytes]:
    """The contents between the boundaries (RFC 2046 §5.1.1)."""
    pieces = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    return [piece.partition(b"\r\n\r\n")[2] for piece in pieces[1:-1]]


def _written(part10: bytes, folder: Path) -> dict[str, object]:
    head = dcmread(BytesIO(part10), stop_before_pixels=True)
    name = secrets.token_hex(8)
    partial = folder / f".{name}"
    partial.write_bytes(part10)
    partial.rename(folder / f"{name}.dcm")
    return {
        "00081150": {"vr": "UI", "Value": [str(head.SOPClassUID)]},
        "00081155": {"vr": "UI", "Value": [str(head.SOPInstanceUID)]},
    }


def main(folder: Path, port: int) -> None:
    """Serve until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    Studies.folder = folder
    ThreadingHTTPServer(("127.0.0.1", port), Studies).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
