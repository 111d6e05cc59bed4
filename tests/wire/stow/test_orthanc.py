# SPDX-License-Identifier: Apache-2.0
"""Against Orthanc's STOW-RS server, alone and behind nginx with TLS, Basic or OAuth 2.0."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from dromos_gateway.configuration.settings import StowSettings, TLSMaterial
from dromos_gateway.delivery.outcome import Refused, Sent, TryAgain
from dromos_gateway.stow.client import Attempt, StowClient
from dromos_gateway.stow.opening import HTTP2_VARIABLE, open_stow
from dromos_gateway.web.authorization import basic, bearer
from dromos_gateway.web.client import Timeouts, open_client, tls_context
from dromos_gateway.web.errors import TokenUnavailable
from dromos_gateway.web.oauth2 import ClientCredentials, OAuth2Tokens
from tests.wire.dimse.certificates import Pair, authority, issued
from tests.wire.gateway.peers import make_study
from tests.wire.stow.conftest import attempts, uids
from tests.wire.stow.servers import Guarded, Nginx, OAuth2Server, Orthanc

Make = Callable[..., StowClient]
PATIENT = Timeouts(connect=5.0, send=20.0, answer=20.0, body=20.0)


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    server = Orthanc(tmp_path_factory.mktemp("orthanc"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory, ca: Pair) -> Pair:
    return issued(tmp_path_factory.mktemp("certificate"), ca, "server")


@pytest.fixture
def trusting(ca: Pair) -> dict[str, object]:
    return {"context": tls_context(ca=ca.certificate.read_bytes()), "timeouts": PATIENT}


async def test_stored_byte_for_byte(stow: Make, orthanc: Orthanc, tmp_path: Path) -> None:
    batch = attempts(make_study(tmp_path / "study", 60, pixels=40_000))
    assert await stow(orthanc.url, timeouts=PATIENT).send(batch) == (Sent(),) * 60
    held = orthanc.files()
    for attempt in batch:
        assert held[attempt.stored.sop_instance_uid] == attempt.stored.path.read_bytes()


async def test_stored_twice_is_stored(stow: Make, orthanc: Orthanc, batch: list[Attempt]) -> None:
    """What a retry after an unknown outcome meets."""
    client = stow(orthanc.url, timeouts=PATIENT)
    assert await client.send(batch) == (Sent(),) * 3
    outcomes = await client.send(batch)
    assert all(isinstance(outcome, Sent) for outcome in outcomes)


async def test_what_is_no_dicom_is_refused_and_the_others_are_stored(
    stow: Make, orthanc: Orthanc, batch: list[Attempt]
) -> None:
    batch[1].stored.path.write_bytes(b"no DICOM" * 100)
    outcomes = await stow(orthanc.url, timeouts=PATIENT).send(batch)
    assert [type(outcome) for outcome in outcomes] == [Sent, Refused, Sent]
    assert {uids(batch)[0], uids(batch)[2]} <= orthanc.uids()
    assert uids(batch)[1] not in orthanc.uids()


async def test_wrong_path_on_orthanc(stow: Make, orthanc: Orthanc, batch: list[Attempt]) -> None:
    (outcome,) = await stow(f"http://localhost:{orthanc.port}/nowhere", timeouts=PATIENT).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.refuses_us
    assert "404" in outcome.message


async def test_probe(stow: Make, orthanc: Orthanc) -> None:
    await stow(orthanc.url, timeouts=PATIENT).probe()


@pytest.fixture
def guarded(tmp_path: Path, orthanc: Orthanc, certificate: Pair) -> Iterator[Nginx]:
    hashed = subprocess.run(["openssl", "passwd", "-6", "s3:cret ü"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "htpasswd").write_text(f"dromos:{hashed}")
    location = f"auth_basic DICOM; auth_basic_user_file {tmp_path}/htpasswd;"
    server = Nginx(tmp_path / "nginx", orthanc.port, certificate, location=location)
    yield server.start()
    server.stop()


async def test_tls_and_basic(
    stow: Make, guarded: Nginx, orthanc: Orthanc, trusting: dict, batch: list[Attempt]
) -> None:
    client = stow(guarded.url, authorization=basic("dromos", "s3:cret ü"), **trusting)
    assert await client.send(batch) == (Sent(),) * 3
    assert set(uids(batch)) <= orthanc.uids()


@pytest.mark.parametrize("authorization", [None, basic("dromos", "wrong"), bearer("token")])
async def test_tls_and_a_wrong_login(
    stow: Make, guarded: Nginx, orthanc: Orthanc, trusting: dict, tmp_path: Path, authorization: object
) -> None:
    """nginx answers before it has read the body, which is larger than what fits on the way."""
    batch = attempts(make_study(tmp_path / "large", 1, pixels=24 * 2**20))
    (outcome,) = await stow(guarded.url, authorization=authorization, **trusting).send(batch)
    assert isinstance(outcome, TryAgain)
    assert outcome.refuses_us
    assert "401" in outcome.message
    assert uids(batch)[0] not in orthanc.uids()


async def test_413_of_nginx(stow: Make, orthanc: Orthanc, certificate: Pair, trusting: dict, tmp_path: Path) -> None:
    small, large = (attempts(make_study(tmp_path / name, n, pixels=size)) for name, n, size in
                    (("small", 6, 300_000), ("large", 1, 1_200_000)))  # fmt: skip
    nginx = Nginx(tmp_path / "nginx", orthanc.port, certificate, location="client_max_body_size 1m;").start()
    try:
        outcomes = await stow(nginx.url, **trusting).send([*small, *large])
    finally:
        nginx.stop()
    assert [type(outcome) for outcome in outcomes] == [Sent] * 6 + [Refused]
    assert isinstance(outcomes[6], Refused)
    assert outcomes[6].reason == "TooLarge"


async def test_client_certificate_of_nginx(
    stow: Make, orthanc: Orthanc, ca: Pair, certificate: Pair, batch: list[Attempt], tmp_path: Path
) -> None:
    pem, key = issued(tmp_path, ca, "client").pem
    nginx = Nginx(tmp_path / "nginx", orthanc.port, certificate, clients=ca).start()
    try:
        ours = tls_context(ca=ca.certificate.read_bytes(), certificate=pem, key=key)
        assert await stow(nginx.url, context=ours, timeouts=PATIENT).send(batch) == (Sent(),) * 3
        nobody = tls_context(ca=ca.certificate.read_bytes())
        (outcome,) = await stow(nginx.url, context=nobody, timeouts=PATIENT).send(batch[:1])
    finally:
        nginx.stop()
    assert isinstance(outcome, Refused), "nginx says 400 No required SSL certificate was sent"
    assert "400" in outcome.message


async def test_archive_behind_nginx_down(
    stow: Make, certificate: Pair, trusting: dict, batch: list[Attempt], tmp_path: Path
) -> None:
    nginx = Nginx(tmp_path / "nginx", 9, certificate).start()
    try:
        (outcome,) = await stow(nginx.url, **trusting).send(batch[:1])
    finally:
        nginx.stop()
    assert isinstance(outcome, TryAgain)
    assert outcome.message == "HTTP 502 Bad Gateway"


def oauth2(server: OAuth2Server, secret: str, *scopes: str) -> OAuth2Tokens:
    credentials = ClientCredentials(server.token_url, "dromos", secret, scopes)
    return OAuth2Tokens(credentials, open_client, time.monotonic, Random(1))


async def test_oauth2(
    stow: Make, orthanc: Orthanc, certificate: Pair, trusting: dict, batch: list[Attempt], tmp_path: Path
) -> None:
    """Stored with a token; renewed once when the server has forgotten it; refused with a wrong secret, or without the scope."""
    issuer = OAuth2Server(tmp_path / "oidc", "p%ss:w+rd &").start()
    nginx = Guarded(tmp_path / "nginx", orthanc.port, certificate, issuer.port).start()
    try:
        client = stow(nginx.url, authorization=oauth2(issuer, issuer.secret, "dicomweb"), **trusting)
        assert await client.send(batch) == (Sent(),) * 3
        assert set(uids(batch)) <= orthanc.uids()
        issuer.stop()
        issuer.start()  # it keeps its tokens in memory
        assert await client.send(batch) == (Sent(),) * 3
        statuses = [line.split('" ')[1].split()[0] for line in nginx.requests() if "POST" in line]
        assert statuses == ["200", "401", "200"]
        no_scope = stow(nginx.url, authorization=oauth2(issuer, issuer.secret), **trusting)
        (outcome,) = await no_scope.send(batch[:1])
        assert isinstance(outcome, TryAgain)
        assert "403" in outcome.message
        with pytest.raises(TokenUnavailable, match="401 invalid_client"):
            await oauth2(issuer, "wrong").header()
    finally:
        nginx.stop()
        issuer.stop()


async def test_tokens_that_end_while_many_are_sent(
    stow: Make, orthanc: Orthanc, certificate: Pair, trusting: dict, tmp_path: Path
) -> None:
    """A token lives for two seconds and is used for one."""
    issuer = OAuth2Server(tmp_path / "oidc", "secret", lifetime=2).start()
    nginx = Guarded(tmp_path / "nginx", orthanc.port, certificate, issuer.port).start()
    batch = attempts(make_study(tmp_path / "study", 3, pixels=1000))
    try:
        client = stow(nginx.url, authorization=oauth2(issuer, "secret", "dicomweb"), **trusting)
        ends = time.monotonic() + 3.5
        while time.monotonic() < ends:
            assert await client.send(batch) == (Sent(),) * 3
        statuses = {line.split('" ')[1].split()[0] for line in nginx.requests() if "POST" in line}
        assert statuses == {"200"}, "no token was used after its end"
    finally:
        nginx.stop()
        issuer.stop()


@pytest.mark.parametrize(("wanted", "version"), [("true", "HTTP/2.0"), ("", "HTTP/1.1")])
async def test_http2_and_a_server_that_ends_connections(
    orthanc: Orthanc,
    ca: Pair,
    certificate: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    version: str,
) -> None:
    """nginx says GOAWAY after so many requests: nothing is lost, and nothing is taken for stored that was not."""
    nginx = Nginx(tmp_path / "nginx", orthanc.port, certificate, http2=True, location="keepalive_requests 3;").start()
    batch = attempts(make_study(tmp_path / "study", 24, pixels=300_000))
    monkeypatch.setenv(HTTP2_VARIABLE, wanted)
    trusted = TLSMaterial(b"", b"", ca.certificate.read_bytes())
    client = open_stow(StowSettings(nginx.url, (), None, trusted, concurrency=4))
    try:
        done: set[str] = set()
        left = batch
        for _ in range(20):
            parts = [left[n::4] for n in range(4) if left[n::4]]
            results = await asyncio.gather(*(client.send(part) for part in parts))
            for part, outcomes in zip(parts, results, strict=True):
                done.update(uid for uid, outcome in zip(uids(part), outcomes, strict=True) if isinstance(outcome, Sent))
            assert done <= orthanc.uids(), "what counts as sent is there"
            left = [attempt for attempt in batch if attempt.stored.sop_instance_uid not in done] or batch
        assert done == set(uids(batch))
        assert {line.split('"')[1].split()[-1] for line in nginx.requests()} == {version}
    finally:
        await client.close()
        nginx.stop()
