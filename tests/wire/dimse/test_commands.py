# SPDX-License-Identifier: Apache-2.0
"""`dromos send` and `dromos echo` as a user runs them."""

import asyncio
import os
import pty
import re
import sys

import pytest

from dromos_gateway.dimse.policy import Rejection, StoreStatus
from tests.wire.dimse.certificates import authority, issued
from tests.wire.dimse.peers import (
    EXPLICIT,
    IMPLICIT,
    Memory,
    data_set,
    free_port,
    listening,
    make_image,
    program,
    run,
)
from tests.wire.dimse.test_tls import server


async def dromos(*arguments):
    return await run(sys.executable, "-m", "dromos_gateway.cli", *map(str, arguments))


async def test_files_and_folders_are_sent_and_counted(tmp_path):
    files = [make_image(tmp_path / "study" / str(n % 3) / f"{n}.dcm", number=n) for n in range(30)]
    single = make_image(tmp_path / "single", number=99)
    (tmp_path / "study" / "notes.txt").write_text("not an image")
    os.mkfifo(tmp_path / "study" / "fifo")
    make_image(tmp_path / "study" / "DICOMDIR", sop_class="1.2.840.10008.1.3.10", number=1000)
    memory = Memory()
    async with listening(memory) as acceptor:
        to = f"127.0.0.1:{acceptor.port}"
        options = ("--called-ae-title", "NODE", "--calling-ae-title", "CT7")
        code, output = await dromos("send", tmp_path / "study", single, "--to", to, *options)
    assert code == 0, output
    size = sum(file.stat().st_size for file in [*files, single])
    assert f"NODE at {to} stored 31 of 31 instances, {size / 1000:.1f} kB, in " in output
    assert "2 file(s) left out" in output
    assert sorted(memory.contents.values()) == sorted(map(data_set, [*files, single]))
    assert (memory.requests[0].called_ae_title, memory.requests[0].calling_ae_title) == ("NODE", "CT7")
    assert len(memory.requests) == 1


async def test_a_terminal_gets_a_bar(tmp_path):
    make_image(tmp_path / "a.dcm", size=100_000)
    async with listening(Memory()) as acceptor:
        terminal, other_end = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dromos_gateway.cli", "send", tmp_path, "--to", f"127.0.0.1:{acceptor.port}",
            stdout=other_end, stderr=other_end, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        )  # fmt: skip
        assert await process.wait() == 0
        os.close(other_end)
        shown = os.read(terminal, 65536).decode()
        os.close(terminal)
    assert "1 of 1 instances" in shown
    assert re.search(r"stored 1 of 1 instances", shown)


async def test_what_the_peer_refuses_is_told_in_its_words_and_the_exit_code_is_1(tmp_path):
    file = make_image(tmp_path / "a.dcm")
    async with listening(Memory(status=StoreStatus(0xA700, "the spool is full"))) as acceptor:
        code, output = await dromos("send", file, "--to", f"127.0.0.1:{acceptor.port}")
    assert code == 1
    assert f"{file}: A700 out of resources: the spool is full" in output
    assert "stored 0 of 1 instances" in output
    async with listening(Memory(admission=Rejection(1, 1, 7))) as acceptor:
        code, output = await dromos("send", file, "--to", f"127.0.0.1:{acceptor.port}")
    assert code == 1
    assert "called AE title not recognized" in output
    assert "1 not sent" in output


async def test_warnings_are_stored_and_counted(tmp_path):
    file = make_image(tmp_path / "a.dcm")
    async with listening(Memory(status=StoreStatus(0xB000))) as acceptor:
        code, output = await dromos("send", file, "--to", f"127.0.0.1:{acceptor.port}")
    assert code == 0
    assert "1 with warnings" in output


async def test_an_instance_nobody_wants_in_its_syntax_does_not_stop_the_others(tmp_path):
    port = free_port()
    good = [make_image(tmp_path / "in" / f"{n}.dcm", syntax=(EXPLICIT, IMPLICIT)[n % 2], number=n) for n in range(6)]
    bad = make_image(tmp_path / "in" / "jpeg.dcm", syntax=EXPLICIT, number=50)
    bad.write_bytes(bad.read_bytes().replace(EXPLICIT.encode() + b"\x00", b"1.2.840.10008.1.2.9\x00"[:20], 1))
    (tmp_path / "out").mkdir()
    async with program("storescp", "-od", tmp_path / "out", "+B", str(port), port=port):
        code, output = await dromos("send", tmp_path / "in", "--to", f"127.0.0.1:{port}")
    assert code == 1
    assert "jpeg.dcm" in output
    assert f"stored {len(good)} of {len(good) + 1} instances" in output


