# SPDX-License-Identifier: Apache-2.0
"""Mails and webhooks of a running gateway, with relays that work, refuse, and are not there."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme
from pydicom import dcmread

from tests.wire.gateway import peers
from tests.wire.gateway.conftest import gateway, receiver  # noqa: F401 - fixtures
from tests.wire.gateway.peers import eventually, free_port, make_study, storescu
from tests.wire.notifications.relays import PASSWORD, USER, Exim, Mailbox, Scripted

SECRET = (
    f"apiVersion: v1\nkind: Secret\nmetadata: {{name: smtp}}\nstringData: {{username: {USER}, password: {PASSWORD}}}\n"
)


def _smtp(port: int, security: str = "None", host: str = "127.0.0.1", secret: str = "") -> str:
    reference = f", secretRef: {{name: {secret}}}" if secret else ""
    return f"smtp: {{host: {host}, port: {port}, security: '{security}', sender: dromos@example.org{reference}}}"


LONG = "6s"  # a window in which several instances come, however slow the machine


def _notifications(**more: str) -> str:
    words = {"recipients": "[a@example.org]", "interval": "1s", **more}
    return "notifications: {" + ", ".join(f"{name}: {value}" for name, value in words.items()) + "}"


def _study(folder: Path, count: int = 1, **elements: str) -> Path:
    make_study(folder, count)
    for path in folder.iterdir():
        dataset = dcmread(path)
        for keyword, value in {"AccessionNumber": "A1", "StudyDescription": "Thorax", **elements}.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)
    return folder


@pytest.fixture
def exim(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exim]:
    """In a folder of its own: pytest's are closed to Exim's account by every run that begins meanwhile."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory(prefix="dromos-exim-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        (home / "ca.pem").write_bytes(authority.cert_pem.bytes())
        monkeypatch.setitem(peers.ENVIRONMENT, "SSL_CERT_FILE", str(home / "ca.pem"))
        relay = Exim(home / "relay", authority, implicit_tls=getattr(request, "param", "") == "TLS").start()
        yield relay
        relay.stop()


def _start_with(exim: Exim, security: str, gateway, receiver, **more: str) -> None:  # noqa: F811
    """Start a gateway that logs in at Exim and mails what it sends to one receiver."""
    gateway.write("smtp", SECRET)
    gateway.node(_smtp(exim.port, security, "localhost", "smtp"))
    gateway.destination("a", receiver("a").start().port, _notifications(**more))
    gateway.start()


def _has_mails(exim: Exim, gateway, count: int) -> None:  # noqa: F811
    """Wait until Exim has delivered so many; what both say of it where they do not come."""
    try:
        eventually(lambda: len(exim.mails()) == count, f"{count} mails are delivered")
    except AssertionError as error:
        pytest.fail(f"{error}; there are {len(exim.mails())}\n{exim.log()}\n{gateway.log()}")


@pytest.mark.parametrize("exim", ["TLS"], indirect=True)
def test_a_relay_that_speaks_tls_from_the_first_byte(gateway, receiver, exim, tmp_path):  # noqa: F811
    _start_with(exim, "TLS", gateway, receiver)
    storescu(gateway.port, _study(tmp_path / "study"))
    _has_mails(exim, gateway, 1)
    assert "1 sent, 0 excluded, 0 failed" in exim.mails()[0].get_body(("plain",)).get_content()
    assert PASSWORD not in gateway.log()


def test_one_mail_for_a_study_with_starttls_and_authentication(gateway, receiver, exim, tmp_path):  # noqa: F811
    _start_with(exim, "StartTLS", gateway, receiver, recipients="[a@example.org, b@example.org]", interval=LONG)
    storescu(gateway.port, _study(tmp_path / "study", 5))
    _has_mails(exim, gateway, 1)
    (mail,) = exim.mails()
    assert mail["Subject"] == "[Dromos Notification] T-1 Thorax"
    assert mail["To"] == "a@example.org, b@example.org"
    assert mail["Message-ID"].endswith("@example.org>")
    html, text = (mail.get_body((kind,)).get_content() for kind in ("html", "plain"))
    for said in ("T-1", "A1", "STORESCU", "default/a", "Thorax"):
        assert said in html
        assert said in text
    assert "5 sent, 0 excluded, 0 failed" in text
    time.sleep(2.5)
    assert len(exim.mails()) == 1
    storescu(gateway.port, tmp_path / "study")
    _has_mails(exim, gateway, 2)
    assert PASSWORD not in gateway.log()


