# SPDX-License-Identifier: Apache-2.0
"""DICOM TLS in and out, with certificates of OpenSSL and DCMTK as the other side."""

import asyncio
import ssl
import subprocess
from dataclasses import replace

import pytest

from dromos_gateway.dimse.acceptor import AcceptorLimits
from dromos_gateway.dimse.errors import DimseError, PeerUnreachable
from dromos_gateway.dimse.requestor import Association, ProposedContext
from dromos_gateway.dimse.tls import ClientAuthentication, InvalidTlsMaterial, client_context, server_context
from tests.wire.dimse.certificates import authority, issued
from tests.wire.dimse.peers import (
    CT,
    EXPLICIT,
    Memory,
    all_ended,
    data_set,
    free_port,
    listening,
    make_image,
    peer,
    program,
    run,
    stalled,
    stored_object,
    taking_less_than,
    until,
)

CONTEXTS = (ProposedContext(CT, (EXPLICIT,)),)
QUICK = AcceptorLimits(handshake_timeout=1.0, request_timeout=1.0)


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pki")
    ca, other = authority(folder, "ca"), authority(folder, "other-ca")
    return {
        "ca": ca,
        "server": issued(folder, ca, "server"),
        "client": issued(folder, ca, "client"),
        "stranger": issued(folder, other, "stranger"),
        "elsewhere": issued(folder, ca, "elsewhere", dns="elsewhere.example"),
        "expired": issued(folder, ca, "expired", days=-1),
    }


def server(pki, which="server", authentication=ClientAuthentication.Nothing):
    certificate, key = pki[which].pem
    ca = pki["ca"].certificate.read_bytes()
    return server_context(certificate=certificate, key=key, client_ca=ca, client_authentication=authentication)


def client(pki, which=None):
    ca = pki["ca"].certificate.read_bytes()
    if which is None:
        return client_context(ca=ca)
    certificate, key = pki[which].pem
    return client_context(ca=ca, certificate=certificate, key=key)


async def test_ours_to_ours(pki, tmp_path):
    files = [make_image(tmp_path / f"{n}.dcm", size=2_000_000, number=n) for n in range(5)]
    memory = Memory()
    async with listening(memory, ssl=server(pki)) as acceptor:
        association = await Association.open(peer(acceptor.port, ssl=client(pki)), CONTEXTS)
        for file in files:
            assert (await association.store(stored_object(file))).status == 0
        await association.release()
    assert sorted(memory.contents.values()) == sorted(map(data_set, files))


@pytest.mark.parametrize("authentication", list(ClientAuthentication))
async def test_storescu_with_its_certificate_to_us(pki, tmp_path, authentication):
    files = [make_image(tmp_path / f"{n}.dcm", size=100_000, number=n) for n in range(20)]
    memory = Memory()
    async with listening(memory, ssl=server(pki, authentication=authentication)) as acceptor:
        tls = ("+tls", pki["client"].key, pki["client"].certificate, "+cf", pki["ca"].certificate)
        code, output = await run("storescu", "-v", *tls, "127.0.0.1", str(acceptor.port), *files)
    assert code == 0, output
    assert sorted(memory.contents.values()) == sorted(map(data_set, files))


async def test_ours_to_storescp(pki, tmp_path):
    port = free_port()
    file = make_image(tmp_path / "a.dcm", size=10_000_000)
    (tmp_path / "out").mkdir()
    tls = ("+tls", pki["server"].key, pki["server"].certificate, "+cf", pki["ca"].certificate)
    async with program("storescp", "+B", "-od", tmp_path / "out", *tls, str(port), port=port):
        association = await Association.open(peer(port, ssl=client(pki, "client")), CONTEXTS)
        for _ in range(3):
            assert (await association.store(stored_object(file))).status == 0
        await association.release()
    assert [data_set(path) for path in (tmp_path / "out").iterdir()] == [data_set(file)]


@pytest.mark.parametrize("who", [None, "stranger", "expired"])
async def test_without_a_good_client_certificate_there_is_no_association(pki, who, tmp_path):
    memory = Memory()
    ssl_server = server(pki, authentication=ClientAuthentication.Require)
    async with listening(memory, QUICK, ssl=ssl_server) as acceptor:
        with pytest.raises(PeerUnreachable):
            await Association.open(peer(acceptor.port, ssl=client(pki, who)), CONTEXTS)
        association = await Association.open(peer(acceptor.port, ssl=client(pki, "client")), CONTEXTS)
        await association.release()
    assert len(memory.requests) == 1


@pytest.mark.parametrize(("who", "welcome"), [(None, True), ("client", True), ("stranger", False)])
async def test_requested_means_that_one_that_is_shown_must_be_good(pki, who, welcome):
    ssl_server = server(pki, authentication=ClientAuthentication.Request)
    async with listening(Memory(), QUICK, ssl=ssl_server) as acceptor:
        if welcome:
            association = await Association.open(peer(acceptor.port, ssl=client(pki, who)), CONTEXTS)
            await association.release()
        else:
            with pytest.raises(PeerUnreachable):
                await Association.open(peer(acceptor.port, ssl=client(pki, who)), CONTEXTS)


