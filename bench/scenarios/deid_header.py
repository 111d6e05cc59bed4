# SPDX-License-Identifier: Apache-2.0
"""Header rewriting alone on one core: the basic profile with five rules, beside dicognito and pydicom.

Each system reads the same CT slices; pydicom and dicognito write new files. `dromos` is what a gateway's worker does:
it reads the file and gives the new header as patches, with which the pixels are sent from where they lie. `dromos-file`
writes new files like the others, as a gateway does only where patches don't serve.

Rounds alternate. A file is removed once it is written, while no clock runs, each round begins with some that are not
measured, and goes through the slices until it has lasted a while: nobody pays for another's write-back, nor for memory
that the machine hands out for the first time, which a round of 50 ms was known to do for half of its time. `delivered`
is the time for all slices once, `cpu` that of the process with its share of the kernel's, both as means of the passes.
Instances a second are instances / cpu.
"""

from __future__ import annotations

import gc
import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from dicognito.anonymizer import Anonymizer
from pydicom import dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from bench import headers
from bench.rows import Row
from dromos_crds.profiles.confidentiality import row_of
from dromos_gateway.changes.stage import MOST_NEW
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.outcomes import Changed
from dromos_gateway.deid.plan import Recipe, compile_plan
from dromos_gateway.dimse.part10 import read_head

COUNT, ROUNDS, UNMEASURED = 100, 5, 20
_LONG = 0.5  # seconds that a round lasts at least
_RULES = [
    {
        "codename": "action.on.specific.tags",
        "action": "K",
        "condition": "tagValueIsPresent(#Tag.Modality, 'CT')",
        "tags": ["00081010"],
    },
    {
        "codename": "action.on.dates",
        "option": "shift_range",
        "arguments": {"max_days": 200, "max_seconds": 1000},
        "tags": ["(0008,002X)", "(0008,003X)"],
    },
    {
        "codename": "expression.on.tags",
        "arguments": {"expr": "stringValue == 'Scout' ? Remove() : null"},
        "tags": ["0008103E"],
    },
    {"codename": "action.on.privatetags", "action": "K", "tags": ["(7053,xx00)"]},
    {"codename": "action.add.tag", "tags": ["(0028,0301)"], "arguments": {"value": "NO"}},
]
PROFILE = {"name": "bench", "profileElements": [*_RULES, {"codename": "basic.dicom.profile"}]}


def run(home: Path) -> Iterator[Row]:
    """Rounds of each system in turn."""
    warnings.simplefilter("ignore")  # dicognito says much about values that are not quite right
    folder = home / "headers"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = headers.write(folder, COUNT)
    systems = {"dromos": _dromos(MOST_NEW), "dromos-file": _dromos(0), "pydicom": _pydicom, "dicognito": _dicognito()}
    for name, change in systems.items():
        change(paths[0], home / f"{name}.dcm")
    for _ in range(ROUNDS):
        for name, change in systems.items():
            yield _measured(name, change, paths, home / f"headers-{name}")


def _measured(name: str, change: Callable[[Path, Path], None], paths: list[Path], out: Path) -> Row:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    gc.collect()
    wall = used = 0.0
    size = 0
    for path in paths[:UNMEASURED]:
        change(path, out / path.name)
        (out / path.name).unlink(missing_ok=True)
    passes = 0
    while wall < _LONG:
        for path in paths:
            target = out / path.name
            started, cpu = time.perf_counter(), time.process_time()
            change(path, target)
            wall, used = wall + time.perf_counter() - started, used + time.process_time() - cpu
            size += path.stat().st_size
            target.unlink(missing_ok=True)
        passes += 1
    wall, used, size = wall / passes, used / passes, size // passes
    print(f"  {name:<12}{len(paths) / used:8.0f} instances/s of one core", flush=True)
    return Row("deid-header", "ct-145", name, "basic+5", 1, wall, wall, used, 0.0, len(paths), size)


def _dromos(most: int) -> Callable[[Path, Path], None]:
    plan = compile_plan(Recipe(json.dumps(PROFILE), "bench", bytes(range(16))))

    def change(path: Path, target: Path) -> None:
        head = read_head(path)
        instance = Instance(path, head.data_set_offset, head.transfer_syntax_uid)
        result = deidentify(instance, target, plan, "BENCH-ONE", most=most)
        assert isinstance(result, Changed), result
        assert bool(result.patches) == bool(most)

    return change


def _pydicom(path: Path, target: Path) -> None:
    """Read, walk, write, as scripts do: the table's plain actions and nothing else."""
    data = dcmread(path)
    data.walk(_visit)
    data.save_as(target)


def _visit(data: Dataset, element: DataElement) -> None:
    row = row_of(element.tag)
    if row is None:
        return
    if row.basic.startswith("X"):
        del data[element.tag]
    elif element.VR not in ("SQ", "UI"):
        element.value = ""


def _dicognito() -> Callable[[Path, Path], None]:
    anonymizer = Anonymizer(seed="bench")

    def change(path: Path, target: Path) -> None:
        data = dcmread(path)
        anonymizer.anonymize(data)
        data.save_as(target)

    return change
