# SPDX-License-Identifier: Apache-2.0
"""What a condition of two terms adds to an instance: the decision when it arrives, and what the log reads of it.

The header is read once for both: with a condition when the instance arrives, without one when the log needs it. So
it is the sum that counts. No disk, no network; rounds without and with the condition alternate. `cpu` is the process'.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import headers
from bench.rows import Row
from bench.workloads import SMALL, batches
from dromos_crds.expressions import Condition, compile_condition
from dromos_gateway import pipeline
from dromos_gateway.configuration.settings import DestinationSettings
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.instancevalues import InstanceValues
from dromos_gateway.spool.records import Instance
from dromos_gateway.transferlog.identifiers import read_front, read_view

COUNT, REPEAT, ROUNDS = 100, 50, 9
CONDITION = 'tagValueIsPresent(#Tag.Modality, "CT") && !tagValueContains(#Tag.StudyDescription, "test")'
_IN_MEMORY, _OF_THE_LOG = 16 * 1024, 4096  # bytes of a data set that the gateway has at hand for each of them


@dataclass(frozen=True)
class Case:
    """An instance as it is when its last byte is in."""

    instance: Instance
    path: Path
    beginning: bytes


def run(home: Path) -> Iterator[Row]:
    """Rounds of both in turn, for a header of 23 elements and one of 145."""
    folder = home / "headers"
    folder.mkdir(parents=True, exist_ok=True)
    (small,) = batches(home, SMALL)
    compiled = compile_condition(CONDITION)
    assert isinstance(compiled, Condition)
    for workload, paths in (
        ("small", sorted(small.folder.glob("*.dcm"))[:COUNT]),
        (f"ct-{headers.ELEMENTS}", headers.write(folder, COUNT)),
    ):
        cases = [_case(path) for path in paths]
        settings = {"without": _settings(None), "two-terms": _settings(compiled)}
        seconds: dict[str, list[float]] = {variant: [] for variant in settings}
        for variant in settings:
            _arrive(cases, settings[variant])
        for _ in range(ROUNDS):
            for variant, destination in settings.items():
                row = _measured(workload, variant, cases, destination)
                seconds[variant].append(row.cpu_s / row.instances)
                yield row
        without, with_terms = (1e6 * median(seconds[variant]) for variant in ("without", "two-terms"))
        print(f"  {workload}: {without:.1f} µs an instance without, the condition adds {with_terms - without:.1f} µs")


def _measured(workload: str, variant: str, cases: Sequence[Case], destination: DestinationSettings) -> Row:
    gc.collect()
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(REPEAT):
        _arrive(cases, destination)
    wall, used = time.perf_counter() - started, time.process_time() - cpu
    size = REPEAT * sum(case.instance.size for case in cases)
    return Row("condition", workload, "dromos", variant, 1, wall, wall, used, 0.0, REPEAT * len(cases), size)


def _arrive(cases: Sequence[Case], destination: DestinationSettings) -> None:
    for case in cases:
        with InstanceValues(case.instance, case.path, case.beginning) as values:
            decision = pipeline.on_arrival(case.instance, destination, values)
        syntax, offset = case.instance.transfer_syntax_uid, case.instance.data_set_offset
        if values.read is not None:
            found = read_view(values.read)
        else:
            found = read_front(case.beginning[:_OF_THE_LOG], syntax, case.path, offset)
        assert isinstance(decision, pipeline.Deliver)
        assert found.modality == "CT"


def _case(path: Path) -> Case:
    head, content = read_head(path), path.read_bytes()
    instance = Instance(
        1, path.name, len(content), head.data_set_offset, head.sop_class_uid, head.sop_instance_uid,
        head.transfer_syntax_uid, "", "CT1", "DROMOS", "127.0.0.1", "default/bench", 0.0,
    )  # fmt: skip
    return Case(instance, path, content[head.data_set_offset :][:_IN_MEMORY])


def _settings(condition: Condition | None) -> DestinationSettings:
    return DestinationSettings("default/a", "default/bench", 1, True, False, None, None, 3600.0, condition=condition)
