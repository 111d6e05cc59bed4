# SPDX-License-Identifier: Apache-2.0
"""Servers that redirect, break off, stall and lie: nothing is taken for stored, and credentials stay where they belong."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from dromos_gateway.delivery.outcome import Refused, Sent, TryAgain
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.stow.client import Attempt, StowClient
from dromos_gateway.web.authorization import bearer
from dromos_gateway.web.errors import WebError
from tests.wire.gateway.peers import free_port, make_study
from tests.wire.stow.conftest import IMPATIENT, attempts, uids
from tests.wire.stow.scripted import Request, Server, dicom_json, reply

Make = Callable[..., StowClient]


def stored(batch: list[Attempt]) -> bytes:
    return reply(200, dicom_json(stored=uids(batch)), Content_Type="application/dicom+json")


class Renewing:
    """An authorization that has a second token."""

    def __init__(self) -> None:
        self.token = "Bearer first"
        self.renewals = 0

    async def header(self) -> str:
        return self.token

    async def renew(self, refused: str) -> bool:
        assert refused == "Bearer first"
        self.renewals += 1
        self.token = "Bearer second"
        return True

    def doubt(self, used: str) -> None:
        """See test_tokens.py."""


async def test_the_request(stow: Make, batch: list[Attempt]) -> None:
    """Whole files, byte for byte, in order, with a known length; headers of the configuration, as many as there are."""
    headers = (("X-Tenant", "a"), ("X-Key", "b"), ("X-Third", "c"), ("X-Tenant", "d"))
    async with Server(stored(batch)) as server:
        assert await stow(server.url, headers=headers).send(batch) == (Sent(), Sent(), Sent())
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/dicomweb/studies")
    assert request.parts == [attempt.stored.path.read_bytes() for attempt in batch]
    assert request.headers.get_content_type() == "multipart/related"
    assert request.headers.get_param("type") == "application/dicom"
    assert request.headers["Accept"] == "application/dicom+json"
    assert "Transfer-Encoding" not in request.headers
    assert [request.headers.get_all(name) for name in ("X-Tenant", "X-Key", "X-Third")] == [["a", "d"], ["b"], ["c"]]
    assert request.headers["Host"] == f"localhost:{server.port}"


async def test_objects_larger_than_a_block(stow: Make, tmp_path: Path) -> None:
    large = attempts(make_study(tmp_path / "large", 3, pixels=700_000))
    async with Server(stored(large)) as server:
        assert await stow(server.url).send(large) == (Sent(),) * 3
    assert server.requests[0].parts == [attempt.stored.path.read_bytes() for attempt in large]


async def test_each_attempt_has_a_boundary_of_its_own_and_connections_are_kept(
    stow: Make, batch: list[Attempt]
) -> None:
    async with Server(reply(500), reply(503), stored(batch)) as server:
        client = stow(server.url)
        results = [await client.send(batch) for _ in range(3)]
    assert [type(outcomes[0]) for outcomes in results] == [TryAgain, TryAgain, Sent]
    assert len({request.headers.get_param("boundary") for request in server.requests}) == 3
    assert {len(request.parts) for request in server.requests} == {3}, "never a spent body"
    assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_to_another_host_gets_nothing(stow: Make, batch: list[Attempt], status: int) -> None:
    async with Server(stored(batch)) as other:
        location = f"http://127.0.0.1:{other.port}/dicomweb/studies?token=hush"
        async with Server(reply(status, Location=location)) as server:
            (outcome,) = await stow(server.url, authorization=bearer("hush")).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.refuses_us
    assert f"http://127.0.0.1:{other.port}" in outcome.message
    assert "hush" not in outcome.message
    assert other.requests == []


async def test_redirect_on_the_same_server_is_followed_with_a_new_body(stow: Make, batch: list[Attempt]) -> None:
    async with Server(reply(307, Location="/elsewhere/studies"), stored(batch)) as server:
        assert await stow(server.url, authorization=bearer("token")).send(batch) == (Sent(),) * 3
    assert [request.target for request in server.requests] == ["/dicomweb/studies", "/elsewhere/studies"]
    assert [len(request.parts) for request in server.requests] == [3, 3]


async def test_redirects_in_a_circle_end(stow: Make, batch: list[Attempt]) -> None:
    async with Server(reply(308, Location="/dicomweb/studies")) as server:
        (outcome,) = await stow(server.url).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_renewed_once(stow: Make, batch: list[Attempt], status: int) -> None:
    renewing = Renewing()
    async with Server(reply(status), stored(batch)) as server:
        assert await stow(server.url, authorization=renewing).send(batch) == (Sent(),) * 3
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]
    assert [len(request.parts) for request in server.requests] == [3, 3]


async def test_a_refused_token_is_not_renewed_twice(stow: Make, batch: list[Attempt]) -> None:
    renewing = Renewing()
    async with Server(reply(401)) as server:
        (outcome,) = await stow(server.url, authorization=renewing).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.refuses_us, "at the breaker's pace from here on"
    assert (renewing.renewals, len(server.requests)) == (1, 2)


async def test_401_in_mid_stream(stow: Make, tmp_path: Path) -> None:
    """The server answers and closes while most of the body is still with us."""
    large = attempts(make_study(tmp_path / "large", 1, pixels=16 * 2**20))

    async def early(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100_000)
        writer.write(reply(401, WWW_Authenticate="Bearer"))
        writer.write_eof()
        while await asyncio.wait_for(reader.read(65536), 5):
            pass  # as nginx does: the rest is read and thrown away

    async with Server(early, stored(large)) as server:
        assert await stow(server.url, authorization=Renewing()).send(large) == (Sent(),)
    assert server.requests[1].parts == [large[0].stored.path.read_bytes()]


async def test_reset_after_the_body_is_an_unknown_outcome(stow: Make, batch: list[Attempt]) -> None:
    async def reset(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int(request.headers["Content-Length"]))
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with Server(reset) as server:
        (outcome,) = await stow(server.url).send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.message.endswith("whether it was stored is unknown")


async def test_what_cuts_large_requests_gets_smaller_ones(stow: Make, tmp_path: Path) -> None:
    """A proxy that resets what is too large for it, without a word."""
    batch = attempts(make_study(tmp_path / "study", 8, pixels=2048))

    async def cut(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers["Content-Length"]))
        if len(request.parts) <= 2:
            here = [uid for uid in uids(batch) if uid.encode() in request.body]
            writer.write(reply(200, dicom_json(stored=here), Content_Type="application/dicom+json"))
            await writer.drain()

    async with Server(cut) as server:
        client = stow(server.url, most_instances=8)
        for size in (8, 4):
            assert client.most_instances == size
            assert all(isinstance(outcome, TryAgain) for outcome in await client.send(batch[:size]))
        assert client.most_instances == 2
        assert await client.send(batch[:2]) == (Sent(), Sent())
    assert client.most_instances == 4


async def test_reset_of_a_kept_connection_between_two_requests(stow: Make, batch: list[Attempt]) -> None:
    async def once(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int(request.headers["Content-Length"]))
        writer.write(stored(batch))

    async with Server(once) as server:
        client = stow(server.url)
        assert await client.send(batch) == (Sent(),) * 3
        await asyncio.sleep(0.1)
        assert await client.send(batch) == (Sent(),) * 3, "a dead connection is not used again"
    assert server.connections == 2


async def _silence(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


async def _drip(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int(request.headers["Content-Length"]))
    for byte in b"HTTP/1.1 200 OK\r\n" * 10_000:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0.1)


async def _endless_head(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int(request.headers["Content-Length"]))
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 2_000_000)
    await writer.drain()


async def _no_http(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int(request.headers["Content-Length"]))
    writer.write(b"220 mail.example ESMTP\r\n")


async def _half_a_body(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int(request.headers["Content-Length"]))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")


async def _slow_body(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(int(request.headers["Content-Length"]))
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(10_000):
        writer.write(b" ")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("fault", [_silence, _drip, _endless_head, _no_http, _half_a_body, _slow_body, None])
async def test_no_proper_answer_is_an_unknown_outcome(stow: Make, batch: list[Attempt], fault: object) -> None:
    async with Server(fault) as server, asyncio.timeout(60):  # type: ignore[arg-type]
        (outcome,) = await stow(server.url, timeouts=IMPATIENT).send(batch[:1])  # every phase has a deadline
    assert isinstance(outcome, TryAgain)
    assert "unknown" in outcome.message or "without an answer" in outcome.message


async def test_interim_answers_are_passed_over(stow: Make, batch: list[Attempt]) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    async with Server(interim + stored(batch)) as server:
        assert await stow(server.url).send(batch) == (Sent(),) * 3


async def test_nobody_there(stow: Make, batch: list[Attempt]) -> None:
    (outcome,) = await stow(f"http://localhost:{free_port()}/dicomweb").send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert "onnection refused" in outcome.message or "connect call failed" in outcome.message.lower()


async def test_no_such_host(stow: Make, batch: list[Attempt]) -> None:
    (outcome,) = await stow("http://nobody.invalid/dicomweb").send(batch[:1])
    assert isinstance(outcome, TryAgain)
    assert outcome.message.startswith("http://nobody.invalid: ")
    assert "not known" in outcome.message or "resolution" in outcome.message


async def test_cookies_are_not_kept(stow: Make, batch: list[Attempt]) -> None:
    answer = stored(batch).replace(b"Content-Type", b"Set-Cookie: session=1\r\nContent-Type", 1)
    async with Server(answer) as server:
        client = stow(server.url)
        await client.send(batch)
        await client.send(batch)
    assert all("Cookie" not in request.headers for request in server.requests)


async def test_a_file_that_is_gone_holds_up_nobody(stow: Make, batch: list[Attempt]) -> None:
    batch[1].stored.path.unlink()
    async with Server(stored([batch[0], batch[2]])) as server:
        outcomes = await stow(server.url).send(batch)
    assert [type(outcome) for outcome in outcomes] == [Sent, TryAgain, Sent]
    assert isinstance(outcomes[1], TryAgain)
    assert not outcomes[1].blames_destination
    async with Server(reply(500)) as server:
        (outcome,) = await stow(server.url).send([Attempt(batch[1].stored, 5)])
    assert isinstance(outcome, Refused)
    assert outcome.reason == "SpoolFileUnreadable"
    assert server.requests == []


async def test_a_file_that_becomes_shorter_ends_the_request(stow: Make, tmp_path: Path) -> None:
    """The server never gets a whole body of it."""
    folder = make_study(tmp_path / "large", 2, pixels=8 * 2**20)
    both = attempts(folder)

    async def cut(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        both[1].stored.path.write_bytes(both[1].stored.path.read_bytes()[:1000])
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(int(request.headers["Content-Length"]))

    async with Server(cut, stored(both[:1])) as server:
        outcomes = await stow(server.url).send(both)
    assert [type(outcome) for outcome in outcomes] == [Sent, TryAgain]
    assert read_head(both[0].stored.path).sop_instance_uid in server.requests[1].body.decode("latin-1")


@pytest.mark.parametrize("status", [200, 204, 301, 401, 404, 405, 429, 501])
async def test_probe_any_answer_below_500_is_alive_and_so_is_one_without_options(stow: Make, status: int) -> None:
    async with Server(reply(status)) as server:
        await stow(server.url).probe()
    assert server.requests[0].method == "OPTIONS"


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_probe_in_trouble(stow: Make, status: int) -> None:
    async with Server(reply(status)) as server:
        with pytest.raises(WebError, match=str(status)):
            await stow(server.url).probe()
