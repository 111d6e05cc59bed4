# SPDX-License-Identifier: Apache-2.0
"""Warnings of libraries as lines of a log: of which kind and where. Never in their words, which quote what they are
about: a value of a data set, say.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import PurePath
from typing import TextIO

_OF_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


def to_log(log: logging.Logger) -> None:
    """Tell of each place that warns, once. Python's own memory of that has one entry for each text: it would grow."""
    told: set[tuple[str, int]] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if (filename, lineno) not in told:
            told.add((filename, lineno))
            place = f"{'/'.join(PurePath(filename).parts[-2:])}:{lineno}"
            log.warning("a library warns", extra={"type": category.__name__, "place": place})

    warnings.resetwarnings()
    warnings.simplefilter("always")
    for category in _OF_DEVELOPERS:
        warnings.simplefilter("ignore", category)
    warnings.showwarning = show
