# SPDX-License-Identifier: Apache-2.0
"""kind cannot run where these tests do: its command lines are checked instead, word by word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cluster.provider import kind
from tests.cluster.provider.process import ProviderError

KUBECONFIG = Path("/c/kind.kubeconfig")


def test_command_lines() -> None:
    create = "kind create cluster --name dromos --kubeconfig /c/kind.kubeconfig --wait 180s"
    assert kind.create_command(KUBECONFIG, "") == create.split()
    assert kind.create_command(KUBECONFIG, "kindest/node:v1") == f"{create} --image kindest/node:v1".split()
    assert kind.kubeconfig_command(KUBECONFIG) == [
        *["kind", "export", "kubeconfig", "--name", "dromos", "--kubeconfig"],
        "/c/kind.kubeconfig",
    ]
    assert kind.delete_command(KUBECONFIG) == [
        *["kind", "delete", "cluster", "--name", "dromos", "--kubeconfig"],
        "/c/kind.kubeconfig",
    ]
    assert kind.load_command(Path("b/image.tar")) == [
        "kind",
        "load",
        "image-archive",
        "b/image.tar",
        "--name",
        "dromos",
    ]
    assert kind.inside_command(["ip", "a"]) == ["docker", "exec", "--interactive", "dromos-control-plane", "ip", "a"]
    kill = "docker exec --interactive dromos-control-plane ctr --namespace k8s.io tasks kill --signal SIGSTOP abc"
    assert kind.kill_command("abc", "SIGSTOP") == kill.split()


def test_this_machine_is_the_ipv4_gateway_of_kinds_network() -> None:
    entries = [{"Subnet": "fc00::/64", "Gateway": "fc00::1"}, {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]
    assert kind.gateway(json.dumps([{"Name": "kind", "IPAM": {"Config": entries}}])) == "172.18.0.1"
    with pytest.raises(ProviderError, match="IPv4"):
        kind.gateway(json.dumps([{"IPAM": {"Config": entries[:1]}}]))
