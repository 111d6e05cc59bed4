# SPDX-License-Identifier: Apache-2.0
"""Store and forward: three workloads, four systems, senders without and with Nagle's algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.choice import EVERYTHING, Choice
from bench.interleave import interleave
from bench.rounds import Setting
from bench.rows import Result
from bench.systems.dcmtk import Dcmtk
from bench.systems.dromos import Dromos
from bench.systems.orthanc import Orthanc
from bench.systems.pynetdicom import Pynetdicom
from bench.workloads import ALL

VARIANTS = ("nodelay", "nagle")
SYSTEMS = (Dcmtk, Dromos, Orthanc, Pynetdicom)


def run(home: Path, choice: Choice = EVERYTHING) -> Iterator[Result]:
    """Every workload and variant with every system, or those chosen."""
    systems = choice.of_systems([system() for system in SYSTEMS])
    for variant in choice.of_variants(VARIANTS):
        for workload in choice.of_workloads(ALL):
            setting = Setting("forward", workload.name, variant, sender_nagle=variant == "nagle")
            yield from interleave(home, systems, setting, workload, count=choice.rounds)
