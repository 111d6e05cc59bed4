# SPDX-License-Identifier: Apache-2.0
"""Pixels on their way through a gateway: which encoding results, lossy images, and images that would hurt a worker."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import CTImageStorage

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.identity import lossy_uid
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu
from tests.wire.gateway.test_changes import compressed, native_pixels, syntaxes
from tests.wire.gateway.test_failures import failures
from tests.wire.gateway.test_transfers import KEY, transfers


def uids(folder: Path) -> list[str]:
    return sorted(str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID) for file in folder.iterdir())


def test_what_comes_in_compressed_stays_so_unless_the_destination_says_otherwise(gateway, receiver, tmp_path):
    """RLE does not count as compressed."""
    as_it_came, again = receiver("came", "+xa").start(), receiver("again", "+xa").start()
    gateway.destination("came", as_it_came.port, f"transferSyntax: {{uid: {ts.JPEG_2000_LOSSLESS}}}")
    gateway.destination(
        "again", again.port, f"transferSyntax: {{uid: {ts.JPEG_2000_LOSSLESS}, onlyUncompressed: false}}"
    )
    gateway.start()
    jpeg_ls, rle = compressed(make_study(tmp_path / "study", 3)), tmp_path / "rle"
    rle.mkdir()
    for file in make_study(tmp_path / "other", 2).iterdir():
        subprocess.run(["dcmcrle", file, rle / file.name], check=True)
    storescu(gateway.port, jpeg_ls, "-xt")
    storescu(gateway.port, rle, "-xr")
    as_it_came.has(5)
    again.has(5)
    eventually(lambda: gateway.queue("came")["delivered"] == gateway.queue("again")["delivered"] == 5, "both have all")
    assert syntaxes(again.folder) == {ts.JPEG_2000_LOSSLESS}
    came = data_sets(as_it_came.folder)
    assert data_sets(jpeg_ls).items() <= came.items()
    assert syntaxes(as_it_came.folder) == {ts.JPEG_LS_LOSSLESS, ts.JPEG_2000_LOSSLESS}


@pytest.mark.parametrize(
    ("option", "syntax"), [("+xe", ts.EXPLICIT_VR_LITTLE_ENDIAN), ("+xi", ts.IMPLICIT_VR_LITTLE_ENDIAN)]
)
def test_a_peer_that_does_not_take_the_encoding_wanted_gets_one_that_it_takes(
    gateway, receiver, tmp_path, option, syntax
):
    a = receiver("a", option).start()
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {ts.JPEG_2000_LOSSLESS}}}")
    gateway.start()
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study)
    a.has(5)
    eventually(lambda: gateway.queue("a")["delivered"] == 5, "the ledger knows")
    assert syntaxes(a.folder) == {syntax}
    assert native_pixels(a.folder, tmp_path / "plain") == native_pixels(study, tmp_path / "sent")


def test_lossy_images_have_uids_of_their_own_and_the_transfer_log_knows_them(gateway, receiver, tmp_path):
    a, b = receiver("a", "+xa").start(), receiver("b").start()
    gateway.write("key", KEY)
    gateway.node("transferLog: {key: {secretKeyRef: {name: log, key: key}}}")
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {ts.JPEG_2000}}}")
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    a.has(3)
    b.has(3)
    eventually(lambda: gateway.queue("a")["delivered"] == gateway.queue("b")["delivered"] == 3, "the ledger knows")
    assert uids(b.folder) == uids(study)
    expected = {uid: lossy_uid(uid, "default/a", ts.JPEG_2000) for uid in uids(study)}
    assert uids(a.folder) == sorted(expected.values())
    for file in a.folder.iterdir():
        data = pydicom.dcmread(file)
        assert (data.LossyImageCompression, data.ImageType[0]) == ("01", "DERIVED")
    rows = json.loads(transfers(gateway, "--destination", "a", "--rows", "--format", "json"))
    assert {row["sent"]["SOPInstanceUID"] for row in rows} == set(expected.values())
    assert {row["original"]["SOPInstanceUID"] for row in rows} == set(expected)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("a")["delivered"] == 6, "once more")
    assert set(uids(a.folder)) == set(expected.values()), "the same image gives the same UID"


def bomb(folder: Path, sop_class: str = CTImageStorage) -> Path:
    """A picture of 400 megapixels, black, in 6 MB of RLE."""
    (file,) = make_study(folder, 1, sop_class=sop_class).iterdir()
    data = pydicom.dcmread(file)
    data.Rows = data.Columns = 20000
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    row = b"\x81\0" * (20000 // 128) + struct.pack("bB", 1 - 20000 % 128, 0)
    segment = row * 20000
    data.PixelData = encapsulate([struct.pack("<16L", 1, 64, *[0] * 14) + segment])
    data["PixelData"].VR = "OB"
    data.file_meta.TransferSyntaxUID = ts.RLE_LOSSLESS
    data.save_as(file)
    return folder


def test_an_image_that_needs_too_much_is_a_dead_letter_and_the_others_go_on(gateway, receiver, tmp_path):
    """It costs its worker at most; the gateway's own process is the same one afterwards."""
    a, b = receiver("a", "+xa").start(), receiver("b", "+xa").start()
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {ts.JPEG_2000_LOSSLESS}, onlyUncompressed: false}}")
    gateway.destination("b", b.port)
    gateway.start()
    before = gateway.process.pid
    storescu(gateway.port, bomb(tmp_path / "bomb"), "-xr")
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study)
    b.has(6)
    a.has(5)
    eventually(lambda: gateway.queue("a").get("failed") == 1, "it is a dead letter", timeout=120)
    (failure,) = gateway.get("/v1/failures")["failures"]
    assert failure["reason"] == "ChangeTooLarge"
    assert failure["message"] == "needed more than 512 MiB of memory"
    assert uids(a.folder) == uids(study)
    assert gateway.process.poll() is None
    assert gateway.process.pid == before


