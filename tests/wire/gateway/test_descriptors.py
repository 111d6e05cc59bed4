# SPDX-License-Identifier: Apache-2.0
"""A thousand connections may be open, though a process begins with a thousand files or fewer."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator

from tests.wire.gateway.peers import GatewayProcess, data_sets, eventually, make_study, storescu

CONNECTIONS = 700


@contextlib.contextmanager
def silent(gateway: GatewayProcess) -> Iterator[None]:
    """So many who connect and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 10))
        yield


def test_the_limit_is_raised_where_it_may_be(gateway, receiver, tmp_path):
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert hard >= 2048, "this machine gives nobody enough files"
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.prefix = ("prlimit", f"--nofile=256:{hard}")
    gateway.start()
    study, large = make_study(tmp_path / "study", 3), make_study(tmp_path / "large", 2, pixels=3 * 2**20)
    with silent(gateway):
        storescu(gateway.port, study)
        storescu(gateway.port, large)
    a.has(5)
    eventually(lambda: data_sets(a.folder) == data_sets(study) | data_sets(large), "all is there")
    assert "Too many open files" not in gateway.log()


def test_where_it_may_not_be_raised_strangers_get_what_instances_do_not_need(gateway, receiver, tmp_path):
    a = receiver("a")
    gateway.destination("a", a.port)
    gateway.prefix = ("prlimit", "--nofile=800:800")
    gateway.start()
    for _ in range(2):
        with silent(gateway):
            eventually(lambda: gateway.get("/v1/status") is not None, "the admin port and the ledger have theirs")
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    a.start()
    a.has(3)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all is there")
    assert "Too many open files" not in gateway.log()
