# SPDX-License-Identifier: Apache-2.0
"""Finds manifest files, in folders that the kubelet mounts as well as in a person's own."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
MAXIMUM_FILE_SIZE = 16 * 2**20
MAXIMUM_DEPTH = 32
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """One manifest file."""

    path: Path
    name: str  # relative to the path that was asked for; no two files have the same
    content: bytes
    explicit: bool = False  # asked for by its own name, not found in a folder


def find_all(paths: Sequence[Path]) -> list[Found]:
    """The same of several paths, where a name is taken already with the path in place of the name."""
    result: list[Found] = []
    taken: dict[str, Path] = {}
    for path in paths:
        for found in find(path):
            clashes = taken.setdefault(found.name, found.path) != found.path
            result.append(replace(found, name=str(found.path)) if clashes else found)
    return result


def find(path: Path) -> list[Found]:
    """The file, or every manifest file below the folder, in order; OSError where something cannot be read."""
    if not path.is_dir():
        return [Found(path, path.name, _content(path), explicit=True)]
    # The kubelet swaps `..data` and then removes the old folder: a reader that loses the race starts again.
    for attempt in range(_ATTEMPTS):
        try:
            return [Found(shown, shown.relative_to(path).as_posix(), _content(real)) for shown, real in _walk(path)]
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _walk(folder: Path) -> Iterator[tuple[Path, Path]]:
    # all of one mount comes from one generation of it
    data = folder / "..data"
    yield from _walk_real(folder, data.resolve(strict=True) if data.is_symlink() else folder, 0)


def _walk_real(shown: Path, real: Path, depth: int) -> Iterator[tuple[Path, Path]]:
    if depth > MAXIMUM_DEPTH:
        raise OSError(f"{shown}: folders are nested too deeply; does a link lead back?")
    for entry in sorted(real.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk_real(shown / entry.name, entry, depth + 1)
        elif entry.suffix in SUFFIXES and stat.S_ISREG(entry.stat().st_mode):  # a pipe would keep us waiting
            yield shown / entry.name, entry


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAXIMUM_FILE_SIZE + 1)
    if len(content) > MAXIMUM_FILE_SIZE:
        raise OSError(f"{path}: larger than {MAXIMUM_FILE_SIZE >> 20} MiB, which is no manifest")
    return content
