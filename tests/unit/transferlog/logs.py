# SPDX-License-Identifier: Apache-2.0
"""A transfer log on a ledger of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dromos_gateway.spool.records import Delivery, Ending, Instance, Planned, Sent, State
from dromos_gateway.spool.schema import connect, connect_for_reading
from dromos_gateway.transferlog.queries import Queries
from dromos_gateway.transferlog.questions import Question
from dromos_gateway.transferlog.recorder import Recorder, Settled
from dromos_gateway.transferlog.references import Policy
from dromos_gateway.transferlog.sealing import Seal
from tests.unit.gateway.records import instance
from tests.unit.transferlog.fronts import front

NODE, PLAIN, SHIELDED = "default/radiology", "default/plain", "default/shielded"
IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2"))
SEAL = Seal(b"k" * 32)
NOTHING = Ending(State.Delivered, "", "", 2000.0)


class Log:
    """A recorder on a ledger of its own."""

    def __init__(self, folder: Path, *, sealed: bool = True) -> None:
        self.folder = folder
        self.connection = connect(folder / "ledger.sqlite")
        self.recorder = Recorder(self.connection, folder)
        self.seals = {NODE: SEAL} if sealed else {}
        self.recorder.policy = Policy(self.seals, frozenset({PLAIN}))
        self.settled: list[Settled] = []
        self.recorder.on_settled = lambda _, settled: self.settled.extend(settled)
        self.queries = Queries(connect_for_reading(folder / "ledger.sqlite"))

    def arrive(self, number: int, *, excluded: bool = False, keep: bool = True, **elements: object) -> Instance:
        arrived = replace(instance(number if keep else 0), sop_instance_uid=f"9.{number}")
        state = State.Excluded if excluded else State.Waiting
        plan = [Planned(key, state, "the condition is not met" if excluded else "") for key in (PLAIN, SHIELDED)]
        self.recorder.arrived(self.connection, arrived, front(**elements), plan)
        self.recorder.flush(self.connection)
        return arrived

    def settle(self, number: int, arrived: Instance, destination: str, ending: Ending = NOTHING) -> None:
        self.recorder.settled(self.connection, Delivery(number, arrived, destination, 1, 0.0, 0.0), ending)
        self.recorder.flush(self.connection)

    def ask(self, **question: object) -> list:
        self.recorder.move(self.connection)
        return self.queries.transfers(Question(**question), self.seals).found  # type: ignore[arg-type]

    def ask_series(self, **question: str) -> list:
        self.recorder.move(self.connection)
        return self.queries.series(Question(**question), self.seals).found


def outgoing() -> Sent:
    beginning = front(PatientID="PSEUDO", AccessionNumber="", StudyInstanceUID="2.25.1", SeriesInstanceUID="2.25.2")
    return Sent("2.25.3", EXPLICIT, beginning, "demo 1", "ab12", "sha256:cd")
