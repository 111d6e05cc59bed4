# SPDX-License-Identifier: Apache-2.0
"""Many different instances, made quickly: a template whose UID and last bytes change."""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pydicom import dcmread

from dromos_gateway.dimse.part10 import FileHead, read_head
from dromos_gateway.dimse.requestor import StoredObject
from tests.wire.gateway.peers import make_study

_UID_ROOT = "1.2.826.0.1.3680043.9.7433.1"
_DIGITS = 9
_NOISE = 32


@dataclass(frozen=True)
class Made:
    """An instance, and what its data set must look like wherever it arrives."""

    item: StoredObject
    digest: bytes

    @property
    def uid(self) -> str:
        return self.item.sop_instance_uid


class Factory:
    """Makes instances of one study; no two are the same, and no UID comes twice."""

    def __init__(self, folder: Path, chance: Random, sizes: tuple[int, ...] = (400, 12_000, 150_000)) -> None:
        self._folder = folder
        self._chance = chance
        self._numbers = itertools.count(1)
        self._templates = [_template(folder / f"template-{size}", size) for size in sizes]

    def make(self) -> Made:
        content, head = self._chance.choice(self._templates)
        uid = _uid(next(self._numbers))
        content = content.replace(_uid(0).encode(), uid.encode())[:-_NOISE] + self._chance.randbytes(_NOISE)
        path = self._folder / f"{uid}.dcm"
        path.write_bytes(content)
        item = StoredObject(path, head.data_set_offset, head.sop_class_uid, uid, head.transfer_syntax_uid)
        return Made(item, hashlib.sha256(content[head.data_set_offset :]).digest())


def received(folder: Path) -> dict[str, list[bytes]]:
    """What a receiver with unique file names has: of every SOP Instance UID the digests of the data sets, one a copy."""
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for path in folder.iterdir():
        try:
            head = read_head(path)
        except (OSError, ValueError):
            continue  # storescp keeps what it had of an association that died
        found[head.sop_instance_uid].append(hashlib.sha256(path.read_bytes()[head.data_set_offset :]).digest())
    return found


def _uid(number: int) -> str:
    return f"{_UID_ROOT}{number:0{_DIGITS}}"


def _template(folder: Path, size: int) -> tuple[bytes, FileHead]:
    """A file whose UID has the length of those to come, so that it may be replaced in place."""
    path = next(make_study(folder, 1, pixels=size).iterdir())
    data = dcmread(path)
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = _uid(0)
    data.save_as(path, enforce_file_format=True)
    return path.read_bytes(), read_head(path)
