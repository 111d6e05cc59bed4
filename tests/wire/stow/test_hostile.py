# SPDX-License-Identifier: Apache-2.0
"""Servers that answer what no client expects: each time a verdict in our words, never an error of ours, never "stored"."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dromos_gateway.delivery.outcome import Refused, Sent, TryAgain
from dromos_gateway.kheops.album import ShareFailed, share
from dromos_gateway.stow.client import Attempt, Endpoint, StowClient, studies_url
from dromos_gateway.web.authorization import Fixed
from dromos_gateway.web.client import WebClient, open_client, tls_context
from dromos_gateway.web.errors import TokenUnavailable, WebError
from dromos_gateway.web.oauth2 import ClientCredentials, OAuth2Tokens
from tests.wire.gateway.peers import make_study
from tests.wire.stow.conftest import QUICK, attempts, uids
from tests.wire.stow.scripted import Request, Server, dicom_json, reply

CONTEXT = tls_context()
OK = b"HTTP/1.1 200 OK\r\n"
BAD_GATEWAY = b"HTTP/1.1 503 Whatever\r\n"
XML = b'<?xml version="1.0" encoding="%s"?><NativeDicomModel><DicomAttribute tag="00081199"/></NativeDicomModel>'
BOMB = b"""<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "%s">%s]><NativeDicomModel>&p;</NativeDicomModel>""" % (
    b"a" * 1000,
    b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(15)),
)
UID = b"U" * 64  # stands for the instance's
FAILURE = (
    b'{"00081198":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["%s"]},"00081197":{"vr":"US","Value":[%%s]}}]}}'
    % UID
)


def whole(body: bytes, *headers: bytes, status: bytes = OK) -> bytes:
    """An answer with a length."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return status + lines + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    return OK + b"Content-Type: application/dicom+json\r\nTransfer-Encoding: chunked\r\n\r\n" + body


