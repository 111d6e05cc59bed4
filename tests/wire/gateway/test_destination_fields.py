# SPDX-License-Identifier: Apache-2.0
"""Fields of a Destination that other tests pass over, each against a peer that only a gateway that heeds it satisfies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from dromos_gateway.dimse import command, pdu
from tests.wire.dimse.certificates import authority, issued
from tests.wire.dimse.scripted import Conversation
from tests.wire.gateway.peers import GatewayProcess, Receiver, data_sets, eventually, make_study, storescu
from tests.wire.gateway.test_tls import secret
from tests.wire.stow.scripted import Request, Server, dicom_json, reply
from tests.wire.stow.servers import Nginx, Orthanc
from tests.wire.stow.test_gateway import delivered, stow
from tests.wire.stow.test_gateway import secret as encoded_secret
from tests.wire.survival.test_destination_faults import Peer, echo, misbehaving, next_message

LANES = 3


def config_map(name: str, path: Path) -> str:
    body = "".join(f"    {line}\n" for line in path.read_text().splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  ca.crt: |\n{body}"


def test_dicom_tls_with_a_client_certificate_a_server_name_and_an_authority_from_a_config_map(
    gateway: GatewayProcess, receiver: Callable[..., Receiver], tmp_path: Path
) -> None:
    """storescp wants a certificate of its authority, and has one that is for another name than its address."""
    ca, stranger = authority(tmp_path, "ca"), authority(tmp_path, "stranger")
    server, client = issued(tmp_path, ca, "server", dns="pacs.example"), issued(tmp_path, ca, "client")
    a = receiver("a", "+tls", str(server.key), str(server.certificate), "+cf", str(ca.certificate)).start()
    gateway.write("ca", config_map("ca", ca.certificate))
    other = issued(tmp_path, stranger, "other")
    gateway.write("client", secret("client", tls_crt=other.certificate, tls_key=other.key))
    fields = "caRef: {kind: ConfigMap, name: ca}, certificateSecretRef: {name: client}"
    gateway.destination("a", a.port, dicom=f", tls: {{{fields}, serverName: pacs.example}}")
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("a")["lastError"], "a stranger's certificate is refused")
    assert list(a.folder.iterdir()) == []
    gateway.write("client", secret("client", tls_crt=client.certificate, tls_key=client.key))
    a.has(3)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "with the right one all arrive, without a restart")


def test_stow_over_tls_with_a_client_certificate(gateway: GatewayProcess, tmp_path: Path) -> None:
    """nginx lets in whoever has a certificate of its authority."""
    ca = authority(tmp_path, "ca")
    client = issued(tmp_path, ca, "client")
    orthanc = Orthanc(tmp_path / "orthanc")
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server"), clients=ca)
    try:
        orthanc.start()
        nginx.start()
        encoded_secret(gateway, "ca", ca_crt=ca.certificate.read_bytes())
        stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}}")
        gateway.start()
        study = make_study(tmp_path / "study", 3)
        storescu(gateway.port, study)
        eventually(lambda: "400" in (gateway.queue("archive")["lastError"] or "") or _failed(gateway), "it is refused")
        assert orthanc.uids() == set()
        certificate, key = client.pem
        encoded_secret(gateway, "client", tls_crt=certificate, tls_key=key)
        stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}, certificateSecretRef: {name: client}}")
        gateway.applied()
        for failure in gateway.get("/v1/failures")["failures"]:
            gateway.get(f"/v1/failures/{failure['id']}/retry", method="POST")
        delivered(gateway, "archive", 3)
        assert orthanc.uids() == set(data_sets(study))
    finally:
        nginx.stop()
        orthanc.stop()


def _failed(gateway: GatewayProcess) -> bool:
    return bool(gateway.queue("archive")["failed"] == 3)


def test_so_many_associations_as_concurrency_allows(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The peer answers each association's second instance only when three are open at the same time."""
    here: set[int] = set()
    most: list[int] = []
    all_here = asyncio.Event()

    async def script(conversation: Conversation, peer: Peer) -> None:
        await conversation.accept()
        count = 0
        try:
            while True:
                kind, message = await next_message(conversation)
                if kind == pdu.RELEASE_RQ:
                    conversation.send(pdu.encode_release(pdu.RELEASE_RP))
                    await conversation.reader.read()
                    return
                if message.field == command.C_ECHO_RQ:
                    echo(conversation, message)
                    continue
                count += 1
                here.add(id(conversation))
                most.append(len(here))
                if len(here) == LANES:
                    all_here.set()
                if count == 2:
                    await all_here.wait()
                conversation.answer(message, 0)
        finally:
            here.discard(id(conversation))

    study = make_study(tmp_path / "study", 30)
    with misbehaving(script) as peer:
        gateway.destination("a", peer.port, "suspend: true", dicom=f", concurrency: {LANES}")
        gateway.start()
        storescu(gateway.port, study)
        gateway.destination("a", peer.port, dicom=f", concurrency: {LANES}")
        eventually(lambda: gateway.queue("a")["delivered"] == 30, "three are open at a time")
    assert max(most) == LANES


async def test_so_many_requests_as_concurrency_allows(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The server answers only when three requests are under way at the same time."""
    waiting: list[asyncio.Event] = []
    most: list[int] = []

    async def handle(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers.get("Content-Length", "0")))
        if request.method != "POST":
            writer.write(reply(200, Connection="close"))
            await writer.drain()
            return
        mine = asyncio.Event()
        waiting.append(mine)
        most.append(len(waiting))
        if len(waiting) == LANES:
            for each in waiting:
                each.set()
        await mine.wait()
        waiting.remove(mine)
        found = [str(dcmread(BytesIO(part), stop_before_pixels=True).SOPInstanceUID) for part in request.parts]
        writer.write(reply(200, dicom_json(stored=found), Content_Type="application/dicom+json", Connection="close"))
        await writer.drain()

    def forward(url: str) -> None:
        limit = f"concurrency: {LANES}"
        stow(gateway, "a", url, limit, spec="  suspend: true\n")
        gateway.start()
        storescu(gateway.port, make_study(tmp_path / "study", 150))  # three requests of fifty
        stow(gateway, "a", url, limit)
        eventually(lambda: gateway.queue("a")["delivered"] == 150, "three are under way at a time")

    async with Server(handle) as server:
        await asyncio.to_thread(forward, server.url)
    assert max(most) == LANES


def test_an_expired_wait_is_a_dead_letter_with_the_last_error(gateway: GatewayProcess, tmp_path: Path) -> None:
    """retry.maxAge, without a clock that is turned forward: it becomes shorter once an attempt has failed."""
    gateway.program = "tests.wire.gateway.impatient"
    gateway.destination("a", 1, "retry: {maxAge: 24h}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    eventually(lambda: "refused" in (gateway.queue("a")["lastError"] or ""), "nobody is there")
    gateway.destination("a", 1, "retry: {maxAge: 1s}")
    eventually(lambda: gateway.queue("a")["failed"] == 2, "they are given up", timeout=90)
    for failure in gateway.get("/v1/failures")["failures"]:
        assert failure["reason"] == "MaxAgeExceeded"
        assert "refused" in failure["message"]