@pytest.mark.parametrize(
    ("which", "words"),
    [("stranger", "unable to get local issuer"), ("expired", "expired"), ("elsewhere", "not valid for '127.0.0.1'")],
)
async def test_a_server_that_cannot_prove_who_it_is_gets_nothing(pki, which, words):
    memory = Memory()
    async with listening(memory, ssl=server(pki, which)) as acceptor:
        with pytest.raises(PeerUnreachable, match="no TLS connection") as raised:
            await Association.open(peer(acceptor.port, ssl=client(pki)), CONTEXTS)
    assert words in str(raised.value)
    assert memory.requests == []


async def test_the_server_name_may_be_another_than_the_host(pki):
    async with listening(Memory(), ssl=server(pki, "elsewhere")) as acceptor:
        called = replace(peer(acceptor.port, ssl=client(pki)), server_name="elsewhere.example")
        association = await Association.open(called, CONTEXTS)
        await association.release()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_versions_are_refused(pki, version):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = old.maximum_version = version
    async with listening(Memory(), ssl=server(pki)) as acceptor:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", acceptor.port, ssl=old)


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES128-GCM-SHA256"])
async def test_ciphers_without_forward_secrecy_or_authenticated_encryption_are_refused(pki, cipher):
    weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    weak.check_hostname, weak.verify_mode = False, ssl.CERT_NONE
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers(cipher)
    async with listening(Memory(), ssl=server(pki)) as acceptor:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", acceptor.port, ssl=weak)


HELLO = b"\x16\x03\x01"  # as much of it as comes


@pytest.mark.parametrize("said", [b"", HELLO])
async def test_a_hundred_handshakes_that_never_come_delay_nobody(pki, tmp_path, said):
    file = make_image(tmp_path / "a.dcm")
    async with listening(Memory(), ssl=server(pki)) as acceptor, stalled(acceptor, 99, said):
        await until(lambda: acceptor.connections == 99)
        association = await Association.open(peer(acceptor.port, ssl=client(pki)), CONTEXTS)
        assert (await association.store(stored_object(file))).status == 0
        await association.release()
        assert acceptor.connections >= 99, "nobody waited for their end"


@pytest.mark.parametrize("said", [b"", HELLO])
async def test_handshakes_that_never_come_end(pki, said):
    async with listening(Memory(), QUICK, ssl=server(pki)) as acceptor, stalled(acceptor, 99, said) as readers:
        await all_ended(readers)
        await until(lambda: acceptor.connections == 0)


async def test_plain_dicom_to_a_tls_port_and_tls_to_a_plain_port_fail_in_time(pki):
    async with listening(Memory(), QUICK, ssl=server(pki)) as acceptor:
        with taking_less_than(15), pytest.raises(DimseError):
            await Association.open(peer(acceptor.port, associate=3), CONTEXTS)
    async with listening(Memory(), QUICK) as acceptor:
        with taking_less_than(15), pytest.raises(PeerUnreachable, match=r"no TLS connection|reset|lost"):
            await Association.open(peer(acceptor.port, ssl=client(pki)), CONTEXTS)


async def test_a_server_that_never_answers_the_handshake_is_given_up(pki):
    async def silent(reader, writer):
        await reader.read()

    plain = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = plain.sockets[0].getsockname()[1]
    with taking_less_than(15), pytest.raises(DimseError):
        await Association.open(peer(port, ssl=client(pki), connect=0.5), CONTEXTS)
    plain.close()


def test_material_that_cannot_be_used_is_named_and_never_shown(pki):
    certificate, key = pki["server"].pem
    _, other_key = pki["client"].pem
    for arguments, words in [
        ({"certificate": certificate, "key": other_key}, "do not belong together"),
        ({"certificate": b"rubbish", "key": key}, "not both readable"),
        ({"certificate": certificate, "key": b""}, "not both readable"),
        ({"certificate": certificate, "key": key, "client_authentication": ClientAuthentication.Require}, "no CA"),
    ]:
        with pytest.raises(InvalidTlsMaterial, match=words) as raised:
            server_context(**arguments)
        assert "PRIVATE KEY" not in str(raised.value)
    with pytest.raises(InvalidTlsMaterial, match="CA is not"):
        client_context(ca=b"rubbish")
    with pytest.raises(InvalidTlsMaterial, match="needs its key"):
        client_context(certificate=certificate)


def test_a_key_with_a_password_is_an_error_and_no_question(pki, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "rsa", "-aes128", "-passout", "pass:secret", "-in", pki["server"].key, "-out", locked],
        check=True,
        capture_output=True,
    )
    with pytest.raises(InvalidTlsMaterial, match="not both readable"):
        server_context(certificate=pki["server"].pem[0], key=locked.read_bytes())
