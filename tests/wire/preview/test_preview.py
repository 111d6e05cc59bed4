# SPDX-License-Identifier: Apache-2.0
"""`dromos preview` as people run it: verdict, changes with their rules, and the file as it would be sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from tests.wire.gateway.peers import make_study
from tests.wire.gateway.test_pixels import bomb

KEY = "a16056593f1baefec6cd93207e5743a4"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
NODE = """\
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: radiology}
spec: {aeTitle: RADIOLOGY}
"""
PROJECT = """\
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {name: study-a}
spec:
  pseudonyms: {secretKeyRef: {name: ids, key: pseudonyms.csv}}
  profile:
    name: study-a
    version: "1"
    profileElements:
      - {name: site stays, codename: action.on.specific.tags, action: K, tags: ["(0008,0080)"]}
      - {name: all the rest, codename: basic.dicom.profile}
      - {name: text in pixels, codename: clean.pixel.data}
    masks:
      - {stationName: "*", color: "000000", rectangles: ["0 0 64 8"]}
"""
SECRETS = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: study-a-key}}
stringData: {{active: k1, k1: {KEY}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: ids}}
stringData:
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    T-1,,PSN-0001
"""


def destination(name: str, spec: str = "") -> str:
    head = f"apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {{name: {name}}}\nspec:\n"
    lines = f"  forwardNodeRef: {{name: radiology}}\n  dicom: {{aeTitle: A, hostname: a.example, port: 104}}\n{spec}"
    return head + lines


RESEARCH = "  deidentification: {projectRef: {name: study-a}, pseudonym: {stored: {}}}\n"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    destinations = [
        destination("archive"),
        destination("research", RESEARCH),
        destination("mr", "  condition: tagValueIsPresent(#Tag.Modality, 'MR')\n"),
        destination("tagged", RESEARCH.replace("{stored: {}}", "{tag: {tag: '(0012,0040)'}}")),
        destination("compressed", RESEARCH + "  transferSyntax: {uid: 1.2.840.10008.1.2.4.80}\n"),
    ]
    (folder / "all.yaml").write_text("---\n".join([NODE, PROJECT, SECRETS, *destinations]))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (made,) = make_study(tmp_path / "study", 1).iterdir()
    data = pydicom.dcmread(made)
    data.InstitutionName = "Hospital"
    data.StudyDescription = "Angio of \x1b[31mMr. Nobody"
    data.StudyDate = "20260102"
    item = Dataset()
    item.RequestedProcedureID = "R-17"
    data.RequestAttributesSequence = [item]
    data.save_as(made)
    return made


