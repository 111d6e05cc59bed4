# SPDX-License-Identifier: Apache-2.0
"""A transfer log with a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.transferlog.logs import (
    Log,
)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)
