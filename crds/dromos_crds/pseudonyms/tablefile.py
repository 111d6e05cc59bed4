# SPDX-License-Identifier: Apache-2.0
"""The lines of a table in a file: its encoding, and what no text has."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from dromos_crds.pseudonyms.table import LineProblem, TableRefused

LONGEST_LINE = 2**20
_WIDE = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
         (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


def read_lines(file: BinaryIO, encoding: str | None = None) -> Iterator[str]:
    """Lines with their ends. UTF-8 unless a byte order mark or `encoding` says otherwise. TableRefused."""
    head = file.peek(4)[:4] if isinstance(file, io.BufferedReader) else b""
    wide = next((name for mark, name in _WIDE if head.startswith(mark)), None)
    chosen = codecs.lookup(encoding or wide or "utf-8").name
    chosen = "utf-8-sig" if chosen == "utf-8" else chosen
    if chosen.startswith(("utf-16", "utf-32")):
        yield from _wide_lines(file, chosen)
    else:
        yield from _narrow_lines(file, chosen, guessed=encoding is None)


def split_lines(content: bytes) -> Iterator[str]:
    """The lines of a table that is in memory. TableRefused."""
    yield from read_lines(io.BufferedReader(io.BytesIO(content)))


def _narrow_lines(file: BinaryIO, encoding: str, *, guessed: bool) -> Iterator[str]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if b"\0" in raw:
            raise TableRefused([LineProblem(number, "has a NUL character: this is no text file, or one in UTF-16")])
        if len(raw) > LONGEST_LINE:
            raise TableRefused([LineProblem(number, "is longer than 1 MiB: this is no table")])
        try:
            text = raw.decode(encoding if number == 1 else encoding.removesuffix("-sig"))
        except UnicodeDecodeError:
            hint = "; say which one with --encoding, for example cp1252" if guessed else ""
            name = encoding.removesuffix("-sig").upper()
            raise TableRefused([LineProblem(number, f"is not {name} text{hint}")]) from None
        yield text


def _wide_lines(file: BinaryIO, encoding: str) -> Iterator[str]:
    number = 0
    text = io.TextIOWrapper(file, encoding, newline="")
    try:
        while line := text.readline(LONGEST_LINE + 1):
            number += 1
            if "\0" in line or len(line) > LONGEST_LINE:
                raise TableRefused([LineProblem(number, "has a NUL character or is longer than 1 MiB: no table")])
            yield line
    except UnicodeError:
        raise TableRefused([LineProblem(number + 1, f"is not {encoding.upper()} text")]) from None
    finally:
        text.detach()
