# SPDX-License-Identifier: Apache-2.0
"""Finds manifest files, in folders that the kubelet mounts as well as in a person's own."""

from __future__ import annotations

import errno
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAXIMUM_FILE_SIZE = 16 * 2**20
MAXIMUM_DEPTH = 32
_ATTEMPTS = 3


Spare = Callable[[OSError], None]  # what becomes of a file that cannot be read


def sentence(error: OSError) -> str:
    """What cannot be read, and why, for people."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said


def refuse(error: OSError) -> None:
    """Nothing is read where something cannot be: a gateway must not take what it does not see for deleted."""
    raise error


@dataclass(frozen=True, slots=True)
class Found:
    """One manifest file."""

    path: Path
    name: str  # relative to the path that was asked for; no two files have the same
    content: bytes
    explicit: bool = False  # asked for by its own name, not found in a folder


def find_all(paths: Sequence[Path], spare: Spare = refuse) -> list[Found]:
    """The same of several paths, where a name is taken already with the path in place of the name."""
    result: list[Found] = []
    taken: dict[str, Path] = {}
    read: set[Path] = set()
    for path in paths:
        for found in find(path, spare):
            if found.path in read:
                continue  # a folder, and a file in it by its own name
            read.add(found.path)
            clashes = taken.setdefault(found.name, found.path) != found.path
            result.append(replace(found, name=str(found.path)) if clashes else found)
    return result


def find(path: Path, spare: Spare = refuse) -> list[Found]:
    """The file, or every manifest file below the folder, in order; OSError where something cannot be read."""
    if not path.is_dir():
        return list(_read(path, path, path.name, spare, explicit=True))
    # The kubelet swaps `..data` and then removes the old folder: a reader that loses the race starts again.
    for attempt in range(_ATTEMPTS):
        try:
            return [
                found
                for shown, real in _walk(path, spare)
                for found in _read(shown, real, shown.relative_to(path).as_posix(), spare)
            ]
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _walk(folder: Path, spare: Spare) -> Iterator[tuple[Path, Path]]:
    # all of one mount comes from one generation of it
    data = folder / "..data"
    yield from _walk_real(folder, data.resolve(strict=True) if data.is_symlink() else folder, 0, spare)


def _walk_real(shown: Path, real: Path, depth: int, spare: Spare) -> Iterator[tuple[Path, Path]]:
    if depth > MAXIMUM_DEPTH:
        raise OSError(f"{shown}: folders are nested too deeply; does a link lead back?")
    try:
        entries = sorted(real.iterdir())
    except OSError as error:
        spare(error)
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk_real(shown / entry.name, entry, depth + 1, spare)
        elif entry.suffix in SUFFIXES:
            yield shown / entry.name, entry


def _read(shown: Path, real: Path, name: str, spare: Spare, *, explicit: bool = False) -> Iterator[Found]:
    try:
        if explicit or stat.S_ISREG(real.stat().st_mode):  # a pipe would keep us waiting
            yield Found(shown, name, _content(real), explicit)
    except OSError as error:
        spare(error)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAXIMUM_FILE_SIZE + 1)
    if len(content) > MAXIMUM_FILE_SIZE:
        raise OSError(errno.EFBIG, f"larger than {MAXIMUM_FILE_SIZE >> 20} MiB, which is no manifest", str(path))
    return content
