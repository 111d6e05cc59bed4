# SPDX-License-Identifier: Apache-2.0
"""Real processes around a gateway: `dromos run` itself, DCMTK's storescu and storescp."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from dromos_gateway.dimse.part10 import NotPart10, read_head
from tests.ports import free_port

_MR_ONLY = """
[[TransferSyntaxes]]
[Plain]
TransferSyntax1 = LocalEndianExplicit
[[PresentationContexts]]
[MR]
PresentationContext1 = MRImageStorage\\Plain
[[Profiles]]
[Picky]
PresentationContexts = MR
"""
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


def eventually(condition: Callable[[], Any], what: str, timeout: float = 180.0) -> Any:
    """Wait until `condition` is truthy; its value. On a machine of which a test gets a twentieth, workers take a minute to
    start: whoever waits for them waits long enough, and pays nothing for it where they are quick."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout:.0f} s: {what}")


def make_study(folder: Path, count: int, *, pixels: int = 8192, sop_class: str = CTImageStorage) -> Path:
    """Write instances of one study; the pixels are noise, the patient does not exist."""
    folder.mkdir(parents=True, exist_ok=True)
    study, series = generate_uid(), generate_uid()
    for number in range(count):
        data = Dataset()
        data.SOPClassUID = sop_class
        data.SOPInstanceUID = generate_uid()
        data.Modality = "CT"
        data.PatientName = "Test^Nobody"
        data.PatientID = "T-1"
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.InstanceNumber = str(number)
        data.Columns = 64 if pixels < 2**20 else 4096
        data.Rows = pixels // 2 // data.Columns
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
        data.PhotometricInterpretation = "MONOCHROME2"
        data.PixelData = random.randbytes(pixels)
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)
    return folder


def data_sets(folder: Path) -> dict[str, bytes]:
    """The encoded data sets below a folder, by SOP Instance UID."""
    result = {}
    for path in folder.iterdir():
        try:
            head = read_head(path)
        except NotPart10:  # a receiver is still writing it
            continue
        result[head.sop_instance_uid] = path.read_bytes()[head.data_set_offset :]
    return result


def mr_only(folder: Path) -> tuple[str, ...]:
    """Options of a storescp that takes MR images and refuses every other class."""
    configuration = folder / "storescp.cfg"
    configuration.write_text(_MR_ONLY)
    return "-xf", str(configuration), "Picky"


