# SPDX-License-Identifier: Apache-2.0
"""Gateways and receivers for what a gateway must survive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.gateway.conftest import gateway, receiver
from tests.wire.gateway.peers import GatewayProcess
from tests.wire.survival.disk import ForgetfulDisk

__all__ = ["gateway", "receiver"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[ForgetfulDisk]:
    made = ForgetfulDisk(tmp_path).mount()
    yield made
    made.unmount()


@pytest.fixture
def gateway_on_disk(disk: ForgetfulDisk, tmp_path: Path) -> Iterator[GatewayProcess]:
    """Its spool is on the disk; it ends before the disk is taken away."""
    process = GatewayProcess(tmp_path)
    process.spool = disk.folder / "spool"
    process.node()
    yield process
    process.kill()
