# SPDX-License-Identifier: Apache-2.0
"""With nothing changing the operator writes nothing; and when it is gone, a namespace still goes, with all that is in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.conftest import OPERATOR, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually, steadily
from tests.cluster.kubectl import Kubectl
from tests.cluster.writes import operator_writes

NAMESPACE = "dromos-test-steady"


@pytest.fixture(scope="module")
def steady(cluster: Kubectl, installed: Kubectl) -> Iterator[Kubectl]:
    """A gateway that nobody touches."""
    kubectl = make_namespace(cluster, NAMESPACE)
    kubectl.run("apply", "--filename", ROOT / "examples/quickstart")
    kubectl.wait_condition("forwardnode", "radiology", "Ready", within=120)
    yield kubectl
    drop_namespace(cluster, NAMESPACE)


def test_a_change_is_counted(cluster: Kubectl, steady: Kubectl) -> None:
    """The count that must not rise below does rise when there is something to write."""
    before = sum(operator_writes(cluster).values())
    steady.run("label", "destination/archive", "a=b")  # one PATCH of ours …
    steady.patch_spec("destination", "archive", description="changed")  # … and another
    eventually(lambda: sum(operator_writes(cluster).values()), lambda count: count > before + 2, within=90)


def test_a_quiet_minute_has_no_writes(cluster: Kubectl, steady: Kubectl) -> None:
    """What follows a change, counters half a minute later among it, comes to an end; then there is nothing for a minute."""
    steady.wait_condition("forwardnode", "radiology", "Ready")

    def is_quiet() -> bool:
        try:
            steadily(lambda: operator_writes(cluster), seconds=61, what="writes by the operator")
        except AssertionError:
            return False
        return True

    eventually(is_quiet, bool, within=240, what="a minute without writes")


def test_a_namespace_goes_without_the_operator(cluster: Kubectl, installed: Kubectl, steady: Kubectl) -> None:
    claims = {claim["spec"]["volumeName"] for claim in steady.items("persistentvolumeclaims")}
    assert claims, "nothing that could stay behind"
    installed.run("scale", OPERATOR, "--replicas=0")
    installed.run("wait", "--for=delete", "pod", "--selector", "app.kubernetes.io/component=operator", "--timeout=120s")
    try:
        cluster.run("delete", "namespace", NAMESPACE, "--timeout=120s", timeout=130)
        assert cluster.get("namespace", NAMESPACE) is None
        eventually(
            lambda: claims & {volume["metadata"]["name"] for volume in cluster.items("persistentvolumes")},
            lambda left: not left,
            within=60,
            what="volumes of the namespace",
        )
    finally:
        installed.run("scale", OPERATOR, "--replicas=1")
        installed.wait_rollout(OPERATOR)
