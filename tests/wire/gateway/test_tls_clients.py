# SPDX-License-Identifier: Apache-2.0
"""Who may send by DICOM TLS: client certificates that are required, requested or ignored, and those who say nothing."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wire.dimse.certificates import Pair, authority, issued
from tests.wire.gateway.peers import GatewayProcess, Receiver, data_sets, eventually, make_study, storescu, successes
from tests.wire.gateway.test_tls import secret

STALLED = 100


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("pki")
    ca, other = authority(folder, "ca"), authority(folder, "other-ca")
    return {
        "ca": ca,
        "server": issued(folder, ca, "server"),
        "good": issued(folder, ca, "good"),
        "stranger": issued(folder, other, "stranger"),
        "expired": issued(folder, ca, "expired", days=-1),
    }


def listen(gateway: GatewayProcess, pki: dict[str, Pair], authentication: str) -> None:
    """A gateway that speaks TLS and knows the clients' authority."""
    gateway.write("tls", secret("node-tls", tls_crt=pki["server"].certificate, tls_key=pki["server"].key))
    gateway.write("clients", secret("clients", ca_crt=pki["ca"].certificate))
    authorities = "" if authentication == "None" else "clientCARef: {name: clients}, "
    certificate = "certificateSecretRef: {name: node-tls}"
    gateway.node(f"tls: {{{certificate}, {authorities}clientAuthentication: {authentication}}}")
    gateway.start()


def send(gateway: GatewayProcess, pki: dict[str, Pair], who: str | None, study: Path) -> int:
    """How many instances were taken of somebody with this certificate, or with none."""
    shown = ("+tla",) if who is None else ("+tls", str(pki[who].key), str(pki[who].certificate))
    return successes(storescu(gateway.port, study, *shown, "+cf", str(pki["ca"].certificate), check=False))


@pytest.mark.parametrize(
    ("authentication", "welcome"),
    [
        ("Require", {"good": True, None: False, "stranger": False, "expired": False}),
        ("Request", {"good": True, None: True, "stranger": False, "expired": False}),
        ("None", {"good": True, None: True, "stranger": True}),
    ],
)
def test_client_certificates(
    gateway: GatewayProcess,
    receiver: Callable[..., Receiver],
    pki: dict[str, Pair],
    tmp_path: Path,
    authentication: str,
    welcome: dict[str | None, bool],
) -> None:
    a = receiver("a").start()
    gateway.destination("a", a.port)
    listen(gateway, pki, authentication)
    expected: dict[str, bytes] = {}
    for who, is_welcome in welcome.items():
        study = make_study(tmp_path / f"of-{who}", 2)
        assert send(gateway, pki, who, study) == (2 if is_welcome else 0), f"{who} with {authentication}"
        expected |= data_sets(study) if is_welcome else {}
    a.has(len(expected))
    eventually(lambda: data_sets(a.folder) == expected, "whoever is welcome is served, and nobody else")


def test_a_hundred_who_never_say_hello_do_not_hold_up_a_good_sender(
    gateway: GatewayProcess, receiver: Callable[..., Receiver], pki: dict[str, Pair], tmp_path: Path
) -> None:
    """Served one after the other they would take 500 s; storescu has 120 s."""
    a = receiver("a").start()
    gateway.destination("a", a.port)
    listen(gateway, pki, "Require")
    study = make_study(tmp_path / "study", 5)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), 10)) for _ in range(STALLED)
        ]
        for each in silent[::2]:
            each.sendall(b"\x16\x03\x01")  # half of them begin a record, and no more
        assert send(gateway, pki, "good", study) == 5
        a.has(5)
        assert data_sets(a.folder) == data_sets(study)
        for each in silent:
            each.settimeout(60)
            with contextlib.suppress(ConnectionResetError):
                while each.recv(4096):  # an alert perhaps, and then the end
                    pass
    assert send(gateway, pki, "good", make_study(tmp_path / "more", 2)) == 2
