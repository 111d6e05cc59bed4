# SPDX-License-Identifier: Apache-2.0
"""The cluster does what tests ask of it: pods under the restricted standard, volumes, names, addresses, signals."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from tests.cluster.eventually import eventually
from tests.cluster.provider.__main__ import IMAGES
from tests.cluster.provider.fixtures import TestCluster, cluster, namespace
from tests.cluster.provider.layout import SERVICES
from tests.cluster.provider.native import Native
from tests.cluster.provider.process import ProviderError

__all__ = ["cluster", "namespace"]

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "probe"},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "main",
                "image": IMAGES["DROMOS_TEST_PEERS_IMAGE"],
                "imagePullPolicy": "IfNotPresent",
                "command": ["sleep", "infinity"],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
            }
        ],
        "volumes": [{"name": "kept", "persistentVolumeClaim": {"claimName": "kept"}}],
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "kept"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Mi"}}},
}


@pytest.fixture
def probe(cluster: TestCluster, namespace: str) -> str:
    """The namespace of a running pod."""
    for manifest in (CLAIM, POD):
        cluster.kubectl("--namespace", namespace, "apply", "--filename", "-", input=json.dumps(manifest))
    cluster.kubectl("--namespace", namespace, "wait", "--for=condition=Ready", "pod/probe", "--timeout=120s")
    return namespace


def _in_pod(cluster: TestCluster, namespace: str, script: str, *, check: bool = True) -> str:
    return cluster.kubectl("--namespace", namespace, "exec", "probe", "--", "bash", "-c", script, check=check).stdout


def _container(cluster: TestCluster, namespace: str) -> dict[str, Any]:
    pod = json.loads(cluster.kubectl("--namespace", namespace, "get", "pod", "probe", "--output=json").stdout)
    return dict(pod["status"]["containerStatuses"][0])


def test_a_pod_writes_to_its_volume_and_nowhere_else(cluster: TestCluster, probe: str) -> None:
    assert _in_pod(cluster, probe, "id -u; echo kept >/kept/file; cat /kept/file").split() == ["65532", "kept"]
    assert "Read-only" in cluster.kubectl("-n", probe, "exec", "probe", "--", "touch", "/file", check=False).stderr


def test_a_pod_that_asks_for_more_than_the_standard_allows_is_refused(cluster: TestCluster, namespace: str) -> None:
    pod = {**POD, "spec": {**POD["spec"], "hostNetwork": True}}  # type: ignore[dict-item]
    done = cluster.kubectl("-n", namespace, "apply", "--filename", "-", input=json.dumps(pod), check=False)
    assert done.returncode == 1
    assert "host namespaces" in done.stderr


def test_pods_find_services_by_name(cluster: TestCluster, probe: str) -> None:
    service = json.loads(cluster.kubectl("-n", "default", "get", "service", "kubernetes", "--output=json").stdout)
    assert _in_pod(cluster, probe, "getent hosts kubernetes.default").split()[0] == service["spec"]["clusterIP"]
    assert _in_pod(cluster, probe, "getent hosts nowhere.example || echo none") == "none\n"


def test_a_service_that_is_not_there_refuses_at_once(cluster: TestCluster, probe: str) -> None:
    """A connection that began a moment before its Service did would else be lost in silence, and not come to its senses."""
    if not isinstance(cluster.provider, Native):
        pytest.skip("other clusters do as they like")
    address = ".".join([*SERVICES.split(".")[:3], "7"])  # Services get such a low one only when they ask for it
    assert "Connection refused" in _in_pod(cluster, probe, f"timeout 20 bash -c '</dev/tcp/{address}/104' 2>&1 || true")


def test_a_pod_reaches_this_machine(cluster: TestCluster, probe: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.settimeout(30)

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        port = server.getsockname()[1]
        assert _in_pod(cluster, probe, f"cat </dev/tcp/{cluster.host_address}/{port}") == "hello\n"
        greeting.join()


def test_signals_reach_the_main_process(cluster: TestCluster, probe: str) -> None:
    def state() -> str:
        return _in_pod(cluster, probe, "sed -n 's/^State:\\s*\\(.\\).*/\\1/p' /proc/1/status").strip()

    cluster.signal(probe, "probe", "main", "SIGSTOP")
    assert state() == "T"
    cluster.signal(probe, "probe", "main", "SIGCONT")
    assert state() == "S"
    cluster.signal(probe, "probe", "main", "SIGKILL")
    eventually(lambda: _container(cluster, probe)["restartCount"], lambda count: count == 1, within=90, what="restart")
    with pytest.raises(ProviderError, match="no running container"):
        cluster.signal(probe, "probe", "other", "SIGSTOP")


def test_helm_is_helm_4(cluster: TestCluster) -> None:
    assert cluster.helm("version", "--short").stdout.startswith("v4.")


def test_up_is_idempotent(cluster: TestCluster) -> None:
    before = cluster.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").stdout
    cluster.provider.up()
    assert cluster.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").stdout == before
