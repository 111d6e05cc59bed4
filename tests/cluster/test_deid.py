# SPDX-License-Identifier: Apache-2.0
"""The de-identification examples at work: one gateway serves them in turn, an image of each arrives as the example says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from datetime import date

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.cluster.conftest import RESTRICTED, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.peers import DATA, ORTHANC_PORT, Peers, listening, orthanc, pod_of, sender, served
from tests.cluster.studies import has_meta, study, unpacked

SERVICE, CLIENT_SECRET = "pseudonyms", "the-real-one"
# answers whom the authorization server beside it trusts, and passes on what that one is asked for
_ANSWERS = """
import http.server, json, urllib.error, urllib.request
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer(*self.ask("/token", self.rfile.read(int(self.headers["Content-Length"]))))
    def do_GET(self):
        status, _ = self.ask("/verify", None)
        patient = self.path.rpartition("/")[2]
        self.answer(200 if status == 204 else status, json.dumps({"pseudonyms": [{"value": "API-" + patient}]}).encode())
    def ask(self, path, body):
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
        request = urllib.request.Request("http://127.0.0.1:8080" + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as found:
                return found.status, found.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
"""


def _service() -> list[Manifest]:
    """Pseudonyms for whoever has a token."""
    pod = pod_of(["python3", "-c", _ANSWERS], [], {})
    variables = {"CLIENT_SECRET": CLIENT_SECRET, "HOST": "127.0.0.1", "PORT": "8080", "SCOPE": "pseudonyms"}
    beside = {
        **pod["containers"][0],
        "name": "oauth2",
        "command": ["node", "/opt/oidc/server.js"],
        "env": [{"name": name, "value": value} for name, value in variables.items()],
        "readinessProbe": listening(8080),
    }
    pod["containers"].append(beside)
    return served(SERVICE, pod, port=8000, target=8000)


@pytest.fixture(scope="module")
def imaging(cluster: Kubectl, installed: Kubectl) -> Iterator[Peers]:
    """A namespace with all that the examples name."""
    kubectl = make_namespace(cluster, "dromos-test-deid", RESTRICTED)
    kubectl.apply(sender(), *orthanc("research"), *orthanc("archive"), *_service())
    kubectl.wait_rollout("deployment/research", "deployment/archive", f"deployment/{SERVICE}")
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=120s", timeout=130)
    found = Peers(kubectl)
    for name in ("research", "archive"):
        found.wait_answering(name, ORTHANC_PORT)
    yield found
    drop_namespace(cluster, kubectl.namespace)


def _apply(peers: Peers, example: str, destination: str) -> None:
    peers.kubectl.run("apply", "--filename", ROOT / "examples" / example)
    _wait(peers, destination)


def _wait(peers: Peers, destination: str) -> None:
    for condition in ("Programmed", "Ready"):
        peers.kubectl.wait_condition("destination", destination, condition, within=120)
    peers.wait_answering("radiology", 104, "RADIOLOGY")


def _image(number: int) -> Dataset:
    (file,) = study(number, 1).values()
    data = dcmread(io.BytesIO(file))
    data.ClinicalTrialSubjectID = f"SITE01-PSN{number}"
    data.PatientBirthDate, data.PatientAge, data.StationName = "19600601", "001Y", "CT-WARD-7"
    data.StudyDescription, data.InstitutionalDepartmentName = "CT thorax of Quackenbush", "Radiol. 2nd floor"
    data.InstitutionName, data.ImageComments = "General Hospital", "XQZMARK a joke"
    data.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", "1.5")
    data.private_block(0x0009, "XQZMARK ACME", create=True).add_new(0x01, "LO", "XQZMARK")
    return data


def _sent(peers: Peers, number: int) -> Dataset:
    data = _image(number)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    peers.load(f"study-{number}", {str(data.SOPInstanceUID): buffer.getvalue()})
    sent = peers.send(f"study-{number}", to="radiology", called="RADIOLOGY")
    assert (sent.code, len(sent.acknowledged)) == (0, 1), sent.log
    return data


def _held(peers: Peers, name: str) -> dict[str, tuple[Dataset, bytes]]:
    """What an archive has, by Instance Number and patient."""
    archive = peers.kubectl.bytes_of(peers.pod(name), "sh", "-c", f"tar -cC {DATA} . 2>/dev/null || true")
    found = {}
    for file in unpacked(archive):
        if has_meta(file):
            data = dcmread(io.BytesIO(file))
            if "PixelData" in data:
                found[str(data.PatientName)] = data, file
    return found


def _arrives(peers: Peers, name: str, patient: str) -> tuple[Dataset, bytes]:
    found = eventually(
        lambda: _held(peers, name), lambda held: patient in held, within=120, what=f"{patient} at {name}"
    )
    return found[patient]


def _mac(peers: Peers, project: str, text: str) -> bytes:
    """HMAC-SHA256 with the key that the operator made."""
    secret = (peers.kubectl.get("secret", f"{project}-key") or {})["data"]
    active = base64.b64decode(secret["active"]).decode()
    key = bytes.fromhex(base64.b64decode(secret[active]).decode().replace("-", ""))
    return hmac.new(key, text.encode(), hashlib.sha256).digest()[:16]


def _check(peers: Peers, project: str, before: Dataset, after: Dataset, file: bytes, pseudonym: str) -> int:
    """What all of them have in common; by how many days dates moved."""
    assert after.PatientID == f"{int.from_bytes(_mac(peers, project, pseudonym), 'big'):X}"
    uid = bytearray(_mac(peers, project, before.SOPInstanceUID))
    uid[6], uid[8] = uid[6] & 0x0F | 0x40, uid[8] & 0x3F | 0x80
    assert after.SOPInstanceUID == f"2.25.{int.from_bytes(uid, 'big')}"
    assert (after.PatientIdentityRemoved, after.ClinicalTrialSubjectID) == ("YES", pseudonym)
    assert after.PixelData == before.PixelData
    for word in (b"XQZMARK", b"E2E-", b"Quackenbush", b"General Hospital", b"Test^Cluster"):
        assert word not in file
    old, new = (date(int(text[:4]), int(text[4:6]), int(text[6:])) for text in (before.StudyDate, str(after.StudyDate)))
    return (old - new).days


def test_basic(imaging: Peers) -> None:
    _apply(imaging, "deid-basic", "research")
    before = _sent(imaging, 501)
    after, file = _arrives(imaging, "research", "SITE01-PSN501")
    assert 30 <= _check(imaging, "research", before, after, file, "SITE01-PSN501") < 365
    assert (after.StationName, after.PatientAge) == ("CT-WARD-7", "065Y")
    assert after.StudyDescription == "CT thorax of"
    assert (after[0x70530010].value, after[0x70531000].value) == ("Philips PET Private Group", 1.5)
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


def test_pseudonym_in_a_tag(imaging: Peers) -> None:
    _apply(imaging, "deid-pseudonym-tag", "research")
    before = _sent(imaging, 502)
    after, file = _arrives(imaging, "research", "PSN502")
    assert 1 <= _check(imaging, "study-a", before, after, file, "PSN502") <= 100
    assert "StationName" not in after or after.StationName != "CT-WARD-7"


def test_pseudonym_from_a_service(imaging: Peers) -> None:
    """The example's manifests, with a service and an authorization server of this cluster in place of example.com's."""
    kubectl = imaging.kubectl
    kubectl.run("apply", "--filename", ROOT / "examples/deid-pseudonym-api")
    login = {"stringData": {"client_id": "dromos", "client_secret": CLIENT_SECRET}}
    kubectl.run("patch", "secret", "pseudonym-service", "--patch", json.dumps(login))
    project = kubectl.get("project", "study-a")
    destination = kubectl.get("destination", "research")
    assert project is not None
    assert destination is not None
    (config,) = project["spec"]["authConfigs"]
    config["oauth2"]["tokenURL"] = f"http://{SERVICE}:8000/token"
    kubectl.patch_spec("project", "study-a", authConfigs=[config])
    deidentification = destination["spec"]["deidentification"]
    api = deidentification["pseudonym"]["api"]
    api["url"] = api["url"].replace("https://pseudonyms.example", f"http://{SERVICE}:8000")
    kubectl.patch_spec("destination", "research", deidentification=deidentification)
    _wait(imaging, "research")
    before = _sent(imaging, 503)
    after, file = _arrives(imaging, "research", "API-E2E-503")
    for word in (b"XQZMARK", b"Quackenbush", b"General Hospital", b"Test^Cluster"):
        assert word not in file
    pseudonym = "API-E2E-503"
    assert after.PatientID == f"{int.from_bytes(_mac(imaging, 'study-a', pseudonym), 'big'):X}"
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert after.StudyDate != before.StudyDate
    logs = kubectl.run("logs", "radiology-0").stdout
    assert CLIENT_SECRET not in logs
    assert "E2E-503" not in logs


def test_tag_morphing(imaging: Peers) -> None:
    _apply(imaging, "tag-morphing", "archive")
    before = _sent(imaging, 504)
    after, _ = _arrives(imaging, "archive", "Test^Cluster")
    assert (after.SOPInstanceUID, after.PatientID, after.StudyDate) == (
        before.SOPInstanceUID,
        before.PatientID,
        before.StudyDate,
    )
    assert (after.InstitutionalDepartmentName, after.BurnedInAnnotation) == ("RADIOLOGY", "NO")
    assert "ImageComments" not in after
    assert after[0x00091001].value == "XQZMARK"
    assert after.PixelData == before.PixelData
    assert "PatientIdentityRemoved" not in after
