# SPDX-License-Identifier: Apache-2.0
"""Mails and webhook calls about a destination that de-identifies: outgoing values only, also when something fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.wire.discretion.planted import found_in, study
from tests.wire.gateway.conftest import gateway, receiver  # noqa: F401 - fixtures
from tests.wire.gateway.peers import eventually, mr_only, storescu
from tests.wire.gateway.test_projects import PROJECT, STORED, pseudonyms
from tests.wire.notifications.relays import Scripted


@pytest.fixture
def posted() -> Iterator[tuple[str, list[str]]]:
    """A webhook's URL, and what was posted to it."""
    bodies: list[str] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", bodies
    server.shutdown()
    server.server_close()


def _logged(gateway, state: str, count: int) -> str:  # noqa: F811
    """What the transfer log, which keeps no originals, has of instances of one verdict."""
    log = json.dumps(gateway.get("/v1/transfers"))
    assert log.count(f'"verdict": "{state}"') == count
    return log + json.dumps(gateway.get("/v1/studies?destination=research&patient=P-0001"))


def _start(gateway, relay: Scripted, url: str, port: int) -> None:  # noqa: F811
    told = f"notifications: {{recipients: [a@example.org], interval: 6s, webhook: {{url: '{url}'}}}}"
    gateway.node(
        f"smtp: {{host: 127.0.0.1, port: {relay.port}, security: 'None', sender: d@example.org}}\ntransferLog: {{originalIdentifiers: 'Off'}}"
    )
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("Zq7pid,,P-0001"))
    gateway.destination("research", port, f"{STORED}\n{told}")
    gateway.start()


def _told(relay: Scripted, bodies: list[str]) -> str:
    """Everything that was told once both ways were used: headers, decoded parts, JSON."""
    eventually(lambda: relay.mailbox.mails and bodies, "it is told both ways", timeout=60)
    (mail,) = relay.mailbox.mails
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    return "\n".join([str(mail["Subject"]), mail.as_string(), *parts, *bodies])


def test_what_was_sent_is_told_as_it_was_sent(gateway, receiver, relay, posted, tmp_path: Path) -> None:  # noqa: F811
    research = receiver("research").start()
    _start(gateway, relay, posted[0], research.port)
    storescu(gateway.port, study(tmp_path / "study"))
    research.has(3)
    text = _told(relay, posted[1])
    sent = dcmread(next(research.folder.iterdir()))
    assert json.loads(posted[1][0])["study"]["PatientID"] == sent.PatientID
    assert sent.StudyInstanceUID in text
    assert "3 sent, 0 excluded, 0 failed" in text
    assert sent.StudyInstanceUID in _logged(gateway, "Delivered", 3)
    assert found_in(text + _logged(gateway, "Delivered", 3)) == []


def test_what_failed_is_told_and_names_nobody(gateway, receiver, relay, posted, tmp_path: Path) -> None:  # noqa: F811
    picky = receiver("picky", *mr_only(tmp_path)).start()
    _start(gateway, relay, posted[0], picky.port)
    storescu(gateway.port, study(tmp_path / "study"))
    text = _told(relay, posted[1])
    assert relay.mailbox.mails[0]["Subject"].startswith("**ERROR** ")
    assert json.loads(posted[1][0])["outcome"] == "failed"
    assert "0 sent, 0 excluded, 3 failed" in text
    assert found_in(text + _logged(gateway, "Failed", 3)) == []
