# SPDX-License-Identifier: Apache-2.0
"""The requestor against DCMTK's storescp and Orthanc."""

import asyncio
import json
import os
import urllib.request

import pytest

from dromos_gateway.dimse.errors import (
    AssociationAborted,
    AssociationRejected,
    ContextRefused,
    PeerUnreachable,
    UnreadableObject,
)
from dromos_gateway.dimse.requestor import Association, ProposedContext
from dromos_gateway.dimse.uids import VERIFICATION
from tests.wire.dimse import peers
from tests.wire.dimse.peers import (
    CT,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    PRIVATE_CLASS,
    data_set,
    free_port,
    make_image,
    peer,
    program,
    stored_object,
    taking_less_than,
)

CONTEXTS = (ProposedContext(CT, (EXPLICIT,)), ProposedContext(VERIFICATION, (IMPLICIT,)))


def storescp(folder, port, *options):
    folder.mkdir(exist_ok=True)
    return program("storescp", "-od", folder, *options, str(port), port=port)


async def test_what_storescp_receives_is_what_was_sent(tmp_path):
    port = free_port()
    files = [make_image(tmp_path / "in" / f"{n}.dcm", size=20_000, number=n) for n in range(200)]
    async with storescp(tmp_path / "out", port, "+B"):
        association = await Association.open(peer(port), CONTEXTS)
        assert association.accepts(CT, EXPLICIT)
        assert not association.accepts(CT, JPEG)
        assert await association.echo() == 0
        for file in files:
            assert (await association.store(stored_object(file))).status == 0
        await association.release()
        assert not association.is_open
    received = sorted(data_set(path) for path in (tmp_path / "out").iterdir())
    assert received == sorted(map(data_set, files))