JSON, AS_XML = b"Content-Type: application/dicom+json", b"Content-Type: application/dicom+xml"
# everything here is an unknown outcome or a refusal
ANSWERS = {
    "xml in gbk": whole(XML % b"gbk", AS_XML),
    "xml in no encoding": whole(XML % b"no-such-encoding", AS_XML),
    "xml in a codec that is none": whole(XML % b"hex", AS_XML),
    "xml in utf-16 that is not": whole(XML % b"utf-16", AS_XML),
    "xml bomb": whole(BOMB, AS_XML),
    "xml that fetches": whole(
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><NativeDicomModel>&b;</NativeDicomModel>', AS_XML
    ),
    "many elements": whole(b"<NativeDicomModel>" + b"<a/>" * 240_000 + b"</NativeDicomModel>", AS_XML),
    "many attributes": whole(b"<NativeDicomModel " + b"".join(b'a%d="" ' % n for n in range(50_000)) + b"/>", AS_XML),
    "many items": whole(b'{"00081199":{"Value":[' + b"{}," * 300_000 + b"{}]}}", JSON),
    "deep json": whole(b'{"00081199":{"Value":[' * 40_000, JSON),
    "reason of 5000 digits": whole(FAILURE % (b"9" * 5000), JSON),
    "reason of 5000 digits as text": whole(FAILURE % (b'"' + b"9" * 5000 + b'"'), JSON),
    "NaN": whole(FAILURE % b"NaN", JSON),
    "surrogate": whole(FAILURE.replace(UID, rb"\ud800") % b"1", JSON),
    "odd charset": whole(b"{}", b"Content-Type: application/dicom+json; charset=no-such; charset=\xff"),
    "content type of nothing": whole(b"{}", b"Content-Type: "),
    "content type in bytes": whole(b"{}", b"Content-Type: \xff\xfe;;;="),
    "gzip bomb": whole(gzip.compress(b"0" * 50_000_000), JSON, b"Content-Encoding: gzip"),
    "twice compressed": whole(gzip.compress(gzip.compress(b"0" * 1_000_000)), JSON, b"Content-Encoding: gzip, gzip"),
    "encoding that is none": whole(b"{}", JSON, b"Content-Encoding: no-such"),
    "gigantic body": whole(b"[" * 20_000_000, JSON),
    "bad chunk size": chunked(b"zz\r\n{}\r\n0\r\n\r\n"),
    "negative chunk": chunked(b"-5\r\n{}\r\n0\r\n\r\n"),
    "huge chunk size": chunked(b"f" * 40 + b"\r\n{}"),
    "chunk that ends early": chunked(b"10\r\n{}"),
    "endless chunk extension": chunked(b"2;" + b"a" * 300_000 + b"\r\n{}\r\n0\r\n\r\n"),
    "endless trailer": chunked(b"2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 60_000),
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "negative length": OK + b"Content-Length: -1\r\n\r\n{}",
    "huge length": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    "longer than it says": OK + b"Content-Length: 1\r\n\r\n{}{}{}{}",
    "shorter than it says": OK + b"Content-Length: 10\r\n\r\n{}",
    "one gigantic header": OK + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": OK + b"X: y\r\n" * 100_000 + b"\r\n",
    "header without a name": OK + b": x\r\n\r\n",
    "header with a space": OK + b"X Y: z\r\n\r\n",
    "header with NUL": OK + b"X: a\x00b\r\n\r\n",
    "header beyond ASCII": whole(b"{}", b"X: \xff\xfe\x80"),
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/0.9": b"<html>",
    "HTTP/9.9": b"HTTP/9.9 200 OK\r\n\r\n",
    "status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status 999": whole(b"", status=b"HTTP/1.1 999 \r\n"),
    "status 000": b"HTTP/1.1 000 \r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "many continues": b"HTTP/1.1 100 Continue\r\n\r\n" * 1000,
    "nothing": b"",
    "bytes": Random(7).randbytes(20_000),
    "cookies": whole(b"", *(b"Set-Cookie: a=b; expires=" + b"1" * 500 for _ in range(50))),
    "location of nothing": whole(b"", b"Location: ", status=b"HTTP/1.1 307 T\r\n"),
    "location that is none": whole(b"", b"Location: http://[::1", status=b"HTTP/1.1 307 T\r\n"),
    "location with a port that is none": whole(b"", b"Location: http://a:99999999/", status=b"HTTP/1.1 308 T\r\n"),
    "location in bytes": whole(b"", b"Location: http://\xff\xfe/\x80", status=b"HTTP/1.1 301 T\r\n"),
    "location beyond all names": whole(b"", b"Location: http://xn--" + b"a" * 3000, status=b"HTTP/1.1 307 T\r\n"),
    "long location": whole(b"", b"Location: /" + b"a" * 80_000, status=b"HTTP/1.1 307 T\r\n"),
    "location of another scheme": whole(b"", b"Location: file:///etc/passwd", status=b"HTTP/1.1 307 T\r\n"),
    "retry after the end of time": whole(b"", b"Retry-After: Fri, 31 Dec 9999 23:59:59 -2359", status=BAD_GATEWAY),
    "retry before all time": whole(b"", b"Retry-After: Mon, 01 Jan 0001 00:00:00 +2359", status=BAD_GATEWAY),
    "retry in an odd zone": whole(b"", b"Retry-After: Mon, 1 Jan 2026 00:00:00 +99999999999", status=BAD_GATEWAY),
    "retry in very long": whole(b"", b"Retry-After: " + b"9" * 5000, status=BAD_GATEWAY),
    "a date beyond all": whole(
        b"", b"Retry-After: Wed, 25 Nov 2026 08:00:30 GMT", b"Date: Fri, 31 Dec 9999 23:59:59 -2359", status=BAD_GATEWAY
    ),
}


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """A server that reads a request, writes these bytes and closes."""

    async def write(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers.get("Content-Length", "0")))
        writer.write(answer)
        await writer.drain()

    async with Server(write) as server:
        yield server.url


def client() -> WebClient:
    return open_client(context=CONTEXT, timeouts=QUICK)


async def sent(answer: bytes, batch: Sequence[Attempt]) -> tuple[object, ...]:
    """What instances come to; whoever lets an exception through fails the test."""
    async with answering(answer) as url, client() as http:
        endpoint = Endpoint(studies_url(url), ())
        return await StowClient(endpoint, http, Fixed(), lambda: secrets.token_hex(16)).send(batch)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> list[Attempt]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    return attempts(make_study(folder / "study", 3, pixels=2048))


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_instance_is_taken_for_stored(study: list[Attempt], name: str) -> None:
    answer = ANSWERS[name].replace(UID, uids(study)[0].encode().ljust(len(UID)))
    for batch in (study[:1], study):
        for outcome in await sent(answer, batch):
            assert isinstance(outcome, TryAgain | Refused), outcome
            assert len(outcome.message) < 300
            assert "internal" not in outcome.message
            if isinstance(outcome, TryAgain) and outcome.retry_after is not None:
                assert 0 <= outcome.retry_after <= 86400


