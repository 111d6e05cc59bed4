# SPDX-License-Identifier: Apache-2.0
"""Where an exception happened, without what it says: that may be a header, a name, or a secret."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

_MOST = 8  # exceptions of a chain


def where(error: BaseException) -> str:
    """Of an exception and those behind it, the first one first: places in the code, and the type."""
    return "\nthen\n".join(
        "".join(["Traceback (most recent call last):\n", *traceback.format_tb(each.__traceback__), type(each).__name__])
        for each in reversed(list(_chain(error)))
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    for _ in range(_MOST):
        if following is None:
            return
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
