# SPDX-License-Identifier: Apache-2.0
"""Show the main job on this machine: a study comes in, is kept safe, is de-identified, and goes out to two receivers.

A real gateway (`dromos run`), an archive that speaks DICOM and a research server that speaks STOW-RS, in processes of
their own. The research server gets only what may leave. It is down at first, and the gateway is killed while instances
wait for it. Needs nothing but Dromos; cleans up after itself.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax

from dromos_gateway.demo.judging import deidentified, unchanged
from dromos_gateway.demo.manifests import write
from dromos_gateway.demo.phantom import PATIENT, make_study
from dromos_gateway.demo.processes import DemoFailed, Gateway, Receiver
from dromos_gateway.demo.show import comparison, finding, flow, header, verdict
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject

SLICES = 60
_PATIENCE = 90  # seconds, on a machine that is busy with other things


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--slices", metavar="N", type=int, default=SLICES, help=f"instances to send (default {SLICES})")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 when every receiver has every instance as it should."""
    if not 1 <= arguments.slices <= 1000:
        print("dromos demo: --slices wants a number from 1 to 1000", file=sys.stderr)
        return 2
    console = Console(highlight=False)
    previous = signal.signal(signal.SIGTERM, _leave)
    try:
        with tempfile.TemporaryDirectory(prefix="dromos-demo-") as folder:
            demo = _Demo(Path(folder), console, arguments.slices)
            try:
                return demo.play()
            finally:
                demo.end()
    except (DemoFailed, DimseError) as error:
        console.print(f"[bold red]the demo failed:[/] {error}")
        return 1
    finally:
        signal.signal(signal.SIGTERM, previous)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(143)


class _Demo:
    def __init__(self, home: Path, console: Console, slices: int) -> None:
        self._home = home
        self._console = console
        self._slices = slices
        self._gateway: Gateway | None = None
        self._receivers = {
            "archive": Receiver(home, "ARCHIVE", "dromos_gateway.demo.receiver", "ARCHIVE"),
            "research": Receiver(home, "RESEARCH", "dromos_gateway.demo.webreceiver"),
        }
        self._started = time.monotonic()

    def play(self) -> int:
        """Tell the whole story."""
        study = self._home / "study"
        self._step("A CT makes a study", "of a head phantom")
        files = self._make(study)
        self._step("The gateway starts", "dromos run; receiver RESEARCH is down")
        self._configure()
        self._receivers["archive"].start()
        gateway = self._start()
        self._step("The CT sends", "Success means: synced to disk")
        seconds = self._send(gateway, files)
        size = sum(path.stat().st_size for path in files)
        self._console.print(
            f"  {len(files)} instances, {size / 1e6:.1f} MB in {seconds:.2f} s: "
            f"{len(files) / seconds:.0f} instances/s, {size / seconds / 1e6:.0f} MB/s\n"
        )
        self._step("ARCHIVE gets everything at once", "byte for byte; RESEARCH delays nobody")
        self._watch({"archive": self._slices}, breaker="research")
        self._step("The gateway is killed", f"SIGKILL while {self._slices} instances wait")
        gateway.child.end(signal.SIGKILL)
        gateway = self._start()
        waiting = gateway.queues()["research"]["waiting"]
        self._console.print(f"  restarted as process {gateway.child.pid}: {waiting} of {self._slices} still wait\n")
        self._step("RESEARCH comes back", "the gateway notices, and sends what may leave")
        self._receivers["research"].start()
        self._watch({"archive": self._slices, "research": self._slices})
        self._step("Compare", "what went in with what came out")
        return self._compare(study)

    def end(self) -> None:
        """Leave no process behind."""
        children = [each.child for each in self._receivers.values()]
        if self._gateway is not None:
            children.append(self._gateway.child)
        for child in children:
            if child is not None:
                child.end()

    def _step(self, title: str, text: str) -> None:
        self._console.print(header(time.monotonic() - self._started, title, text))

    def _make(self, study: Path) -> list[Path]:
        files = []
        with self._progress() as progress:
            for path in progress.track(
                make_study(study, self._slices, datetime.now().astimezone()), self._slices, description="  slices"
            ):
                files.append(path)  # noqa: PERF402 - the bar moves with each one
        self._console.print()
        return files

    def _configure(self) -> None:
        ports = {name: receiver.port for name, receiver in self._receivers.items()}
        text = write(self._home / "manifests", **ports, patient=PATIENT)
        self._console.print(Syntax(text.rstrip(), "yaml", background_color="default", padding=(0, 2)))
        self._console.print()

    def _start(self) -> Gateway:
        self._gateway = Gateway(self._home)
        return self._gateway

    def _send(self, gateway: Gateway, files: list[Path]) -> float:
        started = time.monotonic()
        with self._progress() as progress:
            task = progress.add_task("  CT1 → DROMOS", total=len(files))

            async def send() -> None:
                heads = {path: read_head(path) for path in files}
                first = heads[files[0]]
                association = await Association.open(
                    Peer("127.0.0.1", gateway.port, "DROMOS", "CT1"),
                    [ProposedContext(first.sop_class_uid, (first.transfer_syntax_uid,))],
                )
                for path, head in heads.items():
                    response = await association.store(
                        StoredObject(
                            path,
                            head.data_set_offset,
                            head.sop_class_uid,
                            head.sop_instance_uid,
                            head.transfer_syntax_uid,
                        )
                    )
                    if response.status != 0:
                        raise DemoFailed(f"the gateway answered {response.status:04X} {response.error_comment}")
                    progress.advance(task)
                await association.release()

            asyncio.run(send())
        return time.monotonic() - started

    def _watch(self, goal: dict[str, int], breaker: str | None = None) -> None:
        """Show the queues until every receiver named has what it should have."""
        if self._gateway is None:
            raise DemoFailed("there is no gateway")
        deadline = time.monotonic() + _PATIENCE
        with Live(console=self._console, refresh_per_second=10, transient=False) as live:
            while True:
                queues = self._gateway.queues()
                received = {name: receiver.received() for name, receiver in self._receivers.items()}
                live.update(flow(self._slices, queues, received))
                complete = all(
                    received[name] >= number and queues[name]["delivered"] >= number for name, number in goal.items()
                )
                if complete and (breaker is None or queues[breaker]["breaker"] != "Closed"):
                    break
                if time.monotonic() > deadline:
                    raise DemoFailed(f"not everything arrived within {_PATIENCE} s")
                time.sleep(0.05)
        self._console.print()

    def _compare(self, study: Path) -> int:
        folders = {receiver.name: receiver.folder for receiver in self._receivers.values()}
        findings = {
            "ARCHIVE": unchanged(study, folders["ARCHIVE"]),
            "RESEARCH": deidentified(study, folders["RESEARCH"]),
        }
        self._console.print(comparison(study, folders))
        for name, found in findings.items():
            self._console.print(finding(name, found))
        good = all(found.good for found in findings.values())
        self._console.print(verdict(good, time.monotonic() - self._started))
        return 0 if good else 1

    def _progress(self) -> Progress:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        return Progress(*columns, console=self._console)


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos demo", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
