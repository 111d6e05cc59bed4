# SPDX-License-Identifier: Apache-2.0
"""DICOM programs nobody here wrote, each in a pod of its own: DCMTK's storescu and storescp, and Orthanc."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom import dcmread

from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.studies import digests, has_meta, packed, unpacked

IMAGE = os.environ.get("DROMOS_TEST_PEERS_IMAGE", "localhost/dromos-test-peers:dev")
STORESCP_PORT = 11112
ORTHANC_PORT = 4242
DATA = "/data"
ORTHANC_CONFIGURATION = {
    "StorageDirectory": DATA,
    "IndexDirectory": "/index",
    "DicomAet": "ORTHANC",
    "DicomPort": ORTHANC_PORT,
    "RemoteAccessAllowed": True,
    "AuthenticationEnabled": False,
    "Plugins": [],
}


def storescp(name: str) -> list[Manifest]:
    """A receiver that writes data sets as they come, bit by bit, an association per process."""
    command = ["storescp", "--fork", "--bit-preserving", "--output-directory", DATA, str(STORESCP_PORT)]
    return _receiver(name, command, STORESCP_PORT, volumes=[{"name": "data", "emptyDir": {}}], mounts={"data": DATA})


def orthanc(name: str) -> list[Manifest]:
    """An Orthanc with default settings, as far as they matter here."""
    configuration = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-orthanc"},
        "data": {"orthanc.json": json.dumps(ORTHANC_CONFIGURATION)},
    }
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "index", "emptyDir": {}},
        {"name": "configuration", "configMap": {"name": f"{name}-orthanc"}},
    ]
    mounts = {"data": DATA, "index": "/index", "configuration": "/configuration"}
    command = ["Orthanc", "/configuration/orthanc.json"]
    return [configuration, *_receiver(name, command, ORTHANC_PORT, volumes=volumes, mounts=mounts)]


def sender() -> Manifest:
    """A pod to send from."""
    metadata = {"name": "sender", "labels": {"app": "sender"}}
    spec = pod_of(["sleep", "infinity"], [{"name": "data", "emptyDir": {}}], {"data": DATA})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _receiver(
    name: str, command: list[str], port: int, *, volumes: list[dict[str, Any]], mounts: Mapping[str, str]
) -> list[Manifest]:
    return served(name, pod_of(command, volumes, mounts), port=port, target=port)


def listening(port: int) -> dict[str, Any]:
    """A probe that looks for the listening socket, also one that only the pod itself can reach.

    storescp --fork takes a bare TCP connection for an association and stumbles.
    """
    command = ["grep", "-q", f":{port:04X} .* 0A ", "/proc/net/tcp", "/proc/net/tcp6"]
    return {"exec": {"command": command}, "periodSeconds": 1}


def served(name: str, pod: dict[str, Any], *, port: int, target: int) -> list[Manifest]:
    """A pod that runs for ever, and a Service before it."""
    labels = {"app": name}
    pod["containers"][0]["readinessProbe"] = listening(target)
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": port, "targetPort": target}]},
    }
    return [deployment, service]


def pod_of(command: list[str], volumes: list[dict[str, Any]], mounts: Mapping[str, str]) -> dict[str, Any]:
    """A pod of one container of the peers' image, within the restricted standard."""
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "peer",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                # DCMTK leaves Nagle's algorithm on otherwise, and waits for itself
                "env": [{"name": "TCP_NODELAY", "value": "1"}],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": volume, "mountPath": path} for volume, path in mounts.items()],
            }
        ],
        "volumes": volumes,
    }


@dataclass(frozen=True)
class Sent:
    """What storescu reported: its exit code, and the instances that were answered with Success."""

    code: int
    acknowledged: frozenset[str]
    log: str


# seconds for the connection, the association and the answer
ECHO_LIMITS = ("--timeout", "5", "--acse-timeout", "5", "--dimse-timeout", "5")
SENT = re.compile(r"Sending file: \S*/([0-9.]+)\.dcm|Received Store Response \((.*?)\)")


def acknowledged(log: str) -> frozenset[str]:
    """SOP Instance UIDs that storescu's verbose log says were stored."""
    found, uid = set(), ""
    for match in SENT.finditer(log):
        if match[1]:
            uid = match[1]
        elif match[2] == "Success":
            found.add(uid)
    return frozenset(found)