class Receiver:
    """DCMTK's storescp, writing what it gets bit by bit."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> Receiver:
        self.log = (self.folder.parent / f"{self.folder.name}.log").open("ab")
        command = ["storescp", "--fork", "+B", "-d", *self._options, "-od", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(
            command, stdout=self.log, stderr=self.log, env=ENVIRONMENT, start_new_session=True
        )
        eventually(self._answers, "storescp listens")
        return self

    @property
    def running(self) -> bool:
        return self._process is not None

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            self.log.close()

    def has(self, count: int, timeout: float = 180.0) -> None:
        """Wait until so many instances are there, and whole."""

        def enough() -> bool:
            return sum(1 for _ in self.folder.iterdir()) >= count and not self._writes()

        try:
            eventually(enough, "", timeout)
        except AssertionError:
            here = sum(1 for _ in self.folder.iterdir())
            raise AssertionError(f"{here} of {count} instances after {timeout:.0f} s") from None

    def _writes(self) -> bool:
        """Whether one of its processes has a file of the folder open."""
        if self._process is None:
            return False
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it ended
                if int(stat.read_text().rpartition(")")[2].split()[2]) == self._process.pid:
                    links = (link.readlink() for link in (stat.parent / "fd").iterdir())
                    if any(link.parent == self.folder for link in links):
                        return True
        return False

    def said(self, text: str) -> bool:
        return text in Path(self.log.name).read_text(errors="replace")

    def _answers(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


class GatewayProcess:
    """`dromos run` on a folder of manifests."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        self.manifests = home / "manifests"
        self.spool = home / "spool"
        self.manifests.mkdir(parents=True, exist_ok=True)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._log = home / "gateway.log"
        self.port = self.admin = 0
        self.prefix: tuple[str, ...] = ()  # what it runs under
        self.program = "dromos_gateway.commands.run"
        self.environment: dict[str, str] = {}

    def write(self, name: str, text: str) -> None:
        """Put a manifest in place at once, as `mv` does."""
        temporary = self.manifests / f".{name}"
        temporary.write_text(text)
        temporary.rename(self.manifests / f"{name}.yaml")

    def node(self, spec: str = "", *, name: str = "radiology", ae_title: str = "DROMOS") -> None:
        self.write(name, _document("ForwardNode", name, f"aeTitle: {ae_title}", spec))

    def destination(self, name: str, port: int, spec: str = "", dicom: str = "", node: str = "radiology") -> None:
        lines = [
            f"forwardNodeRef: {{name: {node}}}",
            f"dicom: {{aeTitle: {name.upper()}, hostname: 127.0.0.1, port: {port}{dicom}}}",
        ]
        self.write(f"destination-{name}", _document("Destination", name, *lines, spec))

    def launch(self, *, port: int = 0) -> subprocess.Popen[bytes]:
        log = self._log.open("ab")
        command = [
            *self.prefix, sys.executable, "-m", self.program, str(self.manifests), "--listen", f"127.0.0.1:{port}",
            "--admin", "127.0.0.1:0", "--spool", str(self.spool), *self._options,
        ]  # fmt: skip
        self._seen = self._log.stat().st_size
        self._process = subprocess.Popen(command, stderr=log, env={**ENVIRONMENT, **self.environment})
        log.close()
        return self._process

    def start(self, *, port: int = 0) -> GatewayProcess:
        self.launch(port=port)
        self.port = eventually(lambda: self.listens("listening"), "the gateway listens")
        self.admin = eventually(lambda: self.listens("admin port open"), "the admin port listens")
        eventually(lambda: self.get("/readyz") is not None, "the gateway is ready")
        return self

    def log(self) -> str:
        return self._log.read_text()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def listens(self, message: str) -> int | None:
        """The port in the line with this message, once the gateway that runs now has written it."""
        assert self._process is not None
        assert self._process.poll() is None, f"the gateway ended with {self._process.returncode}: {self.log()}"
        for line in self._log.read_bytes()[self._seen :].decode().splitlines():
            if f'"message": "{message}"' in line and line.endswith("}"):
                return int(json.loads(line)["port"])
        return None

    def get(self, path: str, *, method: str = "GET", token: str | None = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}{path}", method=method)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None
        return json.loads(body) if response.headers["Content-Type"].startswith("application/json") else body.decode()

    def queue(self, name: str) -> dict[str, Any]:
        """A destination's figures."""
        # a machine that is busy may take longer than one request waits
        status = eventually(lambda: isinstance(said := self.get("/v1/status"), dict) and said, "the admin port answers")
        found = [item for item in status["destinations"] if item["name"] == name]
        return found[0] if found else {}

    def applied(self) -> None:
        """Wait until the manifests as they are now are in force."""
        from dromos_crds.manifests import read

        digest = read([self.manifests]).hash
        eventually(lambda: self.get("/v1/configuration")["hash"] == digest, "the configuration is in force")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def terminate(self, timeout: float = 40.0) -> int:
        return self._end(signal.SIGTERM, timeout)

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, timeout: float = 40.0) -> int:
        assert self._process is not None
        return self._process.wait(timeout)

    def _end(self, number: signal.Signals, timeout: float = 40.0) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(timeout)
        finally:
            process.kill()

    def is_empty(self) -> bool:
        """Whether the spool holds no object and no piece of one."""
        return not any(any((self.spool / part).iterdir()) for part in ("incoming", "objects", "prepared"))


def storescu(
    port: int, folder: Path, *options: str, called: str = "DROMOS", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Send every file of a folder."""
    command = ["storescu", "-v", "-aec", called, *options, "+sd", "127.0.0.1", str(port), str(folder)]
    result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False)
    if check:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


def successes(result: subprocess.CompletedProcess[str]) -> int:
    return (result.stdout + result.stderr).count("Received Store Response (Success)")


def missing_programs(programs: Sequence[str] = ("storescu", "storescp", "echoscu")) -> list[str]:
    return [program for program in programs if shutil.which(program) is None]


def _document(kind: str, name: str, *lines: str) -> str:
    spec = "\n".join(f"  {line}" for text in lines for line in text.splitlines() if line)
    return f"apiVersion: dromos.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}\n"
