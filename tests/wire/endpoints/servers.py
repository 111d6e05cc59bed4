# SPDX-License-Identifier: Apache-2.0
"""A pseudonym service over HTTP, with an OAuth 2.0 token endpoint in front of it, that fails when it is told to."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, unquote

CLIENT_ID, CLIENT_SECRET = "gateway", "open:sesame&more"


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Answer:
    """What to answer with."""

    status: int = 200
    body: str | bytes = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


class Service:
    """`answers(asked)` says what each request gets; ``with Service(…) as service``."""

    def __init__(self, answers: Callable[[Asked], Answer], *, port: int = 0) -> None:
        self.asked: list[Asked] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                service.asked.append(asked)
                answer = answers(asked)
                time.sleep(answer.delay)
                content = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
                self.send_response(answer.status)
                for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Tests look at `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class TokenEndpoint:
    """RFC 6749 §4.4 with client_secret_basic, and the tokens that are good now."""

    def __init__(self) -> None:
        self.good: set[str] = set()
        self.issued = 0

    def answer(self, asked: Asked) -> Answer:
        """Give a token to the client that is known."""
        wanted = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode().split(":")
        form = {name: values[0] for name, values in parse_qs(asked.body).items()}
        if [unquote(part) for part in wanted] != [CLIENT_ID, CLIENT_SECRET]:
            return Answer(401, '{"error": "invalid_client"}')
        if asked.method != "POST" or form.get("grant_type") != "client_credentials" or form.get("scope") != "ids read":
            return Answer(400, '{"error": "invalid_request"}')
        token = secrets.token_urlsafe(16)
        self.good.add(token)
        self.issued += 1
        return Answer(200, json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600}))

    def accepts(self, asked: Asked) -> bool:
        """Whether a request carries a good token."""
        return asked.headers.get("authorization", "").removeprefix("Bearer ") in self.good
