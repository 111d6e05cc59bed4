# SPDX-License-Identifier: Apache-2.0
"""examples/conditions with images: each goes where its values say, and nowhere else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from pydicom import dcmread

from tests.cluster.conftest import RESTRICTED, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import ORTHANC_PORT, STORESCP_PORT, Peers, orthanc, sender, storescp
from tests.cluster.studies import digests, study

AXIAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
# what is sent, and which of the destinations gets it
IMAGES = {
    810: ({"StudyDescription": "chest", "ImageType": AXIAL, "BodyPartExamined": "CHEST"}, {"archive", "research"}),
    811: ({"StudyDescription": "head", "ImageType": AXIAL, "BodyPartExamined": "HEAD"}, {"archive"}),
    812: ({"StudyDescription": "chest", "ImageType": ["DERIVED"], "BodyPartExamined": "CHEST"}, {"archive"}),
    813: ({"StudyDescription": "a test", "ImageType": AXIAL, "BodyPartExamined": "CHEST"}, {"research"}),
    814: ({"StudyDescription": "for teaching", "Modality": "OT", "ImageType": AXIAL}, set[str]()),
}


@pytest.fixture
def imaging(cluster: Kubectl, installed: Kubectl) -> Iterator[Peers]:
    """A namespace with the sender and the receivers that the example names."""
    kubectl = make_namespace(cluster, "dromos-test-conditions", RESTRICTED)
    kubectl.apply(sender(), *storescp("archive"), *orthanc("research"))
    for name in ("archive", "research"):
        kubectl.wait_rollout(f"deployment/{name}")
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=120s")
    yield Peers(kubectl)
    drop_namespace(cluster, kubectl.namespace)


def images(number: int, **values: object) -> dict[str, bytes]:
    """Three instances of a study with these values."""
    made = {}
    for uid, file in study(number, 3).items():
        data = dcmread(io.BytesIO(file))
        for keyword, value in values.items():
            setattr(data, keyword, value)
        buffer = io.BytesIO()
        data.save_as(buffer, enforce_file_format=True)
        made[uid] = buffer.getvalue()
    return made


def test_each_image_goes_where_its_values_say(imaging: Peers) -> None:
    kubectl = imaging.kubectl
    kubectl.run("apply", "--filename", ROOT / "examples/conditions")
    kubectl.run("wait", "--for=condition=Ready", "forwardnode/radiology", "--timeout=120s", timeout=130)
    imaging.wait_answering("archive", STORESCP_PORT)
    imaging.wait_answering("research", ORTHANC_PORT)
    imaging.wait_answering("radiology", 104, "RADIOLOGY")
    expected: dict[str, dict[str, bytes]] = {"archive": {}, "research": {}}
    for number, (values, receivers) in IMAGES.items():
        files = images(number, **values)
        imaging.load(f"study-{number}", files)
        sent = imaging.send(f"study-{number}", to="radiology", called="RADIOLOGY")
        assert sent.acknowledged == files.keys(), sent.log
        for name in receivers:
            expected[name] |= files
    for name, files in expected.items():
        imaging.wait_received(name, digests(files), within=90)
    for name in ("archive", "research", "teaching"):
        eventually(
            lambda name=name: _waiting(kubectl, name), lambda left: left == 0, within=60, what=f"queue of {name}"
        )
    for name, files in expected.items():
        assert imaging.received(name).keys() == files.keys(), f"{name} has what its condition says, and nothing else"


def _waiting(kubectl: Kubectl, name: str) -> int:
    status = (kubectl.get("destination", name) or {}).get("status") or {}
    return int((status.get("queue") or {}).get("waiting", 0))
