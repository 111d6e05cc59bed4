# SPDX-License-Identifier: Apache-2.0
"""The admin port against those who should not be there, and those who ask nonsense."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.wire.gateway.peers import GatewayProcess, eventually

ID = "9" * 30


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GatewayProcess]:
    """A gateway that wants a token."""
    (tmp_path / "token").write_text("secret")
    process = GatewayProcess(tmp_path, "--admin-token-file", str(tmp_path / "token"))
    process.node()
    process.destination("a", free_port())
    yield process.start()
    process.kill()


def ask(gateway: GatewayProcess, path: str, method: str = "GET", **headers: str) -> int:
    """The status of the answer; `headers` as Python spells them, values in Latin-1."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.admin, timeout=20)
    with contextlib.closing(connection):
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders()
        return connection.getresponse().status


def test_nonsense_is_no_internal_error_and_no_traceback(guarded):
    good = {"Authorization": "Bearer secret"}
    assert ask(guarded, "/v1/status", **good) == 200
    for value in ("Bearer s\xe9cret", "Bearer \xff\xfe", "Bearer", "Bearer  ", "Basic c2VjcmV0", "secret"):
        assert ask(guarded, "/v1/status", Authorization=value) == 401
    for method, path in (
        ("GET", f"/v1/failures/{ID}"),
        ("POST", f"/v1/failures/{ID}/retry"),
        ("DELETE", f"/v1/failures/{ID}"),
        ("GET", "/v1/failures/1"),
        ("GET", "/v1/nowhere"),
    ):
        assert ask(guarded, path, method, **good) == 404
        assert ask(guarded, path, method) == 401
    for query in (
        f"before={ID}",
        "limit=x",
        "nonsense=1",
        "patient=",
        "accession=A1&accession=A2",
        "format=xml",
        "since=x",
    ):
        assert ask(guarded, f"/v1/transfers?{query}", **good) == 400, "not an answer to another question"
    assert ask(guarded, "/v1/status", "DELETE", **good) == 405
    assert ask(guarded, "/healthz", **{"X-Long": "x" * 100_000, "Authorization": "Bearer secret"}) == 400
    for garbage in (b"\x16\x03\x01\x02\x00", b"GET /health z HTTP/1.1", b"\x01\x00\x00\x00\x00\x04"):
        with socket.create_connection(("127.0.0.1", guarded.admin), timeout=20) as peer:
            peer.sendall(garbage + b"\r\n\r\n")
            assert peer.recv(4096).startswith(b"HTTP/1.0 400")
    assert "Traceback" not in guarded.log()
    assert "secret" not in guarded.log()


def test_without_a_token_no_web_page_of_a_browser_on_this_machine_gets_in(gateway):
    gateway.destination("a", free_port())
    gateway.start()
    assert ask(gateway, "/v1/status") == 200
    assert ask(gateway, "/v1/status", Host="localhost:8080") == 200
    assert ask(gateway, "/v1/status", Host="[::1]:8080") == 200
    assert ask(gateway, "/v1/status", Host="rebound.example:8080") == 401  # its name leads here since a minute
    assert ask(gateway, "/v1/failures/1/retry", "POST", Origin="https://elsewhere.example") == 401
    assert ask(gateway, "/healthz", Host="pod.example") == 200


def test_connections_that_ask_nothing_are_few_and_end(guarded):
    with contextlib.ExitStack() as stack:
        silent = []
        for _ in range(400):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", guarded.admin), timeout=30))
            with contextlib.suppress(OSError):  # the last ones are hung up on at once
                peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            silent.append(peer)
        for peer in silent:  # and the first ones when their time is over
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(1) == b""
    eventually(lambda: guarded.get("/healthz") == "ok\n", "who asks is answered")


def test_a_connection_is_kept_between_questions(guarded):
    connection = http.client.HTTPConnection("127.0.0.1", guarded.admin, timeout=20)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b"ok\n"
            assert connection.sock is not None
