# SPDX-License-Identifier: Apache-2.0
"""How often a gateway asks a server that answers badly; and what it shows of its secrets to one that repeats them."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.wire.gateway.peers import GatewayProcess, eventually, make_study, storescu
from tests.wire.stow.scripted import Request, Server, dicom_json, reply
from tests.wire.stow.test_gateway import secret, stow

Respond = Callable[[Request], bytes]


def answering(respond: Respond, times: list[float]) -> Server:
    """A server that remembers when it was asked to store."""

    async def handle(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers.get("Content-Length", "0")))
        if request.method == "POST":
            times.append(time.monotonic())
        writer.write(respond(request))
        await writer.drain()

    return Server(handle)


def in_study(folder: Path) -> list[str]:
    return [str(dcmread(path).SOPInstanceUID) for path in folder.iterdir()]


async def _delivered(gateway: GatewayProcess, count: int) -> None:
    await asyncio.to_thread(
        eventually, lambda: gateway.queue("archive").get("delivered") == count, f"{count} delivered"
    )


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured_by_the_whole_destination(
    gateway: GatewayProcess, tmp_path: Path, status: int
) -> None:
    study = make_study(tmp_path / "study", 120)
    times: list[float] = []
    whole = dicom_json(stored=in_study(study))

    def respond(request: Request) -> bytes:
        if request.method != "POST":
            return reply(200)
        return (
            reply(status, Retry_After="3")
            if len(times) == 1
            else reply(200, whole, Content_Type="application/dicom+json")
        )

    async with answering(respond, times) as server:
        stow(gateway, "archive", server.url, "concurrency: 1")
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(storescu, gateway.port, study)
        await _delivered(gateway, 120)
    assert times[1] - times[0] >= 3.0, "nobody asks in between"


async def test_a_retry_by_hand_waits_for_no_pause(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The server takes no such media type at first, then wants to be left alone for an hour."""
    first, second = make_study(tmp_path / "first", 1), make_study(tmp_path / "second", 1)
    answers = {"now": reply(415)}

    def respond(request: Request) -> bytes:
        return answers["now"] if request.method == "POST" else reply(200)

    def shown(name: str, count: int) -> None:
        eventually(lambda: gateway.queue("archive").get(name) == count, f"{count} {name}")

    async with answering(respond, []) as server:
        stow(gateway, "archive", server.url)
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(storescu, gateway.port, first)
        await asyncio.to_thread(shown, "failed", 1)
        answers["now"] = reply(503, Retry_After="3600")
        await asyncio.to_thread(storescu, gateway.port, second)
        await asyncio.to_thread(
            eventually, lambda: "HTTP 503" in (gateway.queue("archive")["lastError"] or ""), "it wants an hour"
        )
        answers["now"] = reply(
            200, dicom_json(stored=in_study(first) + in_study(second)), Content_Type="application/dicom+json"
        )
        (letter,) = (await asyncio.to_thread(gateway.get, "/v1/failures"))["failures"]
        await asyncio.to_thread(gateway.get, f"/v1/failures/{letter['id']}/retry", method="POST")
        await _delivered(gateway, 2)


@pytest.mark.parametrize("status", [401, 200])
async def test_who_refuses_us_is_asked_at_the_breakers_pace(
    gateway: GatewayProcess, tmp_path: Path, status: int
) -> None:
    times: list[float] = []

    def respond(request: Request) -> bytes:
        return reply(status, "<html>no</html>") if request.method == "POST" else reply(200)

    async with answering(respond, times) as server:
        stow(gateway, "archive", server.url)
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(storescu, gateway.port, make_study(tmp_path / "study", 40))
        await asyncio.sleep(7)
        assert gateway.queue("archive")["waiting"] == 40
        await asyncio.to_thread(
            eventually, lambda: f"HTTP {status}" in (gateway.queue("archive")["lastError"] or ""), "it says why"
        )
        await asyncio.to_thread(eventually, lambda: len(times) > 1, "asked again")
    early = [at for at in times if at < times[0] + 7]
    assert len(early) <= 8, "after 2 s, after 4 s more: each time a request of each lane"