@dataclass(frozen=True)
class Peers:
    """The peers of one namespace."""

    kubectl: Kubectl

    def load(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Put files into the sender's pod."""
        self.kubectl.put("sender", DATA, packed(files, folder))

    def start_sending(self, folder: str, *, to: str, called: str, port: int = 104) -> subprocess.Popen[str]:
        """storescu over a folder, running."""
        program = ["storescu", "--verbose", "--scan-directories", "-aet", "MODALITY", "-aec", called]
        return subprocess.Popen(
            [
                "kubectl",
                "-n",
                self.kubectl.namespace,
                "exec",
                "sender",
                "--",
                *program,
                to,
                str(port),
                f"{DATA}/{folder}",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.kubectl.environment,
        )

    def send(self, folder: str, *, to: str, called: str, port: int = 104) -> Sent:
        """storescu over a folder, to its end."""
        return finished(self.start_sending(folder, to=to, called=called, port=port))

    def pod(self, name: str) -> str:
        """The one running pod of a receiver."""
        pods = eventually(
            lambda: self.kubectl.items("pods", "--selector", f"app={name}", "--field-selector", "status.phase=Running"),
            lambda found: len([pod for pod in found if "deletionTimestamp" not in pod["metadata"]]) == 1,
            within=60,
            what=f"one running pod of {name}",
        )
        (running,) = (pod for pod in pods if "deletionTimestamp" not in pod["metadata"])
        return str(running["metadata"]["name"])

    def received(self, name: str) -> dict[str, str]:
        """Digests of the data sets that a receiver holds, by SOP Instance UID."""
        archive = self.kubectl.bytes_of(self.pod(name), "sh", "-c", f"tar -cC {DATA} . 2>/dev/null || true")
        files: dict[str, bytes] = {}
        for file in unpacked(archive):
            if has_meta(file):  # Orthanc keeps other files as well, and storescp may be writing one
                uid = _sop_instance_uid(file)
                # Orthanc may keep the head of a file beside the file
                files[uid] = max(file, files.get(uid, b""), key=len)
        return digests(files)

    def count(self, name: str) -> int:
        """How many files a storescp holds; cheaper than reading them."""
        return int(self.kubectl.exec(self.pod(name), "sh", "-c", f"find {DATA} -type f | wc -l").stdout)

    def wait_received(self, name: str, expected: Mapping[str, str], *, within: float = 60) -> None:
        """Wait until a receiver holds these data sets, byte for byte; others do not matter."""
        eventually(
            lambda: _missing(self.received(name), expected),
            lambda missing: not missing,
            within=within,
            what=f"{len(expected)} instances at {name}; absent or different",
        )

    def wait_answering(self, name: str, port: int, called: str = "ANY") -> None:
        """Wait until a receiver answers C-ECHO at its Service: kube-proxy follows a new pod with a delay.

        Until then it refuses by ICMP, which DCMTK without a time limit may take for silence ("DUL network read
        timeout"): the kernel goes on connecting, and an error that nobody asks for stays at the socket.
        """
        words = ("echoscu", *ECHO_LIMITS, "-aec", called, name, str(port))
        eventually(
            lambda: self.kubectl.exec("sender", *words, check=False),
            lambda done: done.returncode == 0,
            within=120,
            what=f"C-ECHO of {name}",
        )

    def scale(self, name: str, replicas: int) -> None:
        """Stop a receiver, or start it again, empty."""
        self.kubectl.run("scale", f"deployment/{name}", f"--replicas={replicas}")
        if replicas:
            self.kubectl.wait_rollout(f"deployment/{name}")
        else:
            self.kubectl.run("wait", "--for=delete", "pod", "--selector", f"app={name}", "--timeout=120s")


def finished(sending: subprocess.Popen[str]) -> Sent:
    """Wait for storescu to end."""
    log, _ = sending.communicate(timeout=180)
    return Sent(sending.returncode, acknowledged(log), log)


def _sop_instance_uid(file: bytes) -> str:
    """The SOP Instance UID that the file meta information names."""
    return str(dcmread(io.BytesIO(file), stop_before_pixels=True).file_meta.MediaStorageSOPInstanceUID)


def _missing(held: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    return sorted(uid for uid, digest in expected.items() if held.get(uid) != digest)
