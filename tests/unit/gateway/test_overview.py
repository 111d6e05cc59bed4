# SPDX-License-Identifier: Apache-2.0
"""What `kubectl dromos status` says of objects as the API server gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from dromos_gateway.commands import overviewtable
from dromos_gateway.kubectl import overview

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _object(name: str, spec: dict[str, Any], ready: str = "True", **status: Any) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "reason": "Because", "message": "in words"}
    return {
        "metadata": {"namespace": "imaging", "name": name},
        "spec": spec,
        "status": {"conditions": [condition], **status},
    }


def _destination(name: str, ready: str = "True", node: str = "radiology", **status: Any) -> dict[str, Any]:
    return _object(name, {"forwardNodeRef": {"name": node}}, ready, **status)


NODE = _object("radiology", {"aeTitle": "RADIOLOGY", "replicas": 2}, readyReplicas=1, spool={"instances": 3})


def test_each_node_is_followed_by_its_destinations() -> None:
    down = _destination("down", reachable=False, lastError="connection refused", queue={"waiting": 7, "failed": 1})
    up = _destination("up", reachable=True, lastTransferTime="2026-01-02T03:00:00Z", target="pacs:104")
    held = _destination("held", "False")
    lost = _destination("lost", "False", node="nobody")
    lines = overview.lines([NODE], [up, down, held, lost], NOW)
    assert lines[0] == "imaging/radiology  RADIOLOGY  1 of 2 pods ready  3 instances, 0 B of 0 B"
    rows = {line.split()[0]: line.split() for line in lines[2:5]}
    assert rows["down"] == ["down", "True", "no", "7", "1", "never", "connection", "refused"]
    assert rows["up"] == ["up", "pacs:104", "True", "yes", "0", "0", "4m", "ago"]
    assert rows["held"][1:3] == ["False", "?"]
    assert "Because: in words" in lines[3]
    assert lines[6] == "without a ForwardNode"
    assert lines[8].split()[0] == "lost"


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_no_line_is_longer_than_the_terminal_and_nothing_is_missing(columns: int) -> None:
    why = "172.16.4.11:11112: Connection refused; check address, port and firewall"
    up = _destination(
        "archive", reachable=True, lastTransferTime="2026-01-02T03:00:00Z", target="ARCHIVE@archive:11112"
    )
    down = _destination("research", reachable=False, lastError=why, target="https://research.example/dicomweb/studies")
    shown = overview.lines([NODE], [up, down], NOW, columns)
    assert [line for line in shown if len(line) > columns] == []
    text = " ".join(" ".join(shown).split())
    for said in (
        why,
        "ARCHIVE@archive:11112",
        "https://research.example/dicomweb/studies",
        "True yes 0 0 4m ago",
        "True no 0 0 never",
    ):
        assert said in text


def test_what_is_not_ready_says_why_and_nothing_is_said_as_well() -> None:
    broken = {**NODE, "status": {}}
    assert overview.lines([broken], [], NOW)[1:] == [
        "  Pending: the operator has not looked at it yet",
        "  no Destination",
    ]
    assert overview.lines([], [], NOW) == ["nothing of Dromos is here"]
    assert overview.is_well([NODE])
    assert not overview.is_well([NODE, broken])


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0s ago"), (59, "59s ago"), (60, "1m ago"), (7200, "2h ago"), (200000, "2d ago")]
)
def test_ages(seconds: int, said: str) -> None:
    then = datetime.fromtimestamp(NOW.timestamp() - seconds, UTC).isoformat().replace("+00:00", "Z")
    assert overviewtable.age(then, NOW) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**30, "1.0 GiB")])
def test_sizes(count: int, said: str) -> None:
    assert overviewtable.size(count) == said
