# SPDX-License-Identifier: Apache-2.0
"""Part 10 files on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dromos_gateway.commands.calling import WrongUsage
from dromos_gateway.dimse.part10 import NotPart10, read_head
from dromos_gateway.dimse.requestor import StoredObject
from dromos_gateway.dimse.uids import is_storage


@dataclass(frozen=True, slots=True)
class Found:
    """What can be sent, and how many files of the folders cannot."""

    instances: list[StoredObject]
    sizes: dict[Path, int]
    left_out: int

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes.values())


def find(paths: Sequence[Path]) -> Found:
    """Read the heads of files, and of everything in folders. WrongUsage for a path that cannot be used."""
    instances: list[StoredObject] = []
    sizes: dict[Path, int] = {}
    left_out = 0
    try:
        for path in paths:
            named = not path.is_dir()
            for file in [path] if named else _walk(path):
                try:
                    head = read_head(file)
                except NotPart10 as error:
                    if named:
                        raise WrongUsage(f"{file}: {error}") from None
                    left_out += 1
                    continue
                if not is_storage(head.sop_class_uid):
                    left_out += 1
                    continue
                sizes[file] = file.stat().st_size
                instances.append(
                    StoredObject(
                        file,
                        head.data_set_offset,
                        head.sop_class_uid,
                        head.sop_instance_uid,
                        head.transfer_syntax_uid,
                    )
                )
    except OSError as error:
        raise WrongUsage(f"{error.filename}: {error.strerror}") from None
    return Found(instances, sizes, left_out)


def _walk(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=fail):
        folders.sort()
        for name in sorted(files):
            file = Path(root, name)
            if file.is_file():  # not a socket, pipe or device, which would block
                yield file
