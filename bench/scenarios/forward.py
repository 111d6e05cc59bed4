# SPDX-License-Identifier: Apache-2.0
"""Store and forward: three workloads, four systems, senders without and with Nagle's algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.interleave import interleave
from bench.rounds import Setting
from bench.rows import Row
from bench.systems.dcmtk import Dcmtk
from bench.systems.dromos import Dromos
from bench.systems.orthanc import Orthanc
from bench.systems.pynetdicom import Pynetdicom
from bench.workloads import ALL


def run(home: Path) -> Iterator[Row]:
    """Every workload and variant with every system."""
    systems = (Dcmtk(), Dromos(), Orthanc(), Pynetdicom())
    for variant in ("nodelay", "nagle"):
        for workload in ALL:
            setting = Setting("forward", workload.name, variant, sender_nagle=variant == "nagle")
            yield from interleave(home, systems, setting, workload)
