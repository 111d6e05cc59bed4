# SPDX-License-Identifier: Apache-2.0
"""Every tier there is, in the order in which its lane runs them."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.tiers import needs
from tests.tiers.tier import Command, Lane, Tier

BIN = Path(sys.executable).parent
LOAD = ("--load", "build/image.tar", "--load", "build/test-peers.tar")
# pods, peers and disks are waited for most of the time, so three workers do well on two processors
WORKERS = ("-n", "3", "--dist", "loadfile", "--durations=15")
# the operator's writes are counted where nobody makes it write; a proxy is for every gateway there is
ALONE = ("tests/cluster/test_steady_state.py", "tests/cluster/test_proxy.py")


def _pytest(*arguments: str) -> Command:
    return (sys.executable, "-m", "pytest", "-q", *arguments)


def _tool(*command: str) -> Command:
    return (str(BIN / command[0]), *command[1:])


def _on_cluster(*words: str) -> Command:
    return (sys.executable, "-m", "tests.cluster.provider", "run", *words)


def _prometheus() -> Command:
    return (sys.executable, "-m", "tests.cluster.provider", "prometheus")


TIERS: tuple[Tier, ...] = (
    Tier(
        "static",
        Lane.FIRST,
        (
            _tool("ruff", "check", "."),
            _tool("ruff", "format", "--check", "."),
            _tool("mypy"),
            _tool("lint-imports"),
        ),
        needs.nothing,
    ),
    Tier("unit", Lane.FIRST, (_pytest("-n", "auto", "--dist", "worksteal", "tests/unit"),), needs.nothing),
    Tier(
        "wire",
        Lane.HOST,
        (_pytest(*WORKERS, "tests/wire", "--ignore=tests/wire/survival"),),
        needs.peers_and_room,
    ),
    Tier("monitoring", Lane.HOST, (_prometheus(), _pytest("tests/monitoring")), needs.go_and_peers),
    Tier("survival", Lane.HOST, (_pytest("-n", "3", "--durations=8", "tests/wire/survival"),), needs.survival_tools),
    Tier("deid", Lane.HOST, (_pytest("-n", "auto", "tests/deid"),), needs.validator),
    Tier("pixels", Lane.HOST, (_pytest("-n", "auto", "tests/pixels"),), needs.pixel_tools),
    Tier("image", Lane.CLUSTER, (("hack/build-image.sh",), _pytest("tests/image")), needs.builder),
    Tier("chart", Lane.CLUSTER, (_on_cluster("--", *_pytest("tests/chart", "tests/argocd")),), needs.cluster),
    Tier(
        "apiserver",
        Lane.CLUSTER,
        (_on_cluster("--", *_pytest("-n", "2", "--dist", "loadfile", "tests/apiserver")),),
        needs.cluster,
    ),
    Tier(
        "cluster",
        Lane.CLUSTER,
        (
            ("hack/build-image.sh",),
            ("hack/build-test-peers.sh",),
            _prometheus(),
            _on_cluster(
                "--fresh",
                *LOAD,
                "--down-if-failed",
                "--",
                *_pytest(*WORKERS, "tests/cluster", *(f"--ignore={each}" for each in ALONE)),
            ),
            _on_cluster("--down", "--", *_pytest("--durations=5", *ALONE)),
        ),
        needs.cluster_and_builder,
    ),
)
