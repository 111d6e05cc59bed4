# SPDX-License-Identifier: Apache-2.0
"""Gateways behind a web proxy: the chart's value reaches their pods, and what they send by HTTP goes through it.

It runs where no other test does, since the value replaces every gateway's pods.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.cluster.conftest import HELM, OPERATOR, RESTRICTED, ROOT, SYSTEM, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl
from tests.cluster.peers import Peers, pod_of, sender, served
from tests.cluster.studies import study
from tests.cluster.webpeers import archive, certify, held

NAMESPACE, PORT = "dromos-test-proxy", 8888
CONFIGURATION = f"Port {PORT}\nTimeout 60\nMaxClients 20\nLogLevel Connect\nConnectPort 443\n"


@pytest.fixture
def imaging(cluster: Kubectl, installed: Kubectl) -> Iterator[Peers]:
    """A proxy, an archive behind it that names resolve to nowhere else, and gateways that know of the proxy."""
    kubectl = make_namespace(cluster, NAMESPACE, RESTRICTED)
    files = {"tinyproxy.conf": CONFIGURATION}
    mounts = {"configuration": "/configuration"}
    volumes = [{"name": "configuration", "configMap": {"name": "proxy"}}]
    proxy = pod_of(["tinyproxy", "-d", "-c", "/configuration/tinyproxy.conf"], volumes, mounts)
    kubectl.apply(
        sender(),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "proxy"}, "data": files},
        *served("proxy", proxy, port=PORT, target=PORT),
        *archive(password="not-a-real-password"),
    )
    _upgrade(f"http://proxy.{NAMESPACE}:{PORT}")
    installed.wait_rollout(OPERATOR)
    yield Peers(kubectl)
    drop_namespace(cluster, NAMESPACE)
    _upgrade("")


def _upgrade(proxy: str) -> None:
    chart = str(ROOT / "charts/dromos")
    words = ["upgrade", "dromos", chart, "--namespace", SYSTEM, "--reuse-values", "--wait", "--timeout", "3m"]
    done = subprocess.run(
        [HELM, *words, "--set", f"gateway.proxy.httpsProxy={proxy}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_stow_goes_through_the_proxy_that_the_chart_names(imaging: Peers) -> None:
    kubectl = imaging.kubectl
    kubectl.run("apply", "--filename", ROOT / "examples/stow-basic")
    certify(kubectl)
    kubectl.wait_rollout("deployment/proxy", "deployment/archive")
    kubectl.run("wait", "--for=condition=Ready", "forwardnode/radiology", "--timeout=120s", timeout=130)
    pod = kubectl.get("pod", "radiology-0") or {}
    environment = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0]["env"]}
    assert environment["HTTPS_PROXY"] == f"http://proxy.{NAMESPACE}:{PORT}"
    imaging.wait_answering("radiology", 104, "RADIOLOGY")
    files = study(901, 3)
    imaging.load("study", files)
    assert imaging.send("study", to="radiology", called="RADIOLOGY").acknowledged == files.keys()
    there = imaging.pod("archive")
    eventually(
        lambda: set(files) - held(kubectl, there), lambda missing: not missing, within=90, what="instances; absent"
    )
    assert "CONNECT archive:443" in kubectl.run("logs", "deployment/proxy").stdout
