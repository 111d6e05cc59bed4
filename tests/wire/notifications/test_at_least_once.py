# SPDX-License-Identifier: Apache-2.0
"""A notification is told at least once, as the same one, and only to whom it is for."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.wire.gateway import peers
from tests.wire.gateway.conftest import gateway, receiver  # noqa: F401 - fixtures
from tests.wire.gateway.peers import eventually, make_study, storescu
from tests.wire.notifications.relays import Mailbox, Scripted

HOOK = "apiVersion: v1\nkind: Secret\nmetadata: {name: hook}\nstringData: {username: told, password: hook-secret}\n"


class Hooks:
    """A web server: what was posted to each path, and the status that each answers."""

    def __init__(self, answers: dict[str, tuple[int, str]], context: ssl.SSLContext | None = None) -> None:
        self.posts: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hooks.posts.append((self.path, dict(self.headers), body))
                status, location = answers.get(self.path, (204, ""))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            do_GET = do_POST  # noqa: N815 - http.server's name

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def paths(self) -> list[str]:
        return [path for path, *_ in self.posts]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hooks() -> Iterator[Callable[..., Hooks]]:
    """Makes them, and ends them with the test."""
    made: list[Hooks] = []

    def make(answers: dict[str, tuple[int, str]], context: ssl.SSLContext | None = None) -> Hooks:
        made.append(Hooks(answers, context))
        return made[-1]

    yield make
    for each in made:
        each.close()


def _told(url: str) -> str:
    return f"notifications: {{interval: 0s, webhook: {{url: '{url}', secretRef: {{name: hook}}}}}}"


class Deadly(Mailbox):
    """Takes each mail; before it can say so of the first one, whoever sent it is killed."""

    kill: Callable[[], None] | None = None

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        if self.kill is not None:
            self.kill()
            self.kill = None
        return answer


def test_a_mail_that_was_taken_and_not_acknowledged_is_sent_again_as_the_same_one(gateway, receiver, tmp_path):  # noqa: F811
    mailbox = Deadly()
    relay = Scripted(mailbox)
    relay.start()
    gateway.node(f"smtp: {{host: 127.0.0.1, port: {relay.port}, security: 'None', sender: d@example.org}}")
    gateway.destination("a", receiver("a").start().port, "notifications: {recipients: [a@example.org], interval: 0s}")
    try:
        gateway.start()
        mailbox.kill = gateway.process.kill
        storescu(gateway.port, make_study(tmp_path / "study", 1))
        eventually(lambda: len(mailbox.mails) == 1, "the relay has it")
        gateway.kill()
        gateway.start()
        eventually(lambda: len(mailbox.mails) == 2, "it comes again")
        first, second = mailbox.mails
        assert first["Message-ID"] == second["Message-ID"]
        assert first["Date"] == second["Date"]
        assert first.get_body(("plain",)).get_content() == second.get_body(("plain",)).get_content()
    finally:
        relay.stop()


def test_a_webhook_is_not_followed_elsewhere_and_what_it_refuses_for_good_is_given_up_after_a_day(
    gateway,  # noqa: F811
    receiver,  # noqa: F811
    hooks,
    tmp_path,
):
    elsewhere = hooks({})
    server = hooks({"/moved": (307, f"http://127.0.0.1:{elsewhere.port}/there"), "/gone": (410, "")})
    gateway.write("hook", HOOK)
    for name in ("moved", "gone"):
        gateway.destination(name, receiver(name).start().port, _told(f"http://127.0.0.1:{server.port}/{name}"))
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 1))
    eventually(lambda: {"/moved", "/gone"} <= set(server.paths()), "both are asked")
    eventually(lambda: "HTTP 307" in gateway.log() and "HTTP 410" in gateway.log(), "the log says what they answer")
    gateway.kill()
    with contextlib.closing(sqlite3.connect(gateway.spool / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE outbox SET due = 0, created_at = created_at - 2 * 86400")
    gateway.start()
    eventually(lambda: _waiting(gateway.spool) == ["default/moved"], "one is given up")
    assert gateway.log().count("notification given up") == 1
    assert elsewhere.posts == []
    keys = {headers["Idempotency-Key"] for path, headers, _ in server.posts if path == "/gone"}
    assert len(keys) == 1
    assert "hook-secret" not in gateway.log()


@pytest.mark.parametrize("trusted", [True, False])
def test_a_webhook_over_tls_is_told_when_it_is_trusted(
    gateway,  # noqa: F811
    receiver,  # noqa: F811
    hooks,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    trusted: bool,
):
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    if trusted:
        monkeypatch.setitem(peers.ENVIRONMENT, "SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    server = hooks({}, context)
    gateway.write("hook", HOOK)
    gateway.destination("a", receiver("a").start().port, _told(f"https://localhost:{server.port}/told"))
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 1))
    if trusted:
        eventually(lambda: server.paths() == ["/told"], "it is told")
        assert server.posts[0][1]["Authorization"] == f"Basic {b64encode(b'told:hook-secret').decode()}"
        eventually(lambda: _waiting(gateway.spool) == [], "nothing is left")
    else:
        eventually(lambda: '"error": "certificate: ' in gateway.log(), "the log says why")
        assert (server.posts, _waiting(gateway.spool)) == ([], ["default/a"])


def _waiting(spool: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(f"file:{spool / 'ledger.sqlite'}?mode=ro", uri=True)) as connection:
        return [key for (key,) in connection.execute("SELECT destination FROM outbox ORDER BY destination")]
