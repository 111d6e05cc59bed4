# SPDX-License-Identifier: Apache-2.0
"""`dromos run` as a command, and its admin port."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest

from tests.wire.gateway.peers import ENVIRONMENT, GatewayProcess, eventually, free_port


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dromos_gateway.commands.run", "--admin", "127.0.0.1:0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=30, check=False)


def said(result: subprocess.CompletedProcess[str]) -> str:
    """What it says about why it cannot start: one line, no traceback."""
    assert "Traceback" not in result.stderr
    last = json.loads(result.stderr.splitlines()[-1])
    assert last["message"] == "cannot start"
    return str(last["error"])


def test_a_gateway_whose_spool_is_gone_is_not_ready(gateway, tmp_path):
    gateway.destination("a", 1)
    gateway.start()
    assert gateway.get("/readyz") is not None
    gateway.spool.rename(tmp_path / "elsewhere")
    assert gateway.get("/readyz") == 503
    (tmp_path / "elsewhere").rename(gateway.spool)
    eventually(lambda: gateway.get("/readyz") != 503, "it is there again")
    gateway.spool.rename(tmp_path / "elsewhere")  # in one go: it goes on making slots
    assert gateway.get("/readyz") == 503
    gateway.spool.mkdir()
    assert gateway.get("/readyz") == 503, "an empty folder in its place is another one"


def test_wrong_usage_and_unreadable_paths_exit_with_2(tmp_path):
    assert run().returncode == 2
    assert run(str(tmp_path), "--listen", "nowhere").returncode == 2
    result = run(str(tmp_path / "absent"), "--spool", str(tmp_path / "spool"))
    assert result.returncode == 2
    assert "absent" in result.stderr
    assert not (tmp_path / "spool").exists()


def test_without_a_forwardnode_it_says_so_and_exits_with_1(tmp_path):
    result = run(str(tmp_path), "--spool", str(tmp_path / "spool"))
    assert result.returncode == 1
    assert "no valid ForwardNode" in said(result)


def test_a_forwardnode_that_is_not_valid_is_told_with_what_is_wrong(tmp_path):
    gateway = GatewayProcess(tmp_path)
    gateway.node("sources: [{aeTitle: Y}]")  # true, to YAML
    result = run(str(gateway.manifests), "--spool", str(tmp_path / "spool"))
    assert result.returncode == 1
    assert "spec.sources[0].aeTitle" in said(result)
    assert "quote it" in said(result)


def test_two_forwardnodes_with_one_title_are_refused(tmp_path):
    gateway = GatewayProcess(tmp_path)
    gateway.node(name="one")
    gateway.node(name="two")
    result = run(str(gateway.manifests), "--spool", str(tmp_path / "spool"))
    assert result.returncode == 1
    assert "spec.aeTitle" in said(result)


@pytest.mark.parametrize(
    ("name", "damage"),
    [("ledger.sqlite", b"this is no ledger" * 500), ("incoming", b"this is no folder")],
)
def test_a_spool_that_cannot_be_used_is_said(tmp_path, name, damage):
    gateway = GatewayProcess(tmp_path)
    gateway.node()
    gateway.spool.mkdir()
    (gateway.spool / name).write_bytes(damage)
    result = run(str(gateway.manifests), "--spool", str(gateway.spool))
    assert result.returncode in (1, 2)
    assert str(gateway.spool) in said(result)
    assert (gateway.spool / name).read_bytes() == damage


def test_a_ledger_that_is_damaged_inside_is_said(gateway):
    gateway.start()
    assert gateway.terminate() == 0
    ledger = gateway.spool / "ledger.sqlite"
    content = ledger.read_bytes()
    ledger.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))
    result = run(str(gateway.manifests), "--spool", str(gateway.spool))
    assert result.returncode == 1
    assert "move the whole folder away" in said(result)


def test_a_second_gateway_on_one_spool_is_refused(gateway):
    gateway.start()
    result = run(str(gateway.manifests), "--listen", "127.0.0.1:0", "--spool", str(gateway.spool))
    assert result.returncode == 1
    assert "another gateway" in said(result)


def test_an_address_in_use_is_said(gateway, tmp_path):
    gateway.start()
    result = run(str(gateway.manifests), "--listen", f"127.0.0.1:{gateway.port}", "--spool", str(tmp_path / "other"))
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}, see --listen: " in said(result)
    other = run(
        str(gateway.manifests), "--listen", "127.0.0.1:0", "--admin", f"127.0.0.1:{gateway.port}",
        "--spool", str(tmp_path / "third"),
    )  # fmt: skip
    assert other.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.port}, see --admin: " in said(other)


def test_the_admin_port_wants_its_token(tmp_path):
    token = tmp_path / "token"
    token.write_text("first\n")
    gateway = GatewayProcess(tmp_path, "--admin-token-file", str(token))
    gateway.node()
    gateway.destination("a", free_port())
    try:
        gateway.start()
        assert "dromos_spool_bytes" in gateway.get("/metrics")
        assert gateway.get("/healthz") == "ok\n"
        for path in ("/v1/configuration", "/v1/status", "/v1/failures"):
            assert gateway.get(path) == 401
            assert gateway.get(path, token="wrong") == 401
            assert isinstance(gateway.get(path, token="first"), dict)
        token.write_text("second")
        assert gateway.get("/v1/status", token="first") == 401
        assert isinstance(gateway.get("/v1/status", token="second"), dict)
    finally:
        gateway.kill()


def test_an_admin_token_that_is_not_there_is_said_and_lets_nobody_in(tmp_path):
    gateway = GatewayProcess(tmp_path, "--admin-token-file", str(tmp_path / "nowhere"))
    gateway.node()
    gateway.destination("a", free_port())
    try:
        gateway.start()
        assert gateway.get("/v1/status", token="") == 401
        assert "admin token file is unreadable or empty" in gateway.log()
    finally:
        gateway.kill()


def test_it_stops_at_once_when_nothing_is_open(gateway):
    gateway.start()
    eventually(lambda: gateway.get("/readyz"), "ready")
    assert gateway.terminate(timeout=20) == 0, "it does not wait for the 30 s that a drain may take"


def test_without_a_token_file_the_admin_port_answers_on_loopback_only(tmp_path):
    gateway = GatewayProcess(tmp_path, "--admin", "0.0.0.0:0")
    gateway.node()
    gateway.destination("a", free_port())
    (address,) = addresses()[:1]
    try:
        gateway.start()
        assert isinstance(gateway.get("/v1/status"), dict)

        def ask(path: str, method: str = "GET") -> int:
            connection = http.client.HTTPConnection(address, gateway.admin, timeout=30)
            claims = {"X-Forwarded-For": "127.0.0.1", "Host": "127.0.0.1", "Authorization": "Bearer "}
            connection.request(method, path, headers=claims)
            status = connection.getresponse().status
            connection.close()
            return status

        assert [ask(path) for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        for path in ("/v1/configuration", "/v1/status", "/v1/failures", "/v1/failures/1", "/v1/transfers"):
            assert ask(path) == 401, path
        assert ask("/v1/failures/1/retry", "POST") == ask("/v1/failures/1", "DELETE") == 401
    finally:
        gateway.kill()


def test_without_a_host_it_listens_on_both_families(tmp_path):
    """As in a pod: its cluster may have IPv4, IPv6 or both."""
    gateway = GatewayProcess(tmp_path, "--admin", ":0", "--listen", ":0")
    gateway.node()
    gateway.destination("a", free_port())
    try:
        gateway.start()
        for host in ("127.0.0.1", *(["[::1]"] if has_ipv6() else [])):
            with urllib.request.urlopen(f"http://{host}:{gateway.admin}/v1/status", timeout=30) as answer:
                assert answer.status == 200
            echo = [sys.executable, "-m", "dromos_gateway.cli", "echo", f"{host}:{gateway.port}"]
            asked = subprocess.run([*echo, "--called-ae-title", "DROMOS"], timeout=60, check=False)
            assert asked.returncode == 0, host
    finally:
        gateway.kill()


def has_ipv6() -> bool:
    """Whether this kernel lets us have the loopback address."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def addresses() -> list[str]:
    """This machine's own IPv4 addresses beside loopback, as the kernel's table of routes has them."""
    lines = [line.split() for line in Path("/proc/net/fib_trie").read_text().splitlines()]
    hosts = [line[1] for line, below in pairwise(lines) if line[0] == "|--" and below == ["/32", "host", "LOCAL"]]
    found = [host for host in dict.fromkeys(hosts) if not host.startswith("127.")]
    assert found, "this machine has no address but loopback"
    return found