def test_a_relay_that_is_not_trusted_gets_nothing(gateway, receiver, exim, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.delitem(peers.ENVIRONMENT, "SSL_CERT_FILE")
    _start_with(exim, "StartTLS", gateway, receiver)
    storescu(gateway.port, _study(tmp_path / "study"))
    eventually(lambda: '"error": "certificate: ' in gateway.log(), "the log says why")
    assert exim.mails() == []


def test_a_relay_that_offers_no_starttls_gets_nothing(gateway, receiver, tmp_path):  # noqa: F811
    """Nor does whoever stands in between and leaves the offer out."""
    relay = Scripted(Mailbox(), authenticated=True)
    relay.start()
    gateway.write("smtp", SECRET)
    gateway.node(_smtp(relay.port, "StartTLS", "localhost", "smtp"))
    gateway.destination("a", receiver("a").start().port, _notifications())
    try:
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "study"))
        eventually(lambda: "notification not sent, tried again" in gateway.log(), "it is refused")
        assert (relay.mailbox.attempts, _rows(gateway.spool)) == (0, 1)
    finally:
        relay.stop()


def test_what_failed_and_what_was_excluded_is_told_with_the_reasons(gateway, receiver, relay, tmp_path):  # noqa: F811
    picky, never = receiver("picky").start(), receiver("never").start()
    gateway.node(_smtp(relay.port))
    failing = "condition: \"'CT'.substring(3) == ''\""
    gateway.destination("picky", picky.port, f"{failing}\n{_notifications(interval=LONG)}")
    rule = "condition: tagValueIsPresent(#Tag.Modality, 'MR')"
    gateway.destination(
        "never", never.port, f"{rule}\n{_notifications(interval=LONG, rejectionSubjectPrefix='NOT SENT')}"
    )
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study", 3))
    eventually(lambda: len(relay.mailbox.mails) == 2, "two mails")
    failed, rejected = sorted(relay.mailbox.mails, key=lambda mail: mail["Subject"])
    assert failed["Subject"] == "**ERROR** [Dromos Notification] T-1 Thorax"
    assert rejected["Subject"] == "NOT SENT [Dromos Notification] T-1 Thorax"
    assert "3 x ConditionFailed" in failed.get_body(("plain",)).get_content()
    assert "3 x the condition is not met" in rejected.get_body(("plain",)).get_content()


def test_a_mail_survives_outage_restart_and_refusal_with_the_same_id(gateway, receiver, tmp_path):  # noqa: F811
    a, port = receiver("a").start(), free_port()
    gateway.node(_smtp(port))
    gateway.destination("a", a.port, _notifications())
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study"))
    eventually(lambda: "not sent, tried again" in gateway.log(), "the relay is down")
    gateway.kill()
    ledger = sqlite3.connect(gateway.spool / "ledger.sqlite")
    ((message_id,),) = ledger.execute("SELECT message_id FROM outbox").fetchall()
    ledger.execute("UPDATE outbox SET due = 0")
    ledger.commit()
    ledger.close()
    relay = Scripted(Mailbox(["451 try later", "250 ok"]), port)
    relay.start()
    try:
        gateway.start()
        eventually(lambda: relay.mailbox.attempts == 1, "it is tried at once")
        eventually(lambda: len(relay.mailbox.mails) == 1, "it is tried again", timeout=60)
        assert relay.mailbox.mails[0]["Message-ID"] == message_id
        eventually(lambda: _rows(gateway.spool) == 0, "nothing is left")
    finally:
        relay.stop()


