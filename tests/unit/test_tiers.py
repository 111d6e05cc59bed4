# SPDX-License-Identifier: Apache-2.0
"""What keeps a tier from running is said in one line, and not by the failures of all its tests."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from tests import tiers


@pytest.mark.parametrize("name", ["wire", "survival", "monitoring"])
def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A gateway keeps a reserve of 5 % of it, and refuses everybody when it is reached."""
    monkeypatch.setattr(tiers, "_programs", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda program, *_: f"/usr/bin/{program}")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=45))
    (tier,) = (tier for tier in tiers.TIERS if tier.name == name)
    reason = tier.missing() or ""
    assert "6% of the disk free" in reason
    assert "4.5%" in reason
    assert "\n" not in reason
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=500))
    assert "of the disk" not in (tier.missing() or "")
