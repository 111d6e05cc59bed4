# SPDX-License-Identifier: Apache-2.0
"""Access tokens: cached, fetched once, renewed once; what the endpoint's failures do. A real server: test_oauth2."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import struct
from pathlib import Path
from random import Random
from urllib.parse import parse_qs

import pytest

from dromos_gateway.delivery.outcome import Sent
from dromos_gateway.stow.client import Endpoint, StowClient
from dromos_gateway.web.client import Timeouts, open_client
from dromos_gateway.web.errors import TokenUnavailable
from dromos_gateway.web.oauth2 import ClientCredentials, OAuth2Tokens
from tests.wire.gateway.peers import free_port, make_study
from tests.wire.stow.conftest import attempts
from tests.wire.stow.scripted import Request, Server, dicom_json, reply

QUICK = Timeouts(connect=15.0, send=15.0, answer=15.0, body=15.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def token(value: str, **more: object) -> bytes:
    return reply(
        200, json.dumps({"access_token": value, "token_type": "Bearer"} | more), Content_Type="application/json"
    )


def tokens(url: str, clock: Clock, *, secret: str = "p%:&ß", scopes: tuple[str, ...] = ("a", "b")) -> OAuth2Tokens:
    credentials = ClientCredentials(url, "client one", secret, scopes)
    return OAuth2Tokens(credentials, lambda: open_client(timeouts=QUICK), clock, Random(1))


async def test_the_request() -> None:
    async with Server(token("t1", expires_in=60)) as server:
        assert await tokens(server.url, Clock()).header() == "Bearer t1"
    (request,) = server.requests
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    kind, _, value = request.headers["Authorization"].partition(" ")
    assert kind == "Basic"
    assert base64.b64decode(value).decode() == "client+one:p%25%3A%26%C3%9F", "RFC 6749 §2.3.1: encoded before Basic"


async def test_used_until_shortly_before_its_end() -> None:
    clock = Clock()
    async with Server(token("t1", expires_in=100), token("t2", expires_in="100")) as server:
        source = tokens(server.url, clock)
        assert await source.header() == "Bearer t1"
        clock.now += 69
        assert await source.header() == "Bearer t1"
        clock.now += 2
        assert await source.header() == "Bearer t2"
    assert len(server.requests) == 2


async def test_used_until_its_very_end_while_there_is_no_other() -> None:
    clock = Clock()
    async with Server(token("t1", expires_in=100), reply(503), reply(503), token("t2")) as server:
        source = tokens(server.url, clock)
        assert await source.header() == "Bearer t1"
        clock.now += 80
        assert await source.header() == await source.header() == "Bearer t1"
        assert len(server.requests) == 2, "not asked again at once"
        clock.now += 20
        with pytest.raises(TokenUnavailable):
            await source.header()
        clock.now += 20
        assert await source.header() == "Bearer t2"


@pytest.mark.parametrize(
    "life",
    [None, "soon", -1, True, [], float("nan"), float("inf"), 10**400, "9" * 400, "-1", "nan", {}],
    ids=lambda life: str(life)[:9],
)
async def test_a_life_that_says_nothing(life: object) -> None:
    async with Server(token("t1", expires_in=life)) as server:
        source = tokens(server.url, Clock())
        assert await source.header() == await source.header() == "Bearer t1"
    assert len(server.requests) == 1


async def test_fetched_once_however_many_wait() -> None:
    async with Server(token("t1"), token("t2")) as server:
        source = tokens(server.url, Clock())
        assert set(await asyncio.gather(*(source.header() for _ in range(50)))) == {"Bearer t1"}
        assert len(server.requests) == 1
        assert all(await asyncio.gather(*(source.renew("Bearer t1") for _ in range(50))))
        assert await source.header() == "Bearer t2"
    assert len(server.requests) == 2


async def test_a_failure_is_told_to_all_who_wait_and_waited_for() -> None:
    clock = Clock()
    failed = reply(503)
    async with Server(failed, failed, token("t1")) as server:
        source = tokens(server.url, clock)
        results = await asyncio.gather(*(source.header() for _ in range(20)), return_exceptions=True)
        assert all(isinstance(result, TokenUnavailable) for result in results)
        assert len(server.requests) == 1, "not asked again at once"
        first = results[0]
        assert isinstance(first, TokenUnavailable)
        assert 0.5 <= first.retry_after <= 1.0
        clock.now += first.retry_after
        with pytest.raises(TokenUnavailable) as second:
            await source.header()
        assert 1.0 <= second.value.retry_after <= 2.0, "twice as long"
        clock.now += second.value.retry_after
        assert await source.header() == "Bearer t1"


@pytest.mark.parametrize(("said", "waited"), [("33", 33.0), ("3600", 60.0), ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0)])
async def test_retry_after_of_the_endpoint(said: str, waited: float) -> None:
    async with Server(reply(429, Retry_After=said)) as server:
        with pytest.raises(TokenUnavailable) as error:
            await tokens(server.url, Clock()).header()
    assert error.value.retry_after == waited


async def test_after_an_outage_of_any_length_it_is_asked_within_half_a_minute() -> None:
    clock = Clock()
    source = tokens(f"http://localhost:{free_port()}", clock)
    pauses = []
    for _ in range(40):
        with pytest.raises(TokenUnavailable) as error:
            await source.header()
        pauses.append(error.value.retry_after)
        clock.now += error.value.retry_after
    assert all(15.0 <= pause <= 30.0 for pause in pauses[5:]), pauses


BAD = {
    "invalid client": (reply(401, '{"error":"invalid_client","error_description":"secret p%:&\\u00df"}'), "401 invalid_client"),
    "other words": (reply(400, '{"error":"hush"}'), "answered 400"),
    "html": (reply(200, "<html>log in</html>"), "without an access token"),
    "list": (reply(200, "[]"), "without an access token"),
    "mac": (reply(200, '{"access_token":"a","token_type":"mac"}'), "no bearer token"),
    "number": (reply(200, '{"access_token":5,"token_type":"bearer"}'), "without an access token"),
    "line break": (reply(200, '{"access_token":"a\\r\\nX: y","token_type":"bearer"}'), "cannot be sent"),
    "large": (reply(200, "x" * 100_000), "without an access token"),
    "redirect": (reply(302, Location="http://127.0.0.1:9/"), "answered 302"),
    "gone": (None, "without an answer"),
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("kind", ["", ',"token_type":"bearer"', ',"token_type":"BEARER"', ',"token_type":null'])
async def test_a_token_as_servers_give_it(status: int, kind: str) -> None:
    async with Server(reply(status, f'{{"access_token":"a"{kind}}}')) as server:
        assert await tokens(server.url, Clock()).header() == "Bearer a"


@pytest.mark.parametrize("answer", BAD)
async def test_no_token(answer: str) -> None:
    said, words = BAD[answer]
    async with Server(said) as server:
        with pytest.raises(TokenUnavailable, match=words) as error:
            await tokens(server.url, Clock()).header()
    assert f"http://localhost:{server.port}" in str(error.value), "it says which server"
    assert "hush" not in str(error.value)
    assert "p%" not in str(error.value)


async def test_endpoint_down() -> None:
    port = free_port()
    with pytest.raises(TokenUnavailable, match=f"no access token: http://localhost:{port}: ") as error:
        await tokens(f"http://localhost:{port}/token", Clock()).header()
    assert error.value.retry_after > 0


async def test_a_doubted_token_is_replaced_once_a_minute() -> None:
    clock = Clock()
    async with Server(*(token(f"t{number}", expires_in=3600) for number in range(1, 5))) as server:
        source = tokens(server.url, clock)
        assert await source.header() == "Bearer t1"
        source.doubt("Bearer t0")
        assert await source.header() == "Bearer t1", "that one is gone anyway"
        source.doubt("Bearer t1")
        assert await source.header() == "Bearer t2"
        source.doubt("Bearer t2")
        assert await source.header() == "Bearer t2"
        clock.now += 60
        source.doubt("Bearer t2")
        assert await source.header() == "Bearer t3"
    assert len(server.requests) == 3


async def test_a_refusal_that_is_lost_with_its_connection_renews_the_token(tmp_path: Path) -> None:
    """It resets the connection in the middle of a body that it does not read, as servers do that simply close."""
    (large,) = attempts(make_study(tmp_path / "large", 1, pixels=16 * 2**20))
    accepted: list[str] = []

    async def closes(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100_000)
        writer.write(reply(401, WWW_Authenticate="Bearer"))
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def stores(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int(request.headers["Content-Length"]))
        accepted.append(request.headers["Authorization"])
        body = dicom_json(stored=[large.stored.sop_instance_uid])
        writer.write(reply(200, body, Content_Type="application/dicom+json"))
        await writer.drain()

    async with Server(token("t1"), token("t2")) as endpoint, Server(closes, stores) as server:
        client = StowClient(
            Endpoint(f"{server.url}/studies"),
            open_client(timeouts=QUICK),
            tokens(endpoint.url, Clock()),
            lambda: "boundary",
        )
        outcomes = [*await client.send([large]), *(await client.send([large]) if not accepted else ())]
        await client.close()
    assert outcomes[-1] == Sent()
    assert accepted == ["Bearer t2"]