def test_streams_that_claim_other_sizes_are_dead_letters(gateway, receiver, tmp_path):
    """The JPEG-LS stream says more rows than the header, the offset table points elsewhere, a fragment is cut off."""
    a = receiver("a", "+xa").start()
    gateway.destination(
        "a", a.port, f"transferSyntax: {{uid: {ts.EXPLICIT_VR_LITTLE_ENDIAN}, onlyUncompressed: false}}"
    )
    gateway.start()
    study = compressed(make_study(tmp_path / "study", 4))
    good, *bad = sorted(study.iterdir())
    for number, file in enumerate(bad):
        data = pydicom.dcmread(file)
        (stream,) = generate_frames(data.PixelData, number_of_frames=1)
        if number == 0:
            data.Rows = data.Rows + 1
        elif number == 1:
            data.PixelData = encapsulate([stream], has_bot=True)[:8] + b"\x20\0\0\0" + encapsulate([stream])[12:]
        else:
            data.PixelData = encapsulate([stream[: len(stream) // 2]])
        data.save_as(file)
    storescu(gateway.port, study, "-xt")
    eventually(lambda: gateway.queue("a").get("failed") == 3, "they are dead letters")
    eventually(lambda: gateway.queue("a").get("delivered") == 1, "the good one went")
    assert {each["reason"] for each in gateway.get("/v1/failures")["failures"]} == {"PixelsUndecodable"}
    (arrived,) = a.folder.iterdir()
    assert pydicom.dcmread(arrived).SOPInstanceUID == pydicom.dcmread(good).SOPInstanceUID
    assert np.frombuffer(pydicom.dcmread(arrived).PixelData, "<u2").size == 4096


SPOILT_LIBRARY = '''
import jpeg_ls

right = jpeg_ls.encode_buffer

def encode_buffer(pixels, *others):
    """One bit of one pixel is lost of images that begin with four marks."""
    if pixels[:4] == b"\\xab\\xab\\xab\\xab":
        pixels = pixels[:4000] + bytes([pixels[4000] ^ 1]) + pixels[4001:]
    return right(pixels, *others)

jpeg_ls.encode_buffer = encode_buffer
'''


def test_an_image_that_a_library_encodes_with_one_bit_wrong_never_leaves(gateway, receiver, tmp_path):
    """The workers find CharLS with a defect in it. The original stays, and goes once the library is mended."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "sitecustomize.py").write_text(SPOILT_LIBRARY)
    a, b = receiver("a", "+xa").start(), receiver("b").start()
    gateway.destination("a", a.port, f"transferSyntax: {{uid: {ts.JPEG_LS_LOSSLESS}}}")
    gateway.destination("b", b.port)
    gateway.environment["PYTHONPATH"] = str(library)
    gateway.start()
    study = make_study(tmp_path / "study", 4)
    bad = study / "00002.dcm"
    data = pydicom.dcmread(bad)
    data.PixelData = b"\xab" * 4 + data.PixelData[4:]
    data.save_as(bad)
    storescu(gateway.port, study)
    a.has(3)
    b.has(4)
    eventually(lambda: gateway.queue("a").get("failed") == 1, "the other is a dead letter")
    (failure,) = gateway.get("/v1/failures")["failures"]
    assert failure["reason"] == "VerificationFailed"
    assert failure["message"] == "JPEG-LS Lossless did not give back what was encoded"
    assert data.SOPInstanceUID not in uids(a.folder)
    assert data.SOPInstanceUID in uids(b.folder)
    assert gateway.terminate() == 0
    del gateway.environment["PYTHONPATH"]
    gateway.start()
    assert failures(gateway, "retry", "--destination", "default/a").returncode == 0
    a.has(4)
    assert native_pixels(a.folder, tmp_path / "plain") == native_pixels(study, tmp_path / "sent")
