# SPDX-License-Identifier: Apache-2.0
"""Instances that change on their way: what a destination asked for, what a peer left no choice about."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless

from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu

JPEG_LS = "1.2.840.10008.1.2.4.80"


def syntaxes(folder: Path) -> set[str]:
    return {
        str(pydicom.dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID) for file in folder.iterdir()
    }


def native_pixels(folder: Path, scratch: Path) -> dict[str, bytes]:
    """Pixel Data by SOP Instance UID, decoded by DCMTK where it is compressed."""
    scratch.mkdir(exist_ok=True)
    result = {}
    for file in folder.iterdir():
        plain = scratch / file.name
        subprocess.run(["dcmdjpls", str(file), str(plain)], check=True)
        data = pydicom.dcmread(plain)
        result[data.SOPInstanceUID] = data.PixelData
    return result


def compressed(study: Path) -> Path:
    """The study in JPEG-LS, made by DCMTK."""
    target = study.parent / f"{study.name}-jls"
    target.mkdir()
    for file in study.iterdir():
        subprocess.run(["dcmcjpls", str(file), str(target / file.name)], check=True)
    return target


def test_a_destination_gets_the_transfer_syntax_it_asks_for_and_the_others_the_original(gateway, receiver, tmp_path):
    a, b = receiver("a", "+xa").start(), receiver("b").start()
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {JPEG_LS}}}")
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 20)
    storescu(gateway.port, study)
    a.has(20)
    b.has(20)
    eventually(lambda: gateway.queue("a")["delivered"] == gateway.queue("b")["delivered"] == 20, "the ledger knows")
    assert syntaxes(a.folder) == {JPEGLSLossless}
    assert native_pixels(a.folder, tmp_path / "plain") == native_pixels(study, tmp_path / "sent")
    assert data_sets(b.folder) == data_sets(study)
    eventually(gateway.is_empty, "nothing is left in the spool")


@pytest.mark.parametrize(("option", "syntax"), [("+xe", ExplicitVRLittleEndian), ("+xi", ImplicitVRLittleEndian)])
def test_a_peer_that_refuses_the_transfer_syntax_gets_one_that_it_takes(gateway, receiver, tmp_path, option, syntax):
    a, all_takes = receiver("a", option).start(), receiver("b", "+xa").start()
    gateway.destination("a", a.port)
    gateway.destination("b", all_takes.port)
    gateway.start()
    study = make_study(tmp_path / "study", 10)
    storescu(gateway.port, compressed(study), "-xt")
    a.has(10)
    all_takes.has(10)
    eventually(lambda: gateway.queue("a")["delivered"] == 10, "the ledger knows")
    assert syntaxes(a.folder) == {syntax}
    assert native_pixels(a.folder, tmp_path / "plain") == native_pixels(study, tmp_path / "sent")
    assert data_sets(all_takes.folder) == data_sets(tmp_path / "study-jls")
    eventually(gateway.is_empty, "nothing is left in the spool")


def test_pixels_that_cannot_be_coded_are_a_dead_letter_and_never_go_out_as_they_are(gateway, receiver, tmp_path):
    a, b = receiver("a", "+xa").start(), receiver("b").start()
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {JPEG_LS}}}")
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    for file in study.iterdir():
        data = pydicom.dcmread(file)
        data.PixelData = data.PixelData[:-4096]  # it says more rows than there are
        data.save_as(file)
    storescu(gateway.port, study)
    b.has(2)
    eventually(lambda: gateway.queue("a").get("failed") == 2, "they are dead letters")
    assert not list(a.folder.iterdir())
    assert {each["reason"] for each in gateway.get("/v1/failures")["failures"]} == {"PixelsUndecodable"}


def test_a_change_survives_a_kill_and_gives_the_same_bytes(gateway, receiver, tmp_path):
    a = receiver("a", "+xa")
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {JPEG_LS}}}")
    gateway.start()
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("a")["lastError"], "it was tried")
    prepared = gateway.spool / "prepared"
    before = {file.name: file.read_bytes() for file in prepared.iterdir()}
    assert before
    gateway.kill()
    gateway.start()
    a.start().has(5)
    received = data_sets(a.folder)
    for content in before.values():
        (tmp_path / "one").mkdir(exist_ok=True)
        (tmp_path / "one" / "x.dcm").write_bytes(content)
        assert data_sets(tmp_path / "one").items() <= received.items()