async def test_an_association_that_breaks_is_opened_anew_but_not_for_ever(tmp_path):
    files = [make_image(tmp_path / f"{n}.dcm", size=200_000, number=n) for n in range(10)]
    port = free_port()
    (tmp_path / "out").mkdir()
    async with program("storescp", "-od", tmp_path / "out", "--abort-during", str(port), port=port):
        code, output = await dromos("send", *files, "--to", f"127.0.0.1:{port}")
    assert code == 1
    assert "stored 0 of 10 instances" in output
    assert "7 not sent" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("README.md", "--to", "127.0.0.1:1"), "no DICM prefix"),
        (("/does/not/exist", "--to", "127.0.0.1:1"), "/does/not/exist: No such file or directory"),
        (("{empty}", "--to", "127.0.0.1:1"), "no DICOM file to send"),
        (("README.md",), "--to"),
        (("README.md", "--to", "nowhere"), "is not HOST:PORT"),
        (("README.md", "--to", "::1:104"), "IPv6"),
        (("README.md", "--to", "a:99999"), "is not HOST:PORT"),
        (("README.md", "--to", "a:1", "--called-ae-title", "SEVENTEEN_LETTERS"), "not an AE title"),
        (("README.md", "--to", "a:1", "--tls-ca", "x"), "need --tls"),
        (("README.md", "--to", "a:1", "--tls", "--tls-ca", "/does/not/exist"), "No such file"),
        (("README.md", "--to", "a:1", "--tls", "--tls-ca", "README.md"), "CA is not"),
        (("README.md", "--to", "a:1", "--timeout", "0"), "--timeout"),
    ],
)
async def test_wrong_usage_is_exit_code_2_and_said(tmp_path, arguments, words):
    code, output = await dromos("send", *(each.replace("{empty}", str(tmp_path)) for each in arguments))
    assert code == 2, output
    assert words in output


async def test_echo_of_a_node() -> None:
    async with listening(Memory()) as acceptor:
        code, output = await dromos("echo", f"127.0.0.1:{acceptor.port}", "--called-ae-title", "PACS")
        assert code == 0, output
        assert re.search(r"PACS at 127\.0\.0\.1:\d+ answered in \d+ ms", output)
    code, output = await dromos("echo", f"127.0.0.1:{free_port()}")
    assert code == 1
    assert "Connection refused" in output


def manifests(port, tls=""):
    return f"""
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {{name: radiology}}
spec: {{aeTitle: RADIOLOGY}}
---
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {{name: pacs}}
spec:
  forwardNodeRef: {{name: radiology}}
  dicom:
    aeTitle: PACS
    hostname: 127.0.0.1
    port: {port}
    {tls}
---
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {{name: masked}}
spec:
  forwardNodeRef: {{name: radiology}}
  dicom: {{aeTitle: PACS, hostname: 127.0.0.1, port: {port}, useDestinationAETitle: true}}
"""


async def test_echo_of_a_destination_calls_as_its_gateway_would(tmp_path):
    memory = Memory()
    async with listening(memory) as acceptor:
        (tmp_path / "all.yaml").write_text(manifests(acceptor.port))
        for name in ("pacs", "default/pacs", "masked"):
            code, output = await dromos("echo", tmp_path, "--destination", name)
            assert code == 0, output
    titles = [(each.called_ae_title, each.calling_ae_title) for each in memory.requests]
    assert titles == [("PACS", "RADIOLOGY"), ("PACS", "RADIOLOGY"), ("PACS", "PACS")]


async def test_echo_of_a_destination_with_tls_uses_its_authority(tmp_path):
    ca = authority(tmp_path, "ca")
    pki = {"ca": ca, "server": issued(tmp_path, ca, "server")}
    folder = tmp_path / "manifests"
    folder.mkdir()
    async with listening(Memory(), ssl=server(pki)) as acceptor:
        tls = "tls: {caRef: {kind: ConfigMap, name: trust}}"
        (folder / "all.yaml").write_text(manifests(acceptor.port, tls))
        code, output = await dromos("echo", folder, "--destination", "pacs")
        assert code == 2
        assert "trust" in output
        pem = "".join(f"    {line}\n" for line in ca.certificate.read_text().splitlines())
        (folder / "ca.yaml").write_text(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: trust}}\ndata:\n  ca.crt: |\n{pem}"
        )
        code, output = await dromos("echo", folder, "--destination", "pacs")
        assert code == 0, output
        options = ("--tls", "--tls-ca", ca.certificate)
        code, output = await dromos("echo", f"127.0.0.1:{acceptor.port}", *options)
        assert code == 0, output


async def test_echo_of_a_destination_that_is_not_there_names_those_that_are(tmp_path):
    (tmp_path / "all.yaml").write_text(manifests(104))
    code, output = await dromos("echo", tmp_path, "--destination", "archive")
    assert code == 2
    assert "there is no Destination archive" in output
    assert "pacs, masked" in output
    code, output = await dromos("echo", tmp_path)
    assert code == 2
    assert "--destination" in output
