# SPDX-License-Identifier: Apache-2.0
"""Destinations that use a Project: what goes out is changed, and what cannot be changed does not go out."""

from __future__ import annotations

from pathlib import Path

import pydicom

from dromos_gateway.deid.hashing import hashed_uid, patient_id
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu

KEY = "0057a0100603c50ee130eb36435aff6d"
PROJECT = """\
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {name: study-a}
spec:
  pseudonyms: {secretKeyRef: {name: ids, key: pseudonyms.csv}}
  profile:
    name: basic
    version: "1"
    masks: [{stationName: "*", color: "000000", rectangles: ["0 0 64 8"]}]
    profileElements:
    - {name: text, codename: clean.pixel.data}
    - {name: dates, codename: action.on.dates, option: shift, arguments: {days: 10, seconds: 0}, tags: ["00080020"]}
    - {name: base, codename: basic.dicom.profile}
---
apiVersion: v1
kind: Secret
metadata: {name: study-a-key}
stringData: {active: k1, k1: THE-KEY}
""".replace("THE-KEY", KEY)
STORED = "deidentification: {projectRef: {name: study-a}, pseudonym: {stored: {}}}"


def pseudonyms(*rows: str) -> str:
    lines = "".join(f"    {row}\n" for row in ("PatientID,IssuerOfPatientID,Pseudonym", *rows))
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: ids}}\nstringData:\n  pseudonyms.csv: |\n{lines}"


def received(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


def test_a_deidentifying_destination_gets_pseudonyms_and_the_other_one_the_original(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 10)
    storescu(gateway.port, study)
    a.has(10)
    b.has(10)
    eventually(lambda: gateway.queue("a")["delivered"] == 10, "the ledger knows")
    key = bytes.fromhex(KEY)
    sent = {hashed_uid(key, each.SOPInstanceUID): each for each in received(study)}
    for each in received(a.folder):
        original = sent.pop(each.SOPInstanceUID)
        assert (each.PatientName, each.PatientID) == ("P-0001", patient_id(key, "P-0001"))
        assert each.PatientIdentityRemoved == "YES"
        assert each.StudyInstanceUID == hashed_uid(key, original.StudyInstanceUID)
        assert each.PixelData == original.PixelData
    assert not sent
    assert all(
        b"Test^Nobody" not in file.read_bytes() and b"T-1 " not in file.read_bytes() for file in a.folder.iterdir()
    )
    assert data_sets(b.folder) == data_sets(study)
    eventually(gateway.is_empty, "nothing is left in the spool")


def test_a_missing_pseudonym_holds_the_instance_until_it_arrives(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("SOMEBODY-ELSE,,P-0002"))
    gateway.destination("a", a.port, STORED)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    eventually(lambda: gateway.queue("a")["lastError"], "it says why")
    queue = gateway.queue("a")
    assert (queue["waiting"], queue["failed"], queue["delivered"]) == (3, 0, 0)
    assert "pseudonym" in queue["lastError"]
    assert "T-1" not in gateway.log()
    gateway.write("ids", pseudonyms("SOMEBODY-ELSE,,P-0002", "T-1,,P-0001"))
    a.has(3)
    assert {str(each.PatientName) for each in received(a.folder)} == {"P-0001"}


def test_masks_are_drawn_and_the_rest_of_the_image_stays(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    for file in study.iterdir():
        data = pydicom.dcmread(file)
        data.BurnedInAnnotation = "YES"
        data.save_as(file)
    storescu(gateway.port, study)
    a.has(2)
    before = {hashed_uid(bytes.fromhex(KEY), each.SOPInstanceUID): each.PixelData for each in received(study)}
    masked = 8 * 64 * 2  # rows x columns x bytes
    for each in received(a.folder):
        assert each.PixelData[:masked] == bytes(masked)
        assert each.PixelData[masked:] == before[each.SOPInstanceUID][masked:]
        assert before[each.SOPInstanceUID][:masked] != bytes(masked)


def test_a_project_without_a_key_holds_its_destination_and_no_other(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.write("project", PROJECT.split("---")[0])
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.destination("b", b.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    b.has(2)
    state = {item["name"]: item for item in gateway.get("/v1/configuration")["destinations"]}
    assert state["a"]["reason"] == "SecretNotFound"
    assert "openssl rand -hex 16" in state["a"]["message"]
    assert not list(a.folder.iterdir())
    gateway.write("project", PROJECT)
    a.has(2)


def test_tag_morphing_changes_what_the_profile_says_and_keeps_the_patient(gateway, receiver, tmp_path):
    a = receiver("a").start()
    project = PROJECT.replace("    - {name: text, codename: clean.pixel.data}\n", "").replace(
        "    - {name: base, codename: basic.dicom.profile}\n",
        '    - {name: site, codename: expression.on.tags, arguments: {expr: "Replace(\'Site A\')"}, tags: ["00081030"]}\n',
    )
    gateway.write("project", project)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, "tagMorphing: {projectRef: {name: study-a}}")
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    for file in study.iterdir():
        data = pydicom.dcmread(file)
        data.StudyDescription = "Head"
        data.save_as(file)
    storescu(gateway.port, study)
    a.has(2)
    for each in received(a.folder):
        assert (str(each.PatientName), each.PatientID, each.StudyDescription) == ("Test^Nobody", "T-1", "Site A")


def test_the_same_bytes_after_a_kill_and_no_file_for_them(gateway, receiver, tmp_path):
    """Header and mask travel as patches of the original, and are made again when it comes to it."""
    a, b = receiver("a"), receiver("b").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.destination("b", b.port, STORED)
    gateway.start()
    study = make_study(tmp_path / "study", 6)
    for number, file in enumerate(sorted(study.iterdir())):
        image = pydicom.dcmread(file)
        image.BurnedInAnnotation = ("YES", "NO")[number % 2]
        image.save_as(file)
    storescu(gateway.port, study)
    b.has(6)
    eventually(lambda: gateway.queue("a")["lastError"], "it was tried")
    assert not list((gateway.spool / "prepared").iterdir())
    gateway.kill()
    gateway.start()
    a.start().has(6)
    assert data_sets(a.folder) == data_sets(b.folder)
    assert len({len(content) for content in data_sets(a.folder).values()}) > 1
    eventually(gateway.is_empty, "nothing is left in the spool")
