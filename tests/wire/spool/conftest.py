# SPDX-License-Identifier: Apache-2.0
"""A folder whose spool may fail and be killed."""

from __future__ import annotations

import pytest


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "spool"
