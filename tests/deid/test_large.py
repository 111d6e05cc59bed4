# SPDX-License-Identifier: Apache-2.0
"""Files of any size in the memory of a small one: long pixels, long headers, deflated ones."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from dromos_gateway.deid.hashing import hashed_uid
from tests.deid.writer import Deflated, Node, Style, data_set, part10
from tests.unit.deid.instances import KEY

MOST = 80  # MiB of resident memory at the peak; a file of a few KB takes 40
CLASS = "1.2.840.10008.5.1.4.1.1.4.1"
LONG = 250 << 20
ITEMS = 100_000
_PROGRAM = """
import re, sys
from pathlib import Path
from dromos_gateway.deid.deidentify import Instance, deidentify
from dromos_gateway.deid.plan import Recipe, compile_plan
from dromos_gateway.dimse.part10 import read_head
path = Path(sys.argv[1])
head = read_head(path)
instance = Instance(path, head.data_set_offset, head.transfer_syntax_uid)
plan = compile_plan(Recipe('{"profileElements": [{"codename": "basic.dicom.profile"}]}', "study", bytes.fromhex(sys.argv[3])))
outcome = deidentify(instance, Path(sys.argv[2]), plan, "PSEUDO")
peak = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]
print(type(outcome).__name__, getattr(outcome, "reason", ""), int(peak) >> 10)
"""


def _nodes(*more: Node) -> list[Node]:
    return [
        (0x00080016, "UI", CLASS.encode()), (0x00080018, "UI", b"1.2.3"), (0x0020000D, "UI", b"1.2.3.1"),
        (0x0020000E, "UI", b"1.2.3.2"), (0x00100020, "LO", b"P1"), *more,
    ]  # fmt: skip


def _pixels(path: Path) -> None:
    head = part10(CLASS, "1.2.3", data_set(_nodes(), Style()), Style())
    with path.open("wb") as file:
        file.write(head + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, LONG))
        file.seek(LONG - 4, 1)
        file.write(b"last")


def _header(path: Path) -> None:
    item: list[Node] = [(0x00081150, "UI", CLASS.encode()), (0x00081155, "UI", b"1.2.4"), (0x00104000, "LT", b"secret")]
    nodes = _nodes((0x00081115, "SQ", [item] * ITEMS))
    path.write_bytes(part10(CLASS, "1.2.3", data_set(nodes, Style(undefined=True)), Style()))


def _deflated(path: Path) -> None:
    body = data_set(_nodes(), Style()) + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, 16 << 20)
    machine = zlib.compressobj(1, wbits=-15)
    content = machine.compress(body) + machine.compress(bytes(range(256)) * (16 << 12)) + machine.flush()
    path.write_bytes(part10(CLASS, "1.2.3", content, Deflated()))


def _changed(path: Path, target: Path) -> tuple[str, int]:
    command = [sys.executable, "-c", _PROGRAM, path, target, KEY.hex()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *verdict, memory = done.stdout.split()
    return " ".join(verdict), int(memory)


@pytest.mark.parametrize("make", [_pixels, _header, _deflated], ids=["pixels", "header", "deflated"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    make(path)
    verdict, memory = _changed(path, target)
    assert verdict == "Changed"
    assert memory <= MOST, memory
    if make is _pixels:
        with target.open("rb") as file:
            file.seek(-8, 2)
            assert file.read() == b"\0\0\0\0last"
        assert target.stat().st_size > LONG
    if make is _header:
        content = target.read_bytes()
        assert content.count(hashed_uid(KEY, "1.2.4").encode()) == ITEMS
        assert b"secret" not in content


def test_a_bomb_is_held(tmp_path: Path) -> None:
    path, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    machine = zlib.compressobj(9, wbits=-15)
    content = b"".join(machine.compress(bytes(1 << 20)) for _ in range(400)) + machine.flush()
    path.write_bytes(part10(CLASS, "1.2.3", content, Deflated()))
    verdict, memory = _changed(path, target)
    assert verdict == "Held MalformedDataSet"
    assert memory <= MOST, memory
    assert not target.exists()
