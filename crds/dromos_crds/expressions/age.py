# SPDX-License-Identifier: Apache-2.0
"""The patient's age at the time of the images, as PS3.5 §6.2 VR AS writes it."""

from __future__ import annotations

from datetime import date

from dromos_crds.expressions.values import Values

_BIRTH = 0x00100030
# ContentDate, AcquisitionDate, DateOfSecondaryCapture, SeriesDate, StudyDate: the first that is a date counts
_TAKEN = (0x00080023, 0x00080022, 0x00181012, 0x00080021, 0x00080020)


def patient_age(values: Values) -> str | None:
    """Years from two years on, months from two months on, else days; None when a date is missing or does not fit."""
    born = _date(values, _BIRTH)
    taken = next((found for tag in _TAKEN if (found := _date(values, tag)) is not None), None)
    if born is None or taken is None or taken < born:
        return None
    months = (taken.year - born.year) * 12 + taken.month - born.month - (taken.day < born.day)
    if months >= 24:
        return f"{months // 12:03d}Y" if months < 12_000 else None
    return f"{months:03d}M" if months >= 2 else f"{(taken - born).days:03d}D"


def _date(values: Values, tag: int) -> date | None:
    text = (values.text(tag) or "").split("\\")[0].strip().replace(".", "")
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