def preview(*words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dromos_gateway.cli", "preview", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def one(*words: str | Path, code: int = 0) -> dict[str, Any]:
    (shown,) = json.loads(preview(*words, "--format", "json", code=code).stdout)
    assert isinstance(shown, dict)
    return shown


def test_each_change_and_its_rule(manifests: Path, file: Path, tmp_path: Path) -> None:
    shown = one(manifests, "--destination", "research", "--out", tmp_path / "out.dcm", file)
    assert (shown["verdict"], shown["destination"]) == ("Sent", "default/research")
    changes = {change["path"][-1]: change for change in shown["changes"]}
    study = changes["(0020,000D)"]
    out = pydicom.dcmread(tmp_path / "out.dcm")
    assert (study["keyword"], study["vr"], study["action"], study["rule"]) == (
        "StudyInstanceUID",
        "UI",
        "U",
        "all the rest",
    )
    assert study["before"] == pydicom.dcmread(file).StudyInstanceUID
    assert study["after"] == out.StudyInstanceUID != study["before"]
    digest = hmac.digest(bytes.fromhex(KEY), b"PSN-0001", hashlib.sha256)
    assert out.PatientID == f"{int.from_bytes(digest[:16], 'big'):X}"
    assert str(out.PatientName) == "PSN-0001"
    assert out.InstitutionName == "Hospital"
    assert b"Nobody" not in (tmp_path / "out.dcm").read_bytes()
    assert changes["(0008,1030)"]["after"] is None


def test_the_file_is_the_same_each_time(manifests: Path, file: Path, tmp_path: Path) -> None:
    for name in "ab":
        one(manifests, "--destination", "compressed", "--out", tmp_path / name, file)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    out = pydicom.dcmread(tmp_path / "a")
    assert out.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.80"
    assert out.pixel_array.shape == pydicom.dcmread(file).pixel_array.shape


def test_a_table_for_people_that_moves_no_cursor(manifests: Path, file: Path) -> None:
    done = preview(manifests, file, "--destination", "research")
    assert done.stdout.startswith(f"{file} → default/research: Sent\n")
    assert "\x1b" not in done.stdout
    assert any(line.split()[:2] == ["(0020,000D)", "StudyInstanceUID"] for line in done.stdout.splitlines())
    assert "Angio of ·[31mMr. Nobody" in done.stdout


def test_nothing_is_changed_where_nothing_is_asked_for(manifests: Path, file: Path, tmp_path: Path) -> None:
    shown = one(manifests, "--destination", "archive", "--out", tmp_path / "out.dcm", file)
    assert (shown["verdict"], shown["changes"]) == ("Sent", [])
    assert (tmp_path / "out.dcm").read_bytes() == file.read_bytes()


def test_what_would_not_be_sent(manifests: Path, file: Path, tmp_path: Path) -> None:
    excluded = one(manifests, "--destination", "mr", "--out", tmp_path / "out.dcm", file, code=1)
    assert (excluded["verdict"], excluded["message"]) == ("Excluded", "the condition is not met")
    held = one(manifests, "--destination", "tagged", "--out", tmp_path / "out.dcm", file, code=1)
    assert (held["verdict"], held["reason"]) == ("Held", "PseudonymNotFound")
    (manifests / "all.yaml").write_text((manifests / "all.yaml").read_text().replace("T-1,,", "T-2,,"))
    assert one(manifests, "--destination", "research", file, code=1)["reason"] == "PseudonymNotFound"
    (manifests / "all.yaml").write_text((manifests / "all.yaml").read_text().replace("study-a-key", "other"))
    held = one(manifests, "--destination", "research", file, code=1)
    assert (held["reason"], "openssl rand" in held["message"]) == ("SecretNotFound", True)
    assert not (tmp_path / "out.dcm").exists()


def test_masks_are_shown_as_a_picture(manifests: Path, tmp_path: Path) -> None:
    (made,) = make_study(tmp_path / "us", 1, sop_class=ULTRASOUND).iterdir()
    shown = one(manifests, "--destination", "research", "--out", tmp_path / "out.dcm", made)
    assert shown["mask"] == {"rectangles": ["0 0 64 8"]}
    assert pydicom.dcmread(tmp_path / "out.dcm").pixel_array[:8].max() == 0
    with Image.open(shown["png"]) as picture:
        assert picture.width == 64 + 8 + 64, "before and after"
        before, after = picture.crop((1, 1, 63, 7)), picture.crop((72, 0, 136, 8))
        assert max(after.tobytes()) < max(before.tobytes())


def test_why_there_is_no_picture_is_said(manifests: Path, tmp_path: Path) -> None:
    """The profile adds what the original lacks, so what is sent is an image; the original, to be shown beside it, is not."""
    (made,) = make_study(tmp_path / "us", 1, sop_class=ULTRASOUND).iterdir()
    data = pydicom.dcmread(made)
    del data.PhotometricInterpretation
    data.save_as(made)
    rule = "{name: grey, codename: action.add.tag, arguments: {value: MONOCHROME2, vr: CS}, tags: ['(0028,0004)']}"
    written = (manifests / "all.yaml").read_text()
    (manifests / "all.yaml").write_text(
        written.replace("    profileElements:\n", f"    profileElements:\n      - {rule}\n")
    )
    shown = one(manifests, "--destination", "research", "--out", tmp_path / "out.dcm", made)
    assert shown["verdict"] == "Sent"
    assert shown["png"] is None
    assert "no picture: SamplesPerPixel 1 with PhotometricInterpretation absent" in shown["notes"]
    assert pydicom.dcmread(tmp_path / "out.dcm").pixel_array[:8].max() == 0


def test_an_image_that_needs_too_much_is_held_with_the_gateways_limits(manifests: Path, tmp_path: Path) -> None:
    """A preview decodes in a worker, too: what would be a dead letter is shown as one, and nothing else suffers."""
    (large,) = bomb(tmp_path / "bomb", ULTRASOUND).iterdir()
    shown = one(manifests, "--destination", "research", "--out", tmp_path / "out.dcm", large, code=1)
    assert (shown["verdict"], shown["reason"]) == ("Held", "ChangeTooLarge")
    assert shown["message"] == "needed more than 512 MiB of memory"
    assert not (tmp_path / "out.dcm").exists()
    (made,) = make_study(tmp_path / "small", 1, sop_class=ULTRASOUND).iterdir()
    small = made.rename(made.with_name("small.dcm"))
    done = preview(manifests, "--destination", "research", "--out", tmp_path / "both", large, small, code=1)
    assert (done.stdout.count(": Held"), done.stdout.count(": Sent")) == (1, 1)


def test_a_folder_is_no_dicom_file_and_is_named(manifests: Path, file: Path, tmp_path: Path) -> None:
    done = preview(manifests, "--destination", "research", file.parent, code=2)
    assert f"{file.parent}: this is a folder; name the DICOM files in it" in done.stderr
    done = preview(manifests, tmp_path, "--destination", "research", code=2)
    assert f"a folder is taken for manifests: {manifests}, {tmp_path}" in done.stderr


def test_several_files_go_into_a_folder(manifests: Path, tmp_path: Path) -> None:
    files = sorted(make_study(tmp_path / "many", 3).iterdir())
    done = preview(manifests, "--destination", "research", "--out", tmp_path / "out", *files)
    assert done.stdout.count(": Sent") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [file.name for file in files]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{manifests}", "--destination", "nowhere", "{file}"], "there are: default/archive"),
        (["{manifests}", "--destination", "archive", "{manifests}/all.yaml"], "not a DICOM file"),
        (["{manifests}", "--destination", "archive", "{file}x"], "No such file"),
        (["{manifests}", "--destination", "archive"], "at least one DICOM file"),
        (["--destination", "archive", "{file}"], "name a manifest"),
    ],
)
def test_wrong_usage_is_said(manifests: Path, file: Path, words: list[str], said: str) -> None:
    done = preview(*(word.format(manifests=manifests, file=file) for word in words), code=2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
