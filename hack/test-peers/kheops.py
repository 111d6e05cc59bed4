#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for Kheops, which nobody packages: STOW-RS, introspection and sharing by its documented rules.

kheops.py [HOST:]PORT TOKENS     TOKENS is JSON: {token: {"scope": "read write", "album": "a", "active": true}, …}

POST /api/studies              401 without an active token, 403 without scope write; 0106 where the patient differs from
                               the stored study's, 0124 for a series that belongs to somebody else; 200, 202 or 409
POST /api/token/introspect     RFC 7662, with a bearer token
PUT  /api/studies/S/series/E   401 and 403 likewise, for both tokens; 404 for a series that was never stored
GET  /state, POST /control     for tests: what there is; {"outage": 502, "foreign": [series], "tokens": {…}}
"""

from __future__ import annotations

import json
import re
import sys
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_SHORT = rb"(?:[A-Z]{2}(..)|(..)\x00\x00)"
STATE: dict = {"tokens": {}, "instances": {}, "studies": {}, "albums": {}, "foreign": [], "requests": []}
STATE |= {"outage": 0, "sharing_outage": 0, "retry_after": ""}  # a status for everything, or for albums; and a header


def value(data_set: bytes, tag: bytes) -> str:
    """A short element's value near the beginning of a little-endian data set."""
    for match in re.finditer(re.escape(tag) + _SHORT, data_set[:65536], re.DOTALL):
        length = int.from_bytes(match[1] or match[2], "little")
        found = data_set[match.end() : match.end() + length]
        if length and length <= 64 and found.isascii():
            return found.decode().strip(" \0")
    return ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def answer(self, status: int, content: object = None) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if status in (429, 503) and STATE["retry_after"]:
            self.send_header("Retry-After", STATE["retry_after"])
        self.send_header("Content-Type", "application/dicom+json" if "/studies" in self.path else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refusal(self, header: str, scope: str) -> int:
        """0, or the status for a token that does not do."""
        token = STATE["tokens"].get((self.headers.get(header) or "").removeprefix("Bearer "))
        if token is None or not token.get("active", True):
            return 401
        return 0 if scope in token["scope"].split() else 403

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/state" else 404, STATE if self.path == "/state" else None)

    def do_OPTIONS(self) -> None:
        self.answer(STATE["outage"] or 200)

    def do_POST(self) -> None:
        body, path = self.body(), urlsplit(self.path).path
        if path == "/control":
            STATE.update(json.loads(body))
            self.answer(200, {})
            return
        STATE["requests"].append(f"POST {path}")
        if STATE["outage"]:
            self.answer(STATE["outage"])
        elif path == "/api/token/introspect" and STATE["sharing_outage"]:
            self.answer(STATE["sharing_outage"])
        elif path == "/api/token/introspect":
            self.introspect(body)
        elif path == "/api/studies":
            self.store(body)
        else:
            self.answer(404)

    def introspect(self, body: bytes) -> None:
        if not (self.headers.get("Authorization") or "").startswith("Bearer "):
            self.answer(401)
            return
        token = STATE["tokens"].get(parse_qs(body.decode()).get("token", [""])[0])
        active = token is not None and token.get("active", True)
        self.answer(200, {"active": True, "scope": token["scope"]} if active else {"active": False})

    def store(self, body: bytes) -> None:
        if status := self.refusal("Authorization", "write"):
            self.answer(status)
            return
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        stored, failed = [], []
        for part in BytesParser().parsebytes(head + body).get_payload():
            self.keep(part.get_payload(decode=True), stored, failed)
        content = {}
        if stored:
            content["00081199"] = {"vr": "SQ", "Value": stored}
        if failed:
            content["00081198"] = {"vr": "SQ", "Value": failed}
        self.answer(409 if not stored else 202 if failed else 200, content)

    def keep(self, data_set: bytes, stored: list, failed: list) -> None:
        sop_class, instance, study, series, patient = (
            value(data_set, tag)
            for tag in (b"\x08\0\x16\0", b"\x08\0\x18\0", b"\x20\0\x0d\0", b"\x20\0\x0e\0", b"\x10\0\x20\0")
        )
        item = {"00081150": {"vr": "UI", "Value": [sop_class]}, "00081155": {"vr": "UI", "Value": [instance]}}
        if series in STATE["foreign"]:
            failed.append(item | {"00081197": {"vr": "US", "Value": [0x0124]}})
        elif STATE["studies"].setdefault(study, patient) != patient:
            differs = {"00001005": {"vr": "AT", "Value": ["00100020"]}}
            failed.append(item | {"00081197": {"vr": "US", "Value": [0x0106]}} | differs)
        else:
            STATE["instances"][instance] = [study, series]
            stored.append(item)

    def do_PUT(self) -> None:
        self.body()
        STATE["requests"].append("PUT")
        match = re.fullmatch(r"/api/studies/([0-9.]+)/series/([0-9.]+)", self.path)
        status = (
            STATE["outage"] or self.refusal("Authorization", "write") or self.refusal("X-Authorization-Source", "send")
        )
        if status:
            self.answer(status)
        elif match is None or list(match.groups()) not in STATE["instances"].values():
            self.answer(404)
        else:
            album = STATE["tokens"][self.headers["Authorization"].removeprefix("Bearer ")]["album"]
            STATE["albums"].setdefault(album, []).append(match[2])
            self.answer(201)


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    STATE["tokens"] = json.loads(sys.argv[2])
    ThreadingHTTPServer((host or "127.0.0.1", int(port)), Handler).serve_forever()
