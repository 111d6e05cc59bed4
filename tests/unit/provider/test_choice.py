# SPDX-License-Identifier: Apache-2.0
"""Which cluster is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.provider.choice import choose, docker_answers, reason_for_none
from tests.cluster.provider.given import Given
from tests.cluster.provider.kind import Kind
from tests.cluster.provider.native import Native
from tests.cluster.provider.process import ProviderError

OWN = "/var/lib/dromos-cluster/admin.kubeconfig"


@pytest.mark.parametrize(
    ("environment", "docker", "expected"),
    [
        ({}, False, Native),
        ({}, True, Kind),
        ({"KUBECONFIG": "/k"}, True, Given),
        ({"DROMOS_TEST_KUBECONFIG": "/k"}, False, Given),
        ({"KUBECONFIG": OWN}, True, Native),
        ({"KUBECONFIG": ""}, False, Native),
        ({"DROMOS_TEST_CLUSTER": "native", "KUBECONFIG": "/k"}, True, Native),
        ({"DROMOS_TEST_CLUSTER": "kind", "KUBECONFIG": OWN}, False, Kind),
    ],
)
def test_a_kubeconfig_then_kind_then_native(environment: Mapping[str, str], docker: bool, expected: type) -> None:
    assert type(choose({"HOME": "/home/a", **environment}, lambda: docker)) is expected


def test_the_kubeconfig_meant_for_tests_goes_first() -> None:
    chosen = choose({"DROMOS_TEST_KUBECONFIG": "/test", "KUBECONFIG": "/work"}, lambda: False)
    assert chosen.kubeconfig == Path("/test")


def test_what_kind_exported_is_still_kinds() -> None:
    home = {"HOME": "/home/a"}
    kubeconfig = choose(home, lambda: True).kubeconfig
    assert isinstance(choose({**home, "KUBECONFIG": str(kubeconfig)}, lambda: False), Kind)


@pytest.mark.parametrize("environment", [{"DROMOS_TEST_CLUSTER": "minikube"}, {"DROMOS_TEST_CLUSTER": "given"}])
def test_what_cannot_be_had_is_said(environment: Mapping[str, str]) -> None:
    with pytest.raises(ProviderError, match="DROMOS_TEST_CLUSTER"):
        choose(environment, lambda: False)
    assert "DROMOS_TEST_CLUSTER" in (reason_for_none(environment) or "")


@pytest.mark.parametrize(("script", "answers"), [("exit 0", True), ("exit 1", False), (None, False)])
def test_a_docker_without_an_engine_does_not_answer(
    script: str | None, answers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script is not None:
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert docker_answers() is answers
