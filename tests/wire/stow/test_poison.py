# SPDX-License-Identifier: Apache-2.0
"""Instances that a STOW-RS server dies of, or says it cannot process: told from a server that is down."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.wire.gateway.peers import GatewayProcess, eventually, storescu
from tests.wire.gateway.test_poison import mixed_study, until_given_up
from tests.wire.stow.scripted import Request, Server, dicom_json, reply
from tests.wire.stow.test_gateway import stow

POISON, GOOD = 3, 20
PROCESSING_FAILURE = 0x0110
LAST = {"Connection": "close"}  # the handler serves one request, and nobody may hope for a second


def dies(request: Request) -> bytes:
    """It knows patients, not requests: whatever has a poisonous instance in it gets a 500 and nothing is stored."""
    found = [dcmread(BytesIO(part), stop_before_pixels=True) for part in request.parts]
    if any(data.PatientID == "POISON" for data in found):
        return reply(500, "java.lang.NullPointerException", **LAST)
    return reply(
        200, dicom_json(stored=[data.SOPInstanceUID for data in found]), Content_Type="application/dicom+json", **LAST
    )


def says_so(request: Request) -> bytes:
    """It stores the others, and says of each poisonous one that it could not be processed."""
    found = [dcmread(BytesIO(part), stop_before_pixels=True) for part in request.parts]
    stored = [data.SOPInstanceUID for data in found if data.PatientID != "POISON"]
    failed = {data.SOPInstanceUID: PROCESSING_FAILURE for data in found if data.PatientID == "POISON"}
    body = dicom_json(stored=stored, failed=failed)
    return reply(202 if stored else 409, body, Content_Type="application/dicom+json", **LAST)


@pytest.mark.parametrize(
    ("respond", "words"), [(dies, "HTTP 500 Internal Server Error"), (says_so, "failure reason 0110")]
)
async def test_a_server_that_fails_on_some_instances_gets_the_others(
    gateway: GatewayProcess, tmp_path: Path, respond: object, words: str
) -> None:
    async def handle(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers.get("Content-Length", "0")))
        writer.write(respond(request) if request.method == "POST" else reply(200, **LAST))  # type: ignore[operator]
        await writer.drain()

    async with Server(handle) as server:
        failures = await asyncio.to_thread(_forward, gateway, server.url, tmp_path)
    assert all(words in failure["message"] for failure in failures)
    assert all("others were delivered in between" in failure["message"] for failure in failures)


def _forward(gateway: GatewayProcess, url: str, folder: Path) -> list[dict[str, str]]:
    gateway.program = "tests.wire.gateway.impatient"
    stow(gateway, "a", url, spec="  suspend: true\n")
    gateway.start()
    for part in mixed_study(folder / "study", POISON, GOOD):
        storescu(gateway.port, part)
    stow(gateway, "a", url)
    eventually(lambda: gateway.queue("a")["delivered"] == GOOD, f"the others arrive; {gateway.queue('a')}")
    return until_given_up(gateway, folder, GOOD, POISON)
