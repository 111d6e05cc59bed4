# SPDX-License-Identifier: Apache-2.0
"""What `dromos status` makes of the admin port's answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dromos_gateway.commands import status

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_QUEUE = {
    "namespace": "default", "waiting": 0, "failed": 0, "sharesWaiting": 0, "sharesFailed": 0, "reachable": True,
    "lastTransferTime": "2026-01-02T03:00:00Z", "lastError": None,
}  # fmt: skip


def _found(*queues: dict[str, Any], hold: str = "", problems: tuple[Any, ...] = (), available: bool = True) -> Any:
    spool = {"bytes": 2**20, "limitBytes": 2**30, "instances": 7, "available": available}
    in_force = [
        {"namespace": "default", "name": each["name"], "programmed": not hold, "message": hold}
        for each in queues
        if each["name"] != "gone"
    ]
    state = {"spool": spool, "destinations": [{**_QUEUE, **each} for each in queues]}
    return status.joined(state, {"hash": "", "problems": list(problems), "destinations": in_force})


def test_all_is_well() -> None:
    found = _found({"name": "pacs", "waiting": 3, "sharesWaiting": 1})
    assert status.is_well(found)
    disk, head, row = status.lines(found, NOW)
    assert disk == "7 instances, 1.0 MiB of 1.0 GiB"
    assert head.split()[0] == "DESTINATION"
    assert row.split() == ["default/pacs", "True", "yes", "4", "0", "4m", "ago"]


def test_why_it_is_held_goes_before_what_it_said_last() -> None:
    found = _found({"name": "pacs", "lastError": "no\x1b[2J"}, hold="its Secret is missing")
    assert not status.is_well(found)
    assert status.lines(found, NOW)[-1].endswith("its Secret is missing")
    said = status.lines(_found({"name": "pacs", "lastError": "no\x1b[2J"}), NOW)[-1]
    assert "no" in said
    assert "\x1b" not in said


def test_what_is_left_of_a_destination_that_has_gone_is_shown() -> None:
    found = _found({"name": "gone", "failed": 2})
    assert status.lines(found, NOW)[-1].split()[:5] == ["default/gone", "False", "yes", "0", "2"]


def test_words_go_below_a_row_where_the_terminal_is_narrow() -> None:
    found = _found({"name": "pacs", "reachable": False, "lastError": "connection refused " * 9})
    lines = status.lines(found, NOW, 80)
    assert max(map(len, lines)) <= 80
    assert lines[3].strip().startswith("connection refused")


def test_a_full_disk_and_manifests_that_are_wrong_are_said() -> None:
    wrong = {
        "kind": "Destination", "namespace": "default", "name": "pacs", "field": "spec.dicom.port", "message": "too low",
    }  # fmt: skip
    lone = {"kind": None, "namespace": None, "name": None, "field": None, "message": "a.yaml: no mapping"}
    found = _found(problems=(wrong, lone), available=False)
    assert not status.is_well(found)
    disk, none, _, *problems = status.lines(found, NOW)
    assert disk.endswith("; nothing more is taken in")
    assert none == "  no Destination"
    assert problems == ["Destination default/pacs spec.dicom.port: too low", "a.yaml: no mapping"]
