# SPDX-License-Identifier: Apache-2.0
"""Conditions between DCMTK on both sides: every encoding, what matches, what does not, what cannot be told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from tests.ports import free_port
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu

# dcmconv writes what pydicom does not; storescu proposes it
ENCODINGS = {
    "implicit": ("+ti", "-xi"),
    "explicit": ("+te", "-xe"),
    "big-endian": ("+tb", "-xb"),
    "deflated": ("+td", "-xd"),
}


def _instance(folder: Path, name: str, **elements: object) -> Dataset:
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.PatientID = "T-1"
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    data.Rows = data.Columns = 32
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 7, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = bytes(1024)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    folder.mkdir(parents=True, exist_ok=True)
    data.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return data


def _encode(folder: Path, option: str) -> None:
    for path in folder.iterdir():
        subprocess.run(["dcmconv", option, path, path.with_suffix(".new")], check=True)
        path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_only_what_matches_is_sent_whatever_its_encoding(gateway, receiver, tmp_path, encoding):
    a, everything = receiver("a", "+xa").start(), receiver("everything", "+xa").start()
    condition = (
        """tagValueContains(#Tag.PatientName, 'Müller') and tagValueBeginsWith('(0008,0008)', 'ORIGINAL\\PRIMARY')"""
        """ && !tagIsPresent(#Tag.StudyDescription)"""
    )
    gateway.destination("a", a.port, f"condition: |-\n  {condition}")
    gateway.destination("everything", everything.port)
    gateway.start()
    folder, primary = tmp_path / "sent", ["ORIGINAL", "PRIMARY", "AXIAL"]
    names = {"ISO_IR 100": "Müller^Käthe", "ISO_IR 192": "Müller^花子", "ISO_IR 101": "Müller^Zsófia"}
    matching = {
        _instance(
            folder, f"yes{number}", SpecificCharacterSet=charset, PatientName=name, ImageType=primary
        ).SOPInstanceUID
        for number, (charset, name) in enumerate(names.items())
    }
    empty = {
        "SpecificCharacterSet": "ISO_IR 100",
        "PatientName": "Müller",
        "ImageType": primary,
        "StudyDescription": "",
    }
    matching.add(_instance(folder, "empty", **empty).SOPInstanceUID)  # there, but empty
    _instance(folder, "described", **empty | {"StudyDescription": "x"})
    _instance(folder, "nobody", ImageType=primary)  # absent
    _instance(folder, "secondary", **empty | {"ImageType": ["ORIGINAL", "SECONDARY"]})
    _instance(folder, "other", **empty | {"PatientName": "Muller"})
    option, propose = ENCODINGS[encoding]
    _encode(folder, option)
    storescu(gateway.port, folder, propose)
    everything.has(8)
    eventually(lambda: gateway.queue("a")["delivered"] == 4, "what matches is delivered")
    eventually(lambda: gateway.queue("a")["excluded"] == 4, "what does not is excluded")
    assert {dcmread(path).SOPInstanceUID for path in a.folder.iterdir()} == matching
    eventually(gateway.is_empty, "nothing is left")


def test_a_condition_that_fails_makes_a_dead_letter_that_can_be_retried(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port, "condition: \"'CT'.substring(3) == '' || true\"")
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    b.has(3)
    eventually(lambda: gateway.queue("a")["failed"] == 3, "they are dead letters")
    failures = gateway.get("/v1/failures")["failures"]
    assert {item["reason"] for item in failures} == {"ConditionFailed"}
    assert "substring goes beyond the text" in failures[0]["message"]
    assert list(a.folder.iterdir()) == []
    gateway.destination("a", a.port, "condition: tagValueIsPresent(#Tag.Modality, 'CT')")
    gateway.applied()
    for item in failures:
        gateway.get(f"/v1/failures/{item['id']}/retry", method="POST")
    a.has(3)
    assert data_sets(a.folder) == data_sets(study)


def test_numbers_are_texts_as_dcm4che_has_them_and_what_cannot_be_read_is_held(gateway, receiver, tmp_path):
    a, everything = receiver("a", "+xa").start(), receiver("everything", "+xa").start()
    gateway.destination("a", a.port, "condition: |-\n  tagValueIsPresent(#Tag.DiffusionBValue, '1000')")
    gateway.destination("named", free_port(), "condition: |-\n  !tagValueContains(#Tag.PatientName, 'test')")
    gateway.destination("everything", everything.port)
    gateway.start()
    folder = tmp_path / "sent"
    wanted = _instance(folder, "wanted", DiffusionBValue=1000.0, PatientName="test").SOPInstanceUID
    _instance(folder, "other", DiffusionBValue=1000.5, PatientName="test")
    damaged = _instance(folder, "damaged", SpecificCharacterSet="ISO_IR 192", PatientName="t-e-s-t").SOPInstanceUID
    path = folder / "damaged.dcm"
    path.write_bytes(path.read_bytes().replace(b"t-e-s-t", b"t\xe9st^ab"[:7]))
    storescu(gateway.port, folder)
    everything.has(3)
    a.has(1)
    assert {dcmread(path).SOPInstanceUID for path in a.folder.iterdir()} == {wanted}
    eventually(lambda: gateway.queue("a")["excluded"] == 2, "the others are excluded")
    eventually(lambda: gateway.queue("named")["failed"] == 1, "it is not known whether it is a test")
    eventually(lambda: gateway.queue("named")["excluded"] == 2, "of the others it is")
    (found,) = gateway.get("/v1/failures")["failures"]
    assert (found["reason"], found["sopInstanceUID"]) == ("ConditionFailed", damaged)
    assert "(0010,0010) is not in the character set" in found["message"]


def test_a_data_set_that_breaks_the_standard_is_held_back_from_conditions_only(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port, "condition: tagIsPresent(#Tag.Modality) || true")
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 1)
    (path,) = study.iterdir()
    content = path.read_bytes()
    head, modality, rest = content.partition(b"\x08\x00\x60\x00CS\x02\x00CT")
    path.write_bytes(head + modality + modality + rest)  # the same element twice; storescu would mend it
    send = [Path(sys.executable).parent / "dromos", "send", study, "--to", f"127.0.0.1:{gateway.port}"]
    subprocess.run([*send, "--called-ae-title", "DROMOS"], check=True, capture_output=True)
    b.has(1)
    eventually(lambda: gateway.queue("a")["failed"] == 1, "it is a dead letter")
    (failure,) = gateway.get("/v1/failures")["failures"]
    assert "(0008,0060) appears twice" in failure["message"]
    assert list(a.folder.iterdir()) == []


def test_what_waits_is_judged_by_the_condition_in_force_when_it_is_sent(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port, "suspend: true\ncondition: tagValueIsPresent(#Tag.Modality, 'CT')")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 4))
    eventually(lambda: gateway.queue("a")["waiting"] == 4, "they wait")
    gateway.destination("a", a.port, "condition: tagValueIsPresent(#Tag.Modality, 'MR')")
    eventually(lambda: gateway.queue("a")["excluded"] == 4, "the new condition excludes them")
    assert list(a.folder.iterdir()) == []
    eventually(gateway.is_empty, "nothing is left")


def test_a_condition_is_asked_again_after_a_restart(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port, "suspend: true\ncondition: tagValueIsPresent(#Tag.Modality, 'CT')")
    gateway.start()
    study = make_study(tmp_path / "study", 4)
    storescu(gateway.port, study)
    gateway.kill()
    gateway.destination("a", a.port, "condition: tagValueIsPresent(#Tag.Modality, 'CT')")
    gateway.start()
    a.has(4)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all are complete")