async def test_a_receiver_that_leaves_nagle_on_does_not_hold_us_up(tmp_path, monkeypatch):
    monkeypatch.setattr(peers, "ENVIRONMENT", {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"})
    port = free_port()
    files = [make_image(tmp_path / "in" / f"{n}.dcm", size=20_000, number=n) for n in range(500)]
    async with storescp(tmp_path / "out", port):
        association = await Association.open(peer(port), CONTEXTS)
        with taking_less_than(15):  # 22 s with delayed acknowledgements
            for file in files:
                assert (await association.store(stored_object(file))).status == 0
        await association.release()


@pytest.mark.parametrize("pdu", [4096, 28672, 131072])
async def test_a_large_object_goes_in_pdus_of_the_peers_size(tmp_path, pdu):
    port = free_port()
    file = make_image(tmp_path / "large.dcm", size=30_000_001 // 2 * 2)
    async with storescp(tmp_path / "out", port, "+B", "--max-pdu", str(pdu)):
        association = await Association.open(peer(port), CONTEXTS)
        assert (await association.store(stored_object(file))).status == 0
        await association.release()
    assert [data_set(path) for path in (tmp_path / "out").iterdir()] == [data_set(file)]


async def test_private_classes_and_many_syntaxes_have_a_context_each(tmp_path):
    port = free_port()
    config = tmp_path / "storescp.cfg"
    config.write_text(
        "[[TransferSyntaxes]]\n[Some]\nTransferSyntax1 = 1.2.840.10008.1.2.1\n"
        f"[[PresentationContexts]]\n[Some]\nPresentationContext1 = {PRIVATE_CLASS}\\Some\n"
        f"PresentationContext2 = {CT}\\Some\n[[Profiles]]\n[Default]\nPresentationContexts = Some\n"
    )
    file = make_image(tmp_path / "private.dcm", sop_class=PRIVATE_CLASS)
    async with storescp(tmp_path / "out", port, "-xf", config, "Default"):
        proposed = [ProposedContext(uid, (EXPLICIT, IMPLICIT, JPEG)) for uid in (CT, PRIVATE_CLASS, "1.2.3.4")]
        association = await Association.open(peer(port), proposed)
        accepted = [
            (uid, syntax)
            for uid in (CT, PRIVATE_CLASS, "1.2.3.4")
            for syntax in (EXPLICIT, IMPLICIT, JPEG)
            if association.accepts(uid, syntax)
        ]
        assert accepted == [(CT, EXPLICIT), (PRIVATE_CLASS, EXPLICIT)]
        assert (await association.store(stored_object(file))).status == 0
        other = make_image(tmp_path / "other.dcm", syntax=IMPLICIT)
        with pytest.raises(ContextRefused, match="no presentation context"):
            await association.store(stored_object(other))
        with pytest.raises(ContextRefused, match="verification"):
            await association.echo()
        assert association.is_open
        await association.release()


async def test_a_rejection_is_told_in_the_peers_words(tmp_path):
    port = free_port()
    async with storescp(tmp_path, port, "--refuse"):
        with pytest.raises(AssociationRejected, match="rejected the association") as raised:
            await Association.open(peer(port), CONTEXTS)
    assert (raised.value.result, raised.value.source, raised.value.reason) == (1, 1, 1)
    assert not raised.value.transient


@pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
async def test_an_abort_is_told_as_such(tmp_path, option):
    port = free_port()
    file = make_image(tmp_path / "a.dcm", size=5_000_000)
    async with storescp(tmp_path / "out", port, option):
        association = await Association.open(peer(port), CONTEXTS)
        with pytest.raises((AssociationAborted, PeerUnreachable)):
            await association.store(stored_object(file))
        assert not association.is_open
        with pytest.raises((AssociationAborted, PeerUnreachable)):
            await association.store(stored_object(file))
        await association.release()


async def test_files_that_cannot_be_read_cost_no_association(tmp_path):
    port = free_port()
    good = stored_object(make_image(tmp_path / "good.dcm"))
    gone = stored_object(make_image(tmp_path / "gone.dcm"))
    gone.path.unlink()
    empty = stored_object(make_image(tmp_path / "empty.dcm"))
    os.truncate(empty.path, empty.data_set_offset)
    async with storescp(tmp_path / "out", port):
        association = await Association.open(peer(port), CONTEXTS)
        with pytest.raises(UnreadableObject, match="No such file"):
            await association.store(gone)
        with pytest.raises(UnreadableObject, match="no data set"):
            await association.store(empty)
        assert (await association.store(good)).status == 0
        await association.release()


async def test_nobody_there() -> None:
    with pytest.raises(PeerUnreachable, match="Connection refused"):
        await Association.open(peer(free_port()), CONTEXTS)


async def test_orthanc_stores_what_we_send(tmp_path):
    port, http = free_port(), free_port()
    config = tmp_path / "orthanc.json"
    config.write_text(
        json.dumps(
            {
                "DicomPort": port,
                "HttpPort": http,
                "StorageDirectory": str(tmp_path / "storage"),
                "IndexDirectory": str(tmp_path / "storage"),
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomAlwaysAllowStore": True,
                "DicomCheckCalledAet": False,
                "Plugins": [],
            }
        )
    )
    files = [make_image(tmp_path / "in" / f"{n}.dcm", size=20_000, number=n) for n in range(30)]
    async with program("Orthanc", config, port=port, cwd=tmp_path):
        association = await Association.open(peer(port), CONTEXTS)
        assert await association.echo() == 0
        for file in files:
            assert (await association.store(stored_object(file))).status == 0
        await association.release()
        received = await asyncio.to_thread(_instances, f"http://127.0.0.1:{http}/instances")
    assert len(received) == 30
    for position, content in enumerate(received):
        (tmp_path / f"received-{position}").write_bytes(content)
    stored = sorted(data_set(tmp_path / f"received-{position}") for position in range(30))
    assert stored == sorted(map(data_set, files))


def _instances(address):
    with urllib.request.urlopen(address) as answer:
        names = json.load(answer)
    contents = []
    for name in names:
        with urllib.request.urlopen(f"{address}/{name}/file") as answer:
            contents.append(answer.read())
    return contents
