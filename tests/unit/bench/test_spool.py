# SPDX-License-Identifier: Apache-2.0
"""Where the benchmark refuses to measure."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

import bench.__main__

IN_MEMORY = Path("/dev/shm")


@pytest.fixture
def in_memory():
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        yield folder


def test_a_spool_in_memory_is_refused(in_memory, tmp_path, monkeypatch, capsys):
    out = tmp_path / "bench.json"
    monkeypatch.setattr(bench.__main__, "NEEDED", ())  # the peers are not what this is about
    monkeypatch.setattr(sys, "argv", ["bench", "forward", "--spool", in_memory, "--out", str(out)])
    assert bench.__main__.main() == 2
    assert "is on tmpfs, where a sync costs nothing" in capsys.readouterr().err
    assert not out.exists()
