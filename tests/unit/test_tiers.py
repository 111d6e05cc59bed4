# SPDX-License-Identifier: Apache-2.0
"""What keeps a tier from running is said in one line, and not by the failures of all its tests; lanes run side by side."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tiers import every, needs, running
from tests.tiers.running import Run
from tests.tiers.tier import Lane, Tier


@pytest.mark.parametrize("name", ["wire", "survival", "monitoring"])
def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A gateway keeps a reserve of 5 % of it, and refuses everybody when it is reached."""
    monkeypatch.setattr(needs, "programs", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda program, *_: f"/usr/bin/{program}")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=45))
    (tier,) = (tier for tier in every.TIERS if tier.name == name)
    reason = tier.missing() or ""
    assert "6% of the disk free" in reason
    assert "4.5%" in reason
    assert "\n" not in reason
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, free=500))
    assert "of the disk" not in (tier.missing() or "")


def _tier(name: str, lane: Lane, *scripts: str, missing: str | None = None) -> Tier:
    return Tier(name, lane, tuple(("sh", "-c", script) for script in scripts), lambda: missing)


def _meets(mine: Path, other: Path) -> str:
    """Ends only when another one runs at the same time; twenty seconds are not measured, but a way out."""
    return f"touch {mine}; for i in $(seq 400); do test -e {other} && exit 0; sleep 0.05; done; exit 1"


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Logs of tiers that are none of this repository's."""
    monkeypatch.setattr(running, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(running, "ROOT", tmp_path)
    return tmp_path / "logs"


async def test_lanes_run_side_by_side_after_what_comes_first(tmp_path: Path, logs: Path) -> None:
    first, one, other = tmp_path / "first", tmp_path / "one", tmp_path / "other"
    run = Run(required=True)
    await run.all(
        [
            _tier("one", Lane.HOST, f"test -e {first}", _meets(one, other)),
            _tier("first", Lane.FIRST, f"touch {first}"),
            _tier("other", Lane.CLUSTER, f"test -e {first}", _meets(other, one)),
            _tier("second", Lane.CLUSTER, f"test -e {other}"),
        ]
    )
    assert {name: verdict for name, (verdict, _) in run.results.items()} == dict.fromkeys(
        ("first", "one", "other", "second"), "passed"
    )
    assert (logs / "one.log").is_file()


async def test_a_tier_that_fails_is_shown_whole_and_keeps_nobody_from_running(
    capfd: pytest.CaptureFixture[str], logs: Path
) -> None:
    run = Run(required=True)
    await run.all(
        [
            _tier("broken", Lane.HOST, "echo what was wrong; echo on stderr >&2; exit 3", "echo never"),
            _tier("later", Lane.HOST, "echo quiet"),
            _tier("other", Lane.CLUSTER, "echo '5 passed in 0.10s'"),
            Tier("absent", Lane.CLUSTER, (("/nonexistent/program",),), needs.nothing),
        ]
    )
    assert run.results["broken"][0] == "FAILED (sh exited with 3)"
    assert run.results["later"][0] == run.results["other"][0] == "passed"
    assert run.results["absent"][0] == "FAILED (program cannot be started: No such file or directory)"
    shown = capfd.readouterr().out
    assert "what was wrong\non stderr\n" in shown
    assert "never" not in shown
    assert "quiet" not in shown
    assert "5 passed in 0.10s" in shown


@pytest.mark.parametrize(("required", "verdict"), [(True, "FAILED: needs a dog"), (False, "not run: needs a dog")])
async def test_what_cannot_run_is_a_failure_only_where_it_is_required(required: bool, verdict: str) -> None:
    run = Run(required=required)
    await run.all([_tier("absent", Lane.HOST, "exit 0", missing="needs a dog")])
    assert run.results == {"absent": (verdict, 0.0)}


async def test_one_lane_alone_writes_to_the_terminal(capfd: pytest.CaptureFixture[str], logs: Path) -> None:
    run = Run(required=True)
    await run.all([_tier("alone", Lane.HOST, "echo seen at once")])
    assert "seen at once" in capfd.readouterr().out
    assert not logs.exists()


def test_how_far_a_tier_is(logs: Path) -> None:
    """Dots are counted, those of the command that runs now."""
    logs.mkdir()
    (logs / "wire.log").write_text("\n── wire: one\n....\n── wire: two\nbuilding\n")
    assert running._progress("wire") == "no test done yet"
    (logs / "wire.log").write_text(f"\n── wire: two\n{'.' * 70}.F [ 40%]\n{'.' * 8}")
    assert running._progress("wire") == "80 tests done (40 %)"