# --- what other servers answer, to whom the same happens ---


async def asked_for_a_token(url: str) -> None:
    credentials = ClientCredentials(f"{url}/token", "dromos", "hush")
    await OAuth2Tokens(credentials, client, lambda: 0.0, Random(1)).header()


async def asked_to_share(url: str) -> None:
    async with client() as http:
        await share(http, url, destination_token="a", source_token="b", study="1.2", series="1.3")


async def test_a_query_of_kheops_url_stays_behind_the_path() -> None:
    async with Server(*[reply(200, '{"active":true,"scope":"read write send"}')] * 2, reply(201)) as server:
        await asked_to_share(f"{server.url}/api/?link=x")
        assert [request.target for request in server.requests] == [
            "/dicomweb/api/token/introspect?link=x", "/dicomweb/api/token/introspect?link=x",
            "/dicomweb/api/studies/1.2/series/1.3?link=x",
        ]  # fmt: skip


async def probed(url: str) -> None:
    async with client() as http:
        await StowClient(Endpoint(studies_url(url), ()), http, Fixed(), lambda: "b").probe()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize(
    ("ask", "error"),
    [(asked_for_a_token, TokenUnavailable), (asked_to_share, ShareFailed)],
    ids=["token endpoint", "Kheops"],
)
async def test_no_token_and_no_share_comes_of_it(
    name: str, ask: Callable[[str], Awaitable[None]], error: type[Exception]
) -> None:
    async with answering(ANSWERS[name]) as url:
        with pytest.raises(error) as said:
            await ask(url)
    assert len(str(said.value)) < 300


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_probe_says_alive_or_not(name: str) -> None:
    async with answering(ANSWERS[name]) as url:
        with contextlib.suppress(WebError):  # and nothing else
            await probed(url)


# --- and what nobody thought of ---

HEADERS = st.tuples(
    st.sampled_from(
        ["Content-Type", "Content-Length", "Transfer-Encoding", "Content-Encoding", "Location", "Retry-After", "Date",
         "Set-Cookie", "Connection", "WWW-Authenticate", "X"]
    ),
    st.sampled_from(
        ["application/dicom+json", "application/dicom+xml", "text/html", "chunked", "gzip", "identity", "close", "0",
         "2", "-1", "1e9", "http://[", "/studies", "//other.example/", "a=b; expires=Fri, 31 Dec 9999 23:59:59 GMT"]
    )
    | st.text(max_size=20),
)  # fmt: skip
BODIES = st.sampled_from([b"", b"{}", b"[]", b"0\r\n\r\n", b"2\r\n{}\r\n0\r\n\r\n", XML % b"gbk"]) | st.binary(
    max_size=60
)


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    status=st.integers(0, 999),
    headers=st.lists(HEADERS, max_size=4),
    body=BODIES,
    torn=st.integers(0, 400),
)
def test_any_answer_is_a_verdict(
    study: list[Attempt], status: int, headers: list[tuple[str, str]], body: bytes, torn: int
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    answer = f"HTTP/1.1 {status:03} X\r\n{lines}\r\n".encode("utf-8", "replace") + body
    (outcome,) = asyncio.run(sent(answer[: torn + 20], study[:1]))
    assert isinstance(outcome, TryAgain | Refused), outcome
    assert "internal" not in outcome.message


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_what_is_missing_of_an_answer_makes_it_no_better(study: list[Attempt], data: st.DataObject) -> None:
    """Of two instances one is stored and one is not; with a piece missing, nothing says that the other is stored too."""
    stored, refused = uids(study)[:2]
    good = whole(dicom_json(stored=[stored], failed={refused: 0xA900}).encode(), JSON)
    at = data.draw(st.integers(0, len(good) - 1))
    damaged = good[:at] + good[at + data.draw(st.integers(1, 40)) :]
    outcomes = asyncio.run(sent(damaged, study[:2]))
    assert not isinstance(outcomes[1], Sent), damaged
