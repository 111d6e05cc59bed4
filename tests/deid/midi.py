# SPDX-License-Identifier: Apache-2.0
"""The ten checks of the MIDI-B challenge's validator, rewritten from their description (arXiv 2507.23608).

An answer says what must be true of one element of one instance after de-identification.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

_TOKENS = re.compile(r"[\w]+")


@dataclass(frozen=True)
class Answer:
    """One check on one element; `path` are keywords, and numbers of items."""

    check: str
    path: tuple[str | int, ...]
    value: str = ""


@dataclass(frozen=True)
class Case:
    """An instance before and after, with what the whole run says: which UID and which patient became which."""

    before: Dataset
    after: Dataset
    uids: Mapping[str, str]
    patients: Mapping[str, str]
    box: tuple[int, int, int, int] | None = None  # of burned-in text: x, y, width, height


def score(case: Case, answer: Answer) -> bool:
    """Whether an answer holds."""
    return CHECKS[answer.check](case, answer)


def _element(data: Dataset, path: tuple[str | int, ...]) -> str | None:
    """The value as text; None where there is no element."""
    found: object = data
    for step in path:
        if isinstance(step, int):
            if not isinstance(found, list) and not hasattr(found, "__getitem__"):
                return None
            found = found[step]  # type: ignore[index]
        elif not isinstance(found, Dataset) or step not in found:
            return None
        else:
            found = found[step].value
    if found is None:
        return ""
    return "\\".join(map(str, found)) if isinstance(found, list) or hasattr(found, "append") else str(found)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _TOKENS.findall(text)}


def _tag_retained(case: Case, answer: Answer) -> bool:
    return _element(case.after, answer.path) is not None


def _text_notnull(case: Case, answer: Answer) -> bool:
    return bool(_element(case.after, answer.path))


def _text_retained(case: Case, answer: Answer) -> bool:
    return _words(answer.value) <= _words(_element(case.after, answer.path) or "")


def _text_removed(case: Case, answer: Answer) -> bool:
    return not _words(answer.value) & _words(_element(case.after, answer.path) or "")


def _date_shifted(case: Case, answer: Answer) -> bool:
    old, new = _element(case.before, answer.path), _element(case.after, answer.path)
    return old is not None and bool(new) and old[:8] not in (new or "")


def _uid_changed(case: Case, answer: Answer) -> bool:
    old, new = _element(case.before, answer.path), _element(case.after, answer.path)
    return old is not None and bool(new) and old not in (new or "")


def _uid_consistent(case: Case, answer: Answer) -> bool:
    old, new = _element(case.before, answer.path), _element(case.after, answer.path)
    return old is not None and case.uids.get(old) == new


def _patid_consistent(case: Case, answer: Answer) -> bool:
    return case.patients.get(str(case.before.PatientID)) == str(case.after.PatientID)


def _pixels_hidden(case: Case, answer: Answer) -> bool:
    """Inside the box nothing is left of what was there, outside everything."""
    if case.box is None:
        return False
    (x, y, width, height), old, new = case.box, case.before.pixel_array, case.after.pixel_array
    inside = (slice(y, y + height), slice(x, x + width))
    hidden = len({int(pixel) for pixel in new[inside].flat}) == 1 and bool((new[inside] != old[inside]).all())
    rest = old.copy()
    rest[inside] = new[inside]
    return hidden and bool((rest == new).all())


def _pixels_retained(case: Case, answer: Answer) -> bool:
    return hashlib.md5(case.before.PixelData).digest() == hashlib.md5(case.after.PixelData).digest()


CHECKS: Mapping[str, Callable[[Case, Answer], bool]] = {
    "tag_retained": _tag_retained,
    "text_notnull": _text_notnull,
    "text_retained": _text_retained,
    "text_removed": _text_removed,
    "date_shifted": _date_shifted,
    "uid_changed": _uid_changed,
    "uid_consistent": _uid_consistent,
    "patid_consistent": _patid_consistent,
    "pixels_hidden": _pixels_hidden,
    "pixels_retained": _pixels_retained,
}
