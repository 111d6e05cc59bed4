# SPDX-License-Identifier: Apache-2.0
"""The values of an instance that is being decided on, read when the first one is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from dromos_gateway.header import HeaderView, MalformedDataSet
from dromos_gateway.header.encoding import PIXEL_DATA
from dromos_gateway.spool.records import Instance


class InstanceValues:
    """What `dromos_crds.expressions.Values` asks for, from the first bytes of a data set or from its file.

    `MalformedDataSet` and OSError come from whatever asks first. Leave it as a context manager to close the file.
    """

    def __init__(self, instance: Instance, path: Path | str, beginning: bytes = b"") -> None:
        self._instance = instance
        self._path = path
        self._beginning = beginning
        self._view: HeaderView | None = None
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def read(self) -> HeaderView | None:
        """The header, where somebody asked and it was in memory: it needs no file."""
        return self._view if self._file is None else None

    def text(self, tag: int) -> str | None:
        """All values of an element at the root, joined with backslashes; None when it is absent or empty."""
        return self._open().text(tag)

    def extract(self, tags: Sequence[int]) -> tuple[object, ...] | None:
        """What decides over the texts of these elements; None when there is too much of it."""
        return self._open().extract(tags)

    def has_value(self, tag: int) -> bool:
        """The root has the element, with a value."""
        return self._open().has_value(tag)

    def present(self, tag: int) -> bool:
        """The element is there, in a sequence perhaps, and perhaps empty."""
        return self._open().present(tag)

    def _open(self) -> HeaderView:
        if self._view is None:
            self._view = self._from_memory() or self._from_file()
        return self._view

    def _from_memory(self) -> HeaderView | None:
        """Most headers are among the bytes that are in memory anyway; None when this one might go on behind them."""
        if not self._beginning:
            return None
        size = self._instance.size - self._instance.data_set_offset
        try:
            view = HeaderView.of_bytes(self._beginning, self._instance.transfer_syntax_uid, size)
        except MalformedDataSet:
            return None
        whole = len(self._beginning) == size
        return view if whole or any(view.at_root(tag) for tag in PIXEL_DATA) else None

    def _from_file(self) -> HeaderView:
        instance = self._instance
        self._file = Path(self._path).open("rb")  # noqa: SIM115 - left open for the view
        end = min(instance.size, os.fstat(self._file.fileno()).st_size)  # in a slot, zeros follow the object
        return HeaderView.of_file(self._file, instance.data_set_offset, instance.transfer_syntax_uid, end)
