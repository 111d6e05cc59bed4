# SPDX-License-Identifier: Apache-2.0
"""Gateways and receivers that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.wire.gateway.peers import GatewayProcess, Receiver


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    process = GatewayProcess(tmp_path)
    process.node()
    yield process
    process.kill()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Callable[..., Receiver]]:
    receivers: list[Receiver] = []

    def make(name: str, *options: str) -> Receiver:
        receivers.append(Receiver(tmp_path / f"received-{name}", *options))
        return receivers[-1]

    yield make
    for each in receivers:
        each.stop()