def test_credentials_that_are_wrong_hold_mails_not_images(gateway, receiver, tmp_path):  # noqa: F811
    relay = Scripted(Mailbox(), authenticated=True)
    relay.start()
    a = receiver("a").start()
    gateway.write("smtp", SECRET.replace(PASSWORD, "wrong"))
    gateway.node(_smtp(relay.port, secret="smtp"))
    gateway.destination("a", a.port, _notifications())
    try:
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "study"))
        a.has(1)
        eventually(lambda: "SMTPAuthenticationError 535" in gateway.log(), "the log says why")
        gateway.write("smtp", SECRET)
        gateway.applied()
        eventually(lambda: len(relay.mailbox.mails) == 1, "the rotated password works", timeout=60)
        assert "wrong" not in gateway.log()
    finally:
        relay.stop()


def test_hostile_values_do_not_leave_the_subject(gateway, receiver, relay, tmp_path):  # noqa: F811
    a = receiver("a").start()
    gateway.node(_smtp(relay.port))
    gateway.destination("a", a.port, _notifications())
    gateway.start()
    hostile = {"PatientID": "=?utf-8?q?=0d=0aBcc=3ax?=", "StudyDescription": "<script>alert(1)</script>"}
    storescu(gateway.port, _study(tmp_path / "study", **hostile))
    eventually(lambda: len(relay.mailbox.mails) == 1, "the mail arrives")
    (mail,) = relay.mailbox.mails
    assert mail["Bcc"] is None
    assert "<script" not in mail.get_body(("html",)).get_content()


def test_what_cannot_be_told_keeps_no_other_mail_from_being_sent(gateway, receiver, relay, tmp_path):  # noqa: F811
    """Rows that no code of ours reads, as a damaged disk or another version may leave them."""
    a = receiver("a").start()
    gateway.node(_smtp(relay.port))
    gateway.destination("a", a.port, _notifications())
    gateway.start()
    assert gateway.terminate() == 0
    with contextlib.closing(sqlite3.connect(gateway.spool / "ledger.sqlite")) as ledger, ledger:
        outbox = "INSERT INTO outbox VALUES (1, 'mail', 'default/a', '<1@x>', ?, 0, 0, '{\"planted\": \"Zq7\"}', NULL)"
        ledger.execute(outbox, (time.time(),))
        ledger.execute(
            "INSERT INTO log_series (id, key, study, node, source, first_at) VALUES (1, 'k', 's', 'n', 'S', 0)"
        )
        ledger.execute(
            "INSERT INTO log_routes (id, series, destination, study_instance_uid) VALUES (1, 1, 'default/a', '1')"
        )
        ledger.execute("INSERT INTO notice_windows VALUES (1, 'default/a', 'n', 'S', 's', 0, 0)")
        ledger.execute("INSERT INTO notice_series VALUES (1, 1, 3, 0, 0, '[]', 'Zq7 is no JSON')")
    gateway.start()
    storescu(gateway.port, _study(tmp_path / "study"))
    eventually(lambda: len(relay.mailbox.mails) == 1, "the mail that can be sent is sent")
    assert "1 sent, 0 excluded, 0 failed" in relay.mailbox.mails[0].get_body(("plain",)).get_content()
    lines = [json.loads(line) for line in gateway.log().splitlines()]
    said = {line["message"]: line.get("type") or line.get("error") for line in lines if line["level"] != "info"}
    assert said["a notification cannot be made, tried again"] == "JSONDecodeError"
    assert said["notification not sent, tried again"] == "KeyError"
    assert "Zq7" not in gateway.log()
    assert "Traceback" not in gateway.log()


def test_a_webhook_gets_the_same_as_json_until_it_says_yes(gateway, receiver, tmp_path):  # noqa: F811
    posts: list[tuple[str, str, dict[str, object]]] = []
    answers = [500, 200]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            posts.append((self.headers["Authorization"], self.headers["Idempotency-Key"], body))
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    a = receiver("a").start()
    gateway.write("hook", "apiVersion: v1\nkind: Secret\nmetadata: {name: hook}\nstringData: {token: hook-token}\n")
    url = f"http://127.0.0.1:{server.server_port}/told"
    hook = f"{{url: '{url}', secretRef: {{name: hook}}}}"
    gateway.destination("a", a.port, _notifications(recipients="[]", webhook=hook))
    try:
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "study"))
        eventually(lambda: len(posts) == 2, "it is posted again", timeout=60)
        assert posts[0] == posts[1]
        authorization, _, body = posts[0]
        assert authorization == "Bearer hook-token"
        assert (body["outcome"], body["study"]["PatientID"], body["series"][0]["sent"]) == ("sent", "T-1", 1)
        eventually(lambda: _rows(gateway.spool) == 0, "nothing is left")
        assert "hook-token" not in gateway.log()
    finally:
        server.shutdown()


