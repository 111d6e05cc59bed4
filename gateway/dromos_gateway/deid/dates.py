# SPDX-License-Identifier: Apache-2.0
"""Dates, times and ages: shifted back in time, or made coarser (karnak.md §1i).

Written are DA YYYYMMDD, TM HHMMSS.ffffff, DT YYYYMMDDHHMMSS.ffffff and AS nnnD, nnnW, nnnM or nnnY, whatever precision
was read: so Karnak does, and what it released stays comparable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

DATE_VRS: Final = frozenset((b"AS", b"DA", b"DT", b"TM"))
_DAY: Final = 86400
_DATE = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})", re.ASCII)
_TIME = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?", re.ASCII)
_DATETIME = re.compile(r"([0-9]{4})([0-9]{2})?([0-9]{2})?([0-9][0-9.]*)?([+-][0-9]{4})?", re.ASCII)
_AGE = re.compile(r"([0-9]{1,3})([DWMY])", re.ASCII)
_UNIT: Final = {"D": 1, "W": 7, "M": 30, "Y": 365}


class Undatable(ValueError):
    """A value is no date, time or age, or has no place in the calendar after the shift. The text holds no value."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far back in time; negative is forward."""

    days: int
    seconds: int


def shifted(vr: bytes, text: str, shift: Shift, *, keep_offset: bool = True) -> str:
    """One value, moved. `Undatable`. Without `keep_offset` a DT's offset from UTC is applied and left out."""
    if vr == b"DA":
        return _moved_date(_date(text), shift.days)
    if vr == b"TM":
        return _time_text((_time(text) - shift.seconds * 1_000_000) % (_DAY * 1_000_000))
    if vr == b"DT":
        return _shifted_datetime(text, shift, keep_offset=keep_offset)
    if vr == b"AS":
        return _shifted_age(text, shift.days)
    raise Undatable("not a date, time or age")


def coarsened(vr: bytes, text: str, remove: str, *, keep_offset: bool = True) -> str | None:
    """One DA or DT without its day (``day``) or month and day (``month_day``); None for other VRs. `Undatable`."""
    if vr == b"DA":
        return _coarse(f"{_date(text):%Y%m%d}".zfill(8), remove)
    if vr == b"DT":
        return _coarse(_shifted_datetime(text, Shift(0, 0), keep_offset=keep_offset), remove)
    return None


def _coarse(digits: str, remove: str) -> str:
    if remove == "day":
        return digits[:6] + "01" + digits[8:]
    return digits[:4] + "0101" + digits[8:] if remove == "month_day" else digits


def _date(text: str) -> date:
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise Undatable("not a date")
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        raise Undatable("not a date") from None


def _moved_date(day: date, days: int) -> str:
    try:
        moved = day - timedelta(days=days)
    except OverflowError:
        raise Undatable("shifted out of the calendar") from None
    return f"{moved.year:04}{moved.month:02}{moved.day:02}"


def _time(text: str) -> int:
    """Microseconds since midnight; 24:00 and a leap second are let through."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise Undatable("not a time")
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    found = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + int((match[4] or "0").ljust(6, "0"))
    if minutes > 59 or seconds > 60 or found > _DAY * 1_000_000:
        raise Undatable("not a time")
    return found


def _time_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}.{fraction:06}"


def _shifted_datetime(text: str, shift: Shift, *, keep_offset: bool) -> str:
    match = _DATETIME.fullmatch(text.strip())
    if match is None or (match[4] is not None and match[3] is None):
        raise Undatable("not a date and time")
    offset = match[5] or ""
    try:
        day = datetime(int(match[1]), int(match[2] or 1), int(match[3] or 1))  # noqa: DTZ001
        moved = day + timedelta(microseconds=_time(match[4]) if match[4] else 0)
        if offset and not keep_offset:
            sign = 1 if offset[0] == "-" else -1
            moved += sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
        moved -= timedelta(days=shift.days, seconds=shift.seconds)
    except (ValueError, OverflowError):
        raise Undatable("not a date and time") from None
    midnight = moved.replace(hour=0, minute=0, second=0, microsecond=0)
    since = (moved - midnight) // timedelta(microseconds=1)
    return f"{moved.year:04}{moved.month:02}{moved.day:02}{_time_text(since)}{offset if keep_offset else ''}"


def _shifted_age(text: str, days: int) -> str:
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise Undatable("not an age")
    number = int(match[1]) + int(days / _UNIT[match[2]])
    if not 0 <= number <= 999:
        raise Undatable("no age after the shift")
    return f"{number:03}{match[2]}"