async def test_what_is_not_begun_when_the_rules_change_goes_by_the_new_ones(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    study = make_study(tmp_path / "study", 120)
    whole, go_on, begun = dicom_json(stored=in_study(study)), asyncio.Event(), asyncio.Event()
    instances: list[int] = []

    async def handle(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if request.method == "POST":
            body = await reader.readexactly(int(request.headers["Content-Length"]))
            instances.append(body.count(b"Content-Type: application/dicom"))
            begun.set()
            await go_on.wait()
        writer.write(reply(200, whole, Content_Type="application/dicom+json"))
        await writer.drain()

    async with Server(handle) as server:
        stow(gateway, "archive", server.url, "concurrency: 1")
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(storescu, gateway.port, study)
        await asyncio.wait_for(begun.wait(), 60)
        condition = "tagValueIsPresent(#Tag.Modality, 'MR')"
        stow(gateway, "archive", server.url, "concurrency: 1", spec=f'  condition: "{condition}"\n')
        await asyncio.to_thread(
            eventually,
            lambda: gateway.queue("archive").get("excluded") == 120 - instances[0],
            "all the others are decided anew",
        )
        go_on.set()
        await _delivered(gateway, instances[0])
    assert len(instances) == 1, "nothing is begun by the old rules"


async def test_an_evil_server_repeats_our_secrets(gateway: GatewayProcess, tmp_path: Path) -> None:
    """It puts them into its reason, its headers and its body. Nothing of it is in logs, metrics, status or spool."""
    planted = {
        "username": "planted-user", "password": "planted-password", "key": "planted-header", "bearer": "planted-bearer",
        "client_id": "planted-id", "client_secret": "planted-secret", "d": "planted-destination", "s": "planted-source",
    }  # fmt: skip
    repeated: list[str] = []

    def respond(request: Request) -> bytes:
        said = " ".join(f"{name}={value}" for name, value in request.headers.items()) + request.body.decode("latin-1")
        repeated.append(said)
        text = "".join(character for character in said if 32 <= ord(character) < 127)[:3000]
        body = f'{{"error": "{text}", "error_description": "{text}"}}'
        head = f"HTTP/1.1 {400 if 'token' in request.target else 404} {text}\r\nX-Echo: {text}\r\nLocation: http://x/{text}"
        return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()

    async with answering(respond, []) as server:
        secret(gateway, "s", **planted)
        headers = "headers: [{name: X-Key, valueFrom: {secretKeyRef: {name: s, key: key}}}]"
        token = "{secretKeyRef: {name: s, key: %s}}"
        album = f"kheopsAlbums: [{{url: {server.url}, destinationToken: {token % 'd'}, sourceToken: {token % 's'}}}]"
        oauth2 = f"{{oauth2: {{tokenURL: {server.url}/token, secretRef: {{name: s}}}}}}"
        for name, auth in (
            ("basic", "{basic: {secretRef: {name: s}}}"),
            ("bearer", "{bearer: {secretKeyRef: {name: s, key: bearer}}}"),
            ("oauth2", oauth2),
        ):
            stow(gateway, name, server.url, headers, f"auth: {auth}", album)
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(storescu, gateway.port, make_study(tmp_path / "study", 3))
        for name in ("basic", "bearer", "oauth2"):
            await asyncio.to_thread(eventually, lambda name=name: gateway.queue(name).get("lastError"), "an error")
        await asyncio.sleep(1)
        paths = ("/metrics", "/v1/status", "/v1/configuration", "/v1/failures")
        shown = [gateway.log(), *[str(await asyncio.to_thread(gateway.get, path)) for path in paths]]
    everything = "".join(repeated)
    login = base64.b64encode(b"planted-user:planted-password").decode()
    client = base64.b64encode(b"planted-id:planted-secret").decode()
    assert all(text in everything for text in (login, client, "planted-header", "planted-bearer")), "they were sent"
    for text in ("planted", login, client):
        assert not any(text in each for each in shown)
        files = [path for path in gateway.spool.rglob("*") if path.is_file()]
        assert not any(text.encode() in path.read_bytes() for path in files)