def test_who_was_refused_for_now_gets_the_same_mail_later_and_nobody_gets_it_twice(gateway, receiver, tmp_path):  # noqa: F811
    relay = Scripted(Mailbox(refusals={"b@example.org": ["450 busy"], "gone@example.org": ["550 nobody"] * 9}))
    relay.start()
    a = receiver("a").start()
    gateway.node(_smtp(relay.port))
    everybody = "[a@example.org, b@example.org, gone@example.org]"
    gateway.destination("a", a.port, _notifications(recipients=everybody))
    try:
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "study"))
        eventually(lambda: len(relay.mailbox.mails) == 2, "the second recipient gets it too", timeout=60)
        first, second = relay.mailbox.mails
        assert relay.mailbox.recipients == [["a@example.org"], ["b@example.org"]]
        assert first["Message-ID"] == second["Message-ID"]
        assert first["To"] == second["To"] == "a@example.org, b@example.org, gone@example.org"
        eventually(lambda: _rows(gateway.spool) == 0, "nothing is left")
        assert "example.org" not in gateway.log().replace("dromos@example.org", "")
    finally:
        relay.stop()


@pytest.mark.parametrize(("answer", "code", "left"), [("550 nobody", "550", 0), ("450 busy", "450", 1)])
def test_what_is_refused_for_good_is_given_up_after_a_day_and_not_after_a_week(
    gateway,  # noqa: F811
    receiver,  # noqa: F811
    tmp_path,
    answer,
    code,
    left,
):
    relay = Scripted(Mailbox(refusals={"a@example.org": [answer] * 99}))
    relay.start()
    gateway.node(_smtp(relay.port))
    gateway.destination("a", receiver("a").start().port, _notifications())
    refused = f"SMTPRecipientsRefused {code}"
    try:
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "study"))
        eventually(lambda: refused in gateway.log(), "the relay refuses everybody")
        assert _rows(gateway.spool) == 1
        gateway.kill()
        with contextlib.closing(sqlite3.connect(gateway.spool / "ledger.sqlite")) as ledger, ledger:
            ledger.execute("UPDATE outbox SET due = 0, created_at = created_at - 2 * 86400")
        attempts = gateway.log().count(refused)
        gateway.start()
        eventually(lambda: gateway.log().count(refused) > attempts, "it is tried again")
        eventually(lambda: _rows(gateway.spool) == left, "what becomes of it")
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin}/metrics", timeout=10) as page:
            assert f'dromos_notifications_given_up_total{{way="mail"}} {1.0 - left}' in page.read().decode()
        assert ("notification given up" in gateway.log()) == (left == 0)
        assert "example.org" not in gateway.log().replace("dromos@example.org", "")
    finally:
        relay.stop()


def test_a_webhook_and_a_relay_that_hang_keep_nobody_else_waiting(gateway, receiver, relay, tmp_path):  # noqa: F811
    """They take the connection and say nothing: each attempt ends after half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hook = f"{{url: 'http://127.0.0.1:{port}/'}}"
        gateway.node(_smtp(relay.port))
        for name in ("a", "b", "c"):
            gateway.destination(name, receiver(name).start().port, _notifications(webhook=hook))
        gateway.node(_smtp(port), name="hanging", ae_title="HANGING")
        gateway.destination("d", receiver("d").start().port, _notifications(), node="hanging")
        gateway.start()
        storescu(gateway.port, _study(tmp_path / "first"), called="HANGING")
        for number in range(3):
            storescu(gateway.port, _study(tmp_path / f"study-{number}"))
        # one after the other, they would have to wait for ten attempts that hang: five minutes
        eventually(lambda: len(relay.mailbox.mails) == 9, "all mails are there", timeout=120)


def _rows(spool: Path) -> int:
    connection = sqlite3.connect(f"file:{spool / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
    finally:
        connection.close()
