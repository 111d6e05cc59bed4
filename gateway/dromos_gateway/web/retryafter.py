# SPDX-License-Identifier: Apache-2.0
"""Retry-After in both its forms: seconds, or a date (RFC 9110 §10.2.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST = 86400.0  # seconds that a server may make us wait at a time: a night of maintenance, not for ever


def retry_after(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> float | None:
    """Seconds from now, a day at most; None without such a header, or with one that says nothing.

    A date is compared with the server's own Date where it sent one, so that clocks need not agree.
    """
    said = headers.get("retry-after", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST)
    then = _seconds(said)
    if then is None:
        return None
    now = _seconds(headers.get("date", ""))
    return min(max(then - (now if now is not None else clock()), 0.0), LONGEST)


def _seconds(date: str) -> float | None:
    try:
        then = parsedate_to_datetime(date)
        return (then if then.tzinfo is not None else then.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # whatever a server thinks is a date
        return None
