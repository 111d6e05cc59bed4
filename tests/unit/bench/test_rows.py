# SPDX-License-Identifier: Apache-2.0
"""What a benchmark's rows become: medians, ratios, JSON with the keys that others read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench import rows
from bench.choice import Choice
from bench.rows import Failed, Row
from bench.scenarios.log import cost
from bench.workloads import ALL, SMALL


def _row(system: str, delivered: float, *, memory: float = 50.0, senders: int = 1) -> Row:
    return Row("forward", "ct", system, "nodelay", senders, delivered / 2, delivered, 0.1, memory, 400, 1000)


def test_medians_keep_systems_apart_and_memory_at_its_highest():
    measured = [_row("dromos", 3.0), _row("dcmtk", 2.0), _row("dromos", 1.0, memory=70.0), _row("dromos", 1.5)]

    dromos, dcmtk = rows.medians(measured)

    assert (dromos.row.delivered_s, dromos.row.peak_pss_mb, dromos.rounds) == (1.5, 70.0, 3)
    assert (dcmtk.row.delivered_s, dcmtk.rounds) == (2.0, 1)


def test_the_table_compares_only_what_is_alike():
    table = rows.table([_row("dromos", 1.0), _row("dcmtk", 2.0), _row("dcmtk", 4.0, senders=16)])

    _, _, one, sixteen = table.splitlines()
    assert "0.50 accepted   0.50 delivered" in one
    assert "delivered" not in sixteen


def test_json_has_one_object_for_each_round(tmp_path: Path):
    rows.write(tmp_path / "build" / "bench.json", [_row("dromos", 1.0)])

    assert json.loads((tmp_path / "build" / "bench.json").read_text()) == {
        "rows": [
            {
                "scenario": "forward", "workload": "ct", "system": "dromos", "variant": "nodelay", "senders": 1,
                "accepted_s": 0.5, "delivered_s": 1.0, "cpu_s": 0.1, "peak_pss_mb": 50.0, "instances": 400, "bytes": 1000,
            }
        ]
    }  # fmt: skip


def test_a_system_that_failed_is_a_row_that_says_why_and_enters_no_median(tmp_path: Path):
    failed = Failed("forward", "ct", "orthanc", "nodelay", 1, "its storage tripped")
    measured = [_row("dromos", 1.0), failed]

    rows.write(tmp_path / "bench.json", measured)

    assert [each.row.system for each in rows.medians(measured)] == ["dromos"]
    assert rows.table(measured).splitlines()[-1].endswith("failed: its storage tripped")
    assert json.loads((tmp_path / "bench.json").read_text())["rows"][1]["failed"] == "its storage tripped"


def test_a_choice_keeps_the_order_and_nothing_chosen_is_everything():
    assert Choice(workloads=frozenset({"small"})).of_workloads(ALL) == [SMALL]
    assert Choice().of_workloads(ALL) == list(ALL)
    assert Choice(variants=frozenset({"nagle"})).of_variants(("nodelay", "nagle")) == ["nagle"]


def test_one_scenario_by_itself_leaves_the_rows_of_others(tmp_path: Path):
    out = tmp_path / "bench.json"
    deid = replace(_row("deid", 2.0), scenario="deid")
    rows.write(out, [_row("dromos", 1.0), deid])

    rows.write(out, [replace(deid, delivered_s=3.0)], rows.earlier(out, ["deid"]))

    found = json.loads(out.read_text())["rows"]
    assert [(row["scenario"], row["delivered_s"]) for row in found] == [("forward", 1.0), ("deid", 3.0)]
    assert rows.earlier(tmp_path / "none.json", ["deid"]) == []


def test_the_cost_of_the_log_is_of_rounds_that_follow_each_other():
    """The machine becomes slower and slower, and once something else takes it."""
    without = [replace(_row("unlogged", seconds), cpu_s=1.0) for seconds in (1.0, 2.0, 4.0, 8.0, 16.0)]
    with_it = [replace(row, delivered_s=row.delivered_s * 1.02, cpu_s=1.01) for row in without]
    with_it[2] = replace(with_it[2], delivered_s=400.0)

    assert cost(with_it, without) == "delivered 1.020 (1.020 to 50.510), processor time 1.010 (1.010 to 1.010)"
    assert cost(with_it[:1], without[:1]).startswith("delivered 1.020 (1.020 to 1.020)")
