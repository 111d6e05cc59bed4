# SPDX-License-Identifier: Apache-2.0
"""What a profile says of whole instances, on the way through a gateway: excluded, uncleanable, sent again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pydicom

from dromos_gateway.deid.hashing import hashed_uid
from tests.wire.gateway.peers import eventually, free_port, make_study, storescu
from tests.wire.gateway.test_failures import failures
from tests.wire.gateway.test_projects import KEY, PROJECT, STORED, pseudonyms
from tests.wire.gateway.test_transfers import KEY as LOG_KEY
from tests.wire.gateway.test_transfers import transfers

PEER = Path(__file__).resolve().parents[3] / "hack/test-peers/grudging.py"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
SCOUT = """\
    - name: no scouts
      codename: expression.on.tags
      arguments: {expr: "stringValue == 'Scout' ? ExcludeInstance() : null"}
      tags: ["0008103E"]
"""


def edited(folder: Path, **elements: str) -> Path:
    for path in folder.iterdir():
        data = pydicom.dcmread(path)
        for keyword, value in elements.items():
            setattr(data, keyword, value)
            if keyword == "SOPClassUID":
                data.file_meta.MediaStorageSOPClassUID = value
        data.save_as(path)
    return folder


def test_what_a_rule_excludes_is_recorded_and_the_rest_goes(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("project", PROJECT.replace("    - {name: dates,", f"{SCOUT}    - {{name: dates,"))
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.start()
    storescu(gateway.port, edited(make_study(tmp_path / "scouts", 2), SeriesDescription="Scout"))
    storescu(gateway.port, edited(make_study(tmp_path / "slices", 3), SeriesDescription="Thorax"))
    a.has(3)
    eventually(gateway.is_empty, "nothing is left in the spool")
    rows = json.loads(transfers(gateway, "--rows", "--verdict", "Excluded", "--format", "json"))
    assert [row["reason"] for row in rows] == ["Instance excluded by profile: no scouts"] * 2, rows
    assert len(list(a.folder.iterdir())) == 3


def test_a_report_is_held_excluded_or_sent_as_the_project_says(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.write("project", PROJECT)
    gateway.write("ids", pseudonyms("T-1,,P-0001"))
    gateway.destination("a", a.port, STORED)
    gateway.start()
    storescu(gateway.port, edited(make_study(tmp_path / "study", 2, sop_class=REPORT), Modality="SR"))
    eventually(lambda: gateway.queue("a")["failed"] == 2, "they are held")
    held = gateway.get("/v1/failures")["failures"]
    assert {each["reason"] for each in held} == {"Uncleanable"}
    assert "structured report" in held[0]["message"]
    gateway.write("project", PROJECT.replace("spec:\n", "spec:\n  uncleanable: Exclude\n"))
    gateway.applied()
    assert failures(gateway, "retry", "--destination", "default/a").returncode == 0
    eventually(gateway.is_empty, "what was held is excluded once the project says so")
    rows = json.loads(transfers(gateway, "--rows", "--format", "json"))
    assert {(row["verdict"], row["reason"]) for row in rows} == {("Excluded", "uncleanable: a structured report")}
    assert list(a.folder.iterdir()) == []
    gateway.write("project", PROJECT.replace("spec:\n", "spec:\n  uncleanable: Allow\n"))
    gateway.applied()
    storescu(gateway.port, edited(make_study(tmp_path / "more", 1, sop_class=REPORT), Modality="SR"))
    a.has(1)


def test_every_attempt_has_the_same_bytes_and_the_log_has_the_previews_digest(gateway, tmp_path):
    port, attempts = free_port(), tmp_path / "attempts"
    attempts.mkdir()
    peer = subprocess.Popen([sys.executable, str(PEER), str(port), str(attempts), "2"], stderr=subprocess.DEVNULL)
    try:
        gateway.write("key", LOG_KEY)
        gateway.write("project", PROJECT)
        gateway.write("ids", pseudonyms("T-1,,P-0001"))
        gateway.node("transferLog: {key: {secretKeyRef: {name: log, key: key}}}")
        gateway.destination("a", port, STORED)
        gateway.start()
        study = make_study(tmp_path / "study", 2)
        storescu(gateway.port, study)
        eventually(lambda: list(attempts.iterdir()), "it was tried")
        gateway.kill()  # what is tried next is made by other processes
        gateway.start()
        eventually(lambda: gateway.queue("a")["delivered"] == 2, "the peer has them", 120.0)
    finally:
        peer.kill()
        peer.wait()
    for path in study.iterdir():
        uid = hashed_uid(bytes.fromhex(KEY), pydicom.dcmread(path).SOPInstanceUID)
        tried = sorted(attempts.glob(f"{uid}.*"))
        assert len(tried) >= 3
        assert len({each.read_bytes() for each in tried}) == 1
    rows = json.loads(transfers(gateway, "--rows", "--format", "json"))
    command = [
        Path(sys.executable).parent / "dromos", "preview", gateway.manifests, "--destination", "a",
        "--format", "json", *sorted(study.iterdir()),
    ]  # fmt: skip
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    digests = {each["digest"] for each in (shown if isinstance(shown, list) else shown["instances"])}
    assert digests == {row["changes"] for row in rows}
    assert all(len(digest) == 64 for digest in digests)
