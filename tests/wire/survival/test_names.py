# SPDX-License-Identifier: Apache-2.0
"""A name server that never answers is the trouble of the sources and destinations whose names it has, of nobody else."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.wire.gateway.peers import GatewayProcess, data_sets, eventually, make_study, storescu, successes

SILENT = "127.0.5.3"
DEAD = 12


@pytest.fixture
def silent_name_server() -> Iterator[socket.socket]:
    """Takes every question and says nothing."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind((SILENT, 53))
        sock.setblocking(False)
        yield sock


def ask_it(gateway: GatewayProcess, options: str = "") -> None:
    """Let the gateway ask this name server and no other."""
    resolv = gateway.home / "resolv.conf"
    resolv.write_text(f"nameserver {SILENT}\n{options}")
    mounted = f'mount --bind {resolv} /etc/resolv.conf && exec "$@"'
    gateway.prefix = ("unshare", "--mount", "sh", "-c", mounted, "sh")


def test_sources_that_nobody_answers_for_shut_out_no_other_and_hold_up_no_end(
    gateway, receiver, tmp_path, silent_name_server
):
    ask_it(gateway, "options timeout:30 attempts:5\n")
    names = {"GOOD": "localhost"} | {f"DEAD{number}": f"dead{number}.example.org" for number in range(DEAD)}
    sources = ", ".join(f"{{aeTitle: {title}, hostname: {host}}}" for title, host in sorted(names.items()))
    gateway.node(f"sources: [{sources}]")
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study, "-aet", "GOOD")
    a.has(3)
    assert data_sets(a.folder) == data_sets(study)
    assert successes(storescu(gateway.port, study, "-aet", "DEAD0", check=False)) == 0
    assert b"dead" in silent_name_server.recv(512), "nobody was asked"
    assert gateway.terminate() == 0  # within 40 s; the questions are open for 150 s


def test_names_that_nobody_answers_for_delay_no_other_destination(gateway, receiver, tmp_path, silent_name_server):
    ask_it(gateway)
    good = receiver("good").start()
    names = {"good": "localhost"} | {f"dead{number}": f"dead{number}.example.org" for number in range(DEAD)}
    for name, host in names.items():
        gateway.destination(name, good.port)
        text = (gateway.manifests / f"destination-{name}.yaml").read_text()
        gateway.write(
            f"destination-{name}", text.replace("127.0.0.1", host)
        )  # localhost is in /etc/hosts, if asked for
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    good.has(3, timeout=30.0)
    assert data_sets(good.folder) == data_sets(study)
    assert b"dead" in silent_name_server.recv(512), "nobody was asked"
    eventually(lambda: "dead0.example.org" in (gateway.queue("dead0")["lastError"] or ""), "it says why", timeout=60.0)
    assert gateway.queue("dead0")["waiting"] == 3
