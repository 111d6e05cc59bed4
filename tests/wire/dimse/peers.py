# SPDX-License-Identifier: Apache-2.0
"""What the wire tests need: an acceptor with a memory, real programs, made-up images."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from dromos_gateway.dimse.acceptor import Acceptor, AcceptorLimits
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.policy import (
    Admission,
    AssociationRequest,
    InstanceSink,
    Rejection,
    StoreRequest,
    StoreStatus,
)
from dromos_gateway.dimse.requestor import Peer, StoredObject, Timeouts
from tests.ports import free_port as free_port

CT = "1.2.840.10008.5.1.4.1.1.2"
PRIVATE_CLASS = "1.2.826.0.1.3680043.2.1143.77"
IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}  # without it DCMTK measures a 40 ms timer


@dataclass
class Stored:
    """One instance as it arrived."""

    request: StoreRequest
    content: bytes


@dataclass
class Memory:
    """A policy that keeps everything in memory, and does what a test asks."""

    admission: Admission | Rejection = field(default_factory=Admission)
    status: StoreStatus = field(default_factory=lambda: StoreStatus(0))
    answer_at_once: StoreStatus | None = None
    fail_begin: Exception | None = None
    fail_write: Exception | None = None
    fail_finish: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)  # finish waits for it, where `gated`
    gated: bool = False
    requests: list[AssociationRequest] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    begun: int = 0
    abandoned: int = 0
    finishing: int = 0
    most_finishing: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def admit(self, request: AssociationRequest) -> Admission | Rejection:
        self.requests.append(request)
        return self.admission

    def begin(self, admission: Admission, request: StoreRequest) -> InstanceSink | StoreStatus:
        assert admission is self.admission
        if self.fail_begin is not None:
            raise self.fail_begin
        if self.answer_at_once is not None:
            return self.answer_at_once
        self.begun += 1
        return _MemorySink(self, request)

    @property
    def contents(self) -> dict[str, bytes]:
        return {each.request.sop_instance_uid: each.content for each in self.stored}


class _MemorySink:
    def __init__(self, memory: Memory, request: StoreRequest) -> None:
        self._memory = memory
        self._request = request
        self._content = bytearray()

    def write(self, fragment: memoryview) -> None:
        if self._memory.fail_write is not None:
            raise self._memory.fail_write
        self._content += fragment

    def finish(self, answer: Callable[[StoreStatus], None]) -> None:
        memory = self._memory
        memory.finishing += 1
        memory.most_finishing = max(memory.most_finishing, memory.finishing)
        if memory.gated:
            task = asyncio.create_task(self._when_it_opens(answer))
            memory.tasks.add(task)
            task.add_done_callback(memory.tasks.discard)
        else:
            self._end(answer)

    async def _when_it_opens(self, answer: Callable[[StoreStatus], None]) -> None:
        await self._memory.gate.wait()
        self._end(answer)

    def _end(self, answer: Callable[[StoreStatus], None]) -> None:
        memory = self._memory
        memory.finishing -= 1
        if memory.fail_finish is not None:
            raise memory.fail_finish
        memory.stored.append(Stored(self._request, bytes(self._content)))
        answer(memory.status)

    def flush(self) -> None:
        """It has copied everything."""

    def abandon(self) -> None:
        self._memory.abandoned += 1


@contextlib.asynccontextmanager
async def listening(
    memory: Memory, limits: AcceptorLimits | None = None, ssl: SSLContext | None = None
) -> AsyncIterator[Acceptor]:
    """An acceptor on a free port of the loopback."""
    acceptor = Acceptor(memory, limits, ssl)
    await acceptor.start("127.0.0.1", 0)
    try:
        yield acceptor
    finally:
        acceptor.close()


def peer(port: int, *, ssl: SSLContext | None = None, **timeouts: float) -> Peer:
    """How to call what listens on a port of the loopback."""
    return Peer("127.0.0.1", port, "STORE", "DROMOS", ssl, Timeouts(**timeouts))


def make_image(path: Path, *, size: int = 1000, sop_class: str = CT, syntax: str = EXPLICIT, number: int = 1) -> Path:
    """A Part 10 file with `size` bytes of pixels."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = UID(syntax)
    image.SOPClassUID = UID(sop_class)
    image.SOPInstanceUID = UID(f"1.2.826.0.1.3680043.9.77.{number}")
    image.StudyInstanceUID = UID("1.2.826.0.1.3680043.9.77")
    image.SeriesInstanceUID = UID("1.2.826.0.1.3680043.9.77.0")
    image.PatientID, image.PatientName, image.Modality = "P", "Made^Up", "CT"
    image.Rows, image.Columns, image.SamplesPerPixel = 512, 512, 1
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.PhotometricInterpretation = 15, 0, "MONOCHROME2"
    image.add_new(0x7FE00010, "OW", random.Random(number).randbytes(size))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


def stored_object(path: Path) -> StoredObject:
    """What the requestor wants to know of a file."""
    head = read_head(path)
    return StoredObject(path, head.data_set_offset, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid)


def data_set(path: Path) -> bytes:
    """The bytes after the file meta information."""
    return path.read_bytes()[read_head(path).data_set_offset :]


async def run(*command: str | Path, timeout: float = 60) -> tuple[int, str]:
    """Run a program to its end; its exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=ENVIRONMENT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


@contextlib.asynccontextmanager
async def program(*command: str | Path, port: int, cwd: Path | None = None) -> AsyncIterator[None]:
    """A server program, from when it listens on `port` until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd=cwd,
    )
    try:
        await until(lambda: process.returncode is not None or _listens(port))
        assert process.returncode is None, f"{command[0]} ended at once"
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def _listens(port: int) -> bool:
    # Looking at the kernel's table leaves no half-open connection at a server that serves one at a time.
    wanted = f"0100007F:{port:04X}", f"00000000:{port:04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(fields[1] in wanted and fields[3] == "0A" for fields in lines)


async def until(condition: Callable[[], object], timeout: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def stalled(acceptor: Acceptor, count: int, said: bytes) -> AsyncIterator[list[asyncio.StreamReader]]:
    """Connections that say so much each, and no more; what comes back on them."""
    opened = [await asyncio.open_connection("127.0.0.1", acceptor.port) for _ in range(count)]
    try:
        for _, writer in opened:
            writer.write(said)
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.transport.abort()


async def all_ended(readers: Sequence[asyncio.StreamReader]) -> None:
    """Wait until the other side has closed all of them."""
    for reader in readers:
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 20)


@contextlib.contextmanager
def taking_less_than(seconds: float) -> Iterator[None]:
    """Fail when the block takes longer."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
