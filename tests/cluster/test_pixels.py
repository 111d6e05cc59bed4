# SPDX-License-Identifier: Apache-2.0
"""The examples of masks and of transcoding with images: what arrives is masked, or in the encoding that was asked for."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEGLSLossless, UltrasoundImageStorage

from tests.cluster.conftest import RESTRICTED, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import DATA, STORESCP_PORT, Peers, sender, storescp
from tests.cluster.studies import has_meta, study, unpacked

Example = Callable[..., Peers]


@pytest.fixture
def example(cluster: Kubectl, installed: Kubectl) -> Iterator[Example]:
    """An example applied as its README says, with a receiver of any encoding for each of its destinations."""
    made: list[str] = []

    def start(name: str, **receivers: int) -> Peers:
        kubectl = make_namespace(cluster, f"pixels-{name}", RESTRICTED)
        made.append(kubectl.namespace)
        kubectl.apply(sender())
        for receiver, port in receivers.items():
            deployment, service = storescp(receiver)
            deployment["spec"]["template"]["spec"]["containers"][0]["command"].insert(1, "+xa")
            service["spec"]["ports"] = [{"port": port, "targetPort": STORESCP_PORT}]
            kubectl.apply(deployment, service)
        kubectl.run("apply", "--filename", ROOT / "examples" / name)
        kubectl.wait_rollout(*(f"deployment/{receiver}" for receiver in receivers))
        kubectl.run("wait", "--for=condition=Ready", "pod/sender", "--timeout=60s")
        kubectl.wait_condition("forwardnode", "radiology", "Ready", within=120)
        for receiver in receivers:
            kubectl.wait_condition("destination", receiver, "Ready", within=120)
        peers = Peers(kubectl)
        peers.wait_answering("radiology", 104, "RADIOLOGY")
        return peers

    yield start
    for namespace in made:
        drop_namespace(cluster, namespace)


def send(peers: Peers, files: dict[str, bytes]) -> None:
    peers.load("study", files)
    sent = peers.send("study", to="radiology", called="RADIOLOGY")
    assert sent.code == 0, sent.log
    assert sent.acknowledged == files.keys()


def arrived(peers: Peers, name: str, count: int) -> list[FileDataset]:
    """What a receiver holds, once it is all there."""
    eventually(lambda: peers.count(name), lambda held: held == count, within=90, what=f"{count} files at {name}")

    def read() -> list[FileDataset]:
        archive = peers.kubectl.bytes_of(peers.pod(name), "tar", "-cC", DATA, ".")
        return [dcmread(io.BytesIO(file)) for file in unpacked(archive) if has_meta(file)]

    held = eventually(read, lambda found: len(found) == count, within=30, what=f"{count} whole files at {name}")
    return sorted(held, key=lambda image: int(image.InstanceNumber))


def originals(files: dict[str, bytes]) -> list[FileDataset]:
    return sorted((dcmread(io.BytesIO(file)) for file in files.values()), key=lambda image: int(image.InstanceNumber))


def ultrasound(number: int, count: int) -> dict[str, bytes]:
    """Pictures with text burned in, of a station that only the general mask is for."""
    files = {}
    for uid, file in study(number, count, pixels=256).items():
        image = dcmread(io.BytesIO(file))
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
        image.Modality, image.StationName, image.ClinicalTrialSubjectID = "US", "CART7", "SUBJECT-9"
        buffer = io.BytesIO()
        dcmwrite(buffer, image, enforce_file_format=True)
        files[uid] = buffer.getvalue()
    return files


def test_masks(example: Example) -> None:
    peers = example("masks", research=11112)
    files = ultrasound(801, 3)
    send(peers, files)
    for before, after in zip(originals(files), arrived(peers, "research", 3), strict=True):
        assert str(after.PatientName) == "SUBJECT-9"
        assert (after.BurnedInAnnotation, after.StationName) == ("NO", "CART7")
        assert after.SOPInstanceUID != before.SOPInstanceUID
        shown = after.pixel_array
        assert not shown[:120].any()
        np.testing.assert_array_equal(shown[120:], before.pixel_array[120:])


def test_transcoding(example: Example) -> None:
    peers = example("transcode", archive=11112, workstation=104, teaching=11112)
    files = study(802, 3)
    send(peers, files)
    sent = originals(files)
    for name, syntax in (("archive", JPEGLSLossless), ("workstation", ExplicitVRLittleEndian)):
        for before, after in zip(sent, arrived(peers, name, 3), strict=True):
            assert after.file_meta.TransferSyntaxUID == syntax
            assert after.SOPInstanceUID == before.SOPInstanceUID
            np.testing.assert_array_equal(after.pixel_array, before.pixel_array)
    taught = arrived(peers, "teaching", 3)
    assert {image.file_meta.TransferSyntaxUID for image in taught} == {JPEG2000}
    assert {image.LossyImageCompression for image in taught} == {"01"}
    assert all(image.SOPInstanceUID.startswith("2.25.") for image in taught)
    assert len({image.SOPInstanceUID for image in taught}) == 3
