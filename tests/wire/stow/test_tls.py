# SPDX-License-Identifier: Apache-2.0
"""HTTPS: private authorities, client certificates, server names; what is said when one is not good."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from dromos_gateway.delivery.outcome import Sent, TryAgain
from dromos_gateway.stow.client import Attempt, StowClient
from dromos_gateway.web.client import tls_context
from tests.wire.dimse.certificates import Pair, authority, issued
from tests.wire.stow.conftest import IMPATIENT, uids
from tests.wire.stow.scripted import Server, dicom_json, reply

Make = Callable[..., StowClient]


def server_tls(pair: Pair, clients: Pair | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients.certificate)
    return context


def stored(batch: list[Attempt]) -> bytes:
    return reply(200, dicom_json(stored=uids(batch)), Content_Type="application/dicom+json")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"), "ca")


async def test_private_authority(stow: Make, batch: list[Attempt], tmp_path: Path, ca: Pair) -> None:
    context = tls_context(ca=ca.certificate.read_bytes())
    async with Server(stored(batch), tls=server_tls(issued(tmp_path, ca, "server"))) as server:
        assert await stow(server.url, context=context).send(batch) == (Sent(),) * 3


async def test_client_certificate(stow: Make, batch: list[Attempt], tmp_path: Path, ca: Pair) -> None:
    certificate, key = issued(tmp_path, ca, "client").pem
    with_ours = tls_context(ca=ca.certificate.read_bytes(), certificate=certificate, key=key)
    without = tls_context(ca=ca.certificate.read_bytes())
    async with Server(stored(batch), tls=server_tls(issued(tmp_path, ca, "server"), ca)) as server:
        assert await stow(server.url, context=with_ours).send(batch) == (Sent(),) * 3
        (outcome,) = await stow(server.url, context=without).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert "TLS" in outcome.message or "connection was lost" in outcome.message


async def test_server_name(stow: Make, batch: list[Attempt], tmp_path: Path, ca: Pair) -> None:
    """The server is reached by one name and shows a certificate for another."""
    pair = issued(tmp_path, ca, "server", dns="pacs.example")
    async with Server(stored(batch), tls=server_tls(pair)) as server:
        (outcome,) = await stow(server.url, context=tls_context(ca=ca.certificate.read_bytes())).send(batch[:1])
        named = tls_context(ca=ca.certificate.read_bytes(), server_name="pacs.example")
        assert await stow(server.url, context=named).send(batch) == (Sent(),) * 3
    assert isinstance(outcome, TryAgain)
    assert "Hostname mismatch" in outcome.message
    assert "localhost" in outcome.message


@pytest.mark.parametrize(
    ("days", "words"), [(-1, "certificate has expired"), (1, "self-signed|unable to get local issuer")]
)
async def test_bad_certificates(
    stow: Make, batch: list[Attempt], tmp_path: Path, ca: Pair, days: int, words: str
) -> None:
    other = authority(tmp_path, "other")
    signer = ca if days < 0 else other
    async with Server(stored(batch), tls=server_tls(issued(tmp_path, signer, "server", days=days))) as server:
        (outcome,) = await stow(server.url, context=tls_context(ca=ca.certificate.read_bytes())).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.blames_destination
    assert "the server's certificate is not accepted: " in outcome.message
    assert any(word in outcome.message for word in words.split("|"))
    assert server.requests == []


async def test_no_tls_there(stow: Make, batch: list[Attempt], ca: Pair) -> None:
    async with Server(stored(batch)) as server:
        url = server.url.replace("http:", "https:")
        client = stow(url, context=tls_context(ca=ca.certificate.read_bytes()), timeouts=IMPATIENT)
        (outcome,) = await client.send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert "TLS: " in outcome.message
