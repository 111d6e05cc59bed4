# SPDX-License-Identifier: Apache-2.0
"""The expressions, tags, UIDs and patterns inside a Destination, and what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from dromos_crds import reasons
from dromos_crds.calls import CallMistake, compile_call
from dromos_crds.destination import DestinationSpec, Notifications, Pseudonym
from dromos_crds.expressions import Mistake, compile_condition
from dromos_crds.javaformat import compile_format
from dromos_crds.tags import parse_tag
from dromos_crds.transfer_syntaxes import ENCODED, KNOWN

# what is the same for all images of a study
SUBJECT_VALUES = ("PatientID", "AccessionNumber", "StudyInstanceUID", "StudyDescription", "StudyDate", "StudyTime")


def mistakes(spec: DestinationSpec) -> Iterator[tuple[str, str, str]]:
    """Path, reason and message of each thing inside that means nothing."""
    for field, text in _conditions(spec):
        if isinstance(found := compile_condition(text), Mistake):
            yield field, reasons.INVALID_EXPRESSION, str(found)
    if spec.deidentification is not None:
        for field, message in _pseudonym(spec.deidentification.pseudonym):
            yield field, reasons.INVALID_EXPRESSION, message
    if spec.transfer_syntax is not None and (uid := spec.transfer_syntax.uid) not in ENCODED:
        known = ", ".join(f"{each} ({KNOWN[each].name})" for each in KNOWN if each in ENCODED)
        yield "spec.transferSyntax.uid", reasons.INVALID, f"{uid} cannot be written; one of these can: {known}"
    if spec.notifications is not None:
        for field, message in _subject(spec.notifications):
            yield field, reasons.INVALID, message


def _conditions(spec: DestinationSpec) -> Iterator[tuple[str, str]]:
    if spec.condition is not None:
        yield "spec.condition", spec.condition
    for number, album in enumerate(spec.stow.kheops_albums if spec.stow is not None else ()):
        if album.condition is not None:
            yield f"spec.stow.kheopsAlbums[{number}].condition", album.condition


def _pseudonym(wanted: Pseudonym) -> Iterator[tuple[str, str]]:
    field = "spec.deidentification.pseudonym"
    if wanted.tag is not None and parse_tag(wanted.tag.tag) is None:
        yield f"{field}.tag.tag", "names no tag; write (0012,0040), 00120040 or ClinicalTrialSubjectID"
    if (api := wanted.api) is not None:
        call = compile_call(url=api.url, method=api.method, body=api.body, response_path=api.response_path)
        if isinstance(call, CallMistake):
            yield f"{field}.api.{call.argument}", call.message


def _subject(notifications: Notifications) -> Iterator[tuple[str, str]]:
    pattern = compile_format(notifications.subject_pattern, len(notifications.subject_values))
    if isinstance(pattern, Mistake):
        yield "spec.notifications.subjectPattern", str(pattern)
    elif not notifications.subject_pattern.isprintable():
        yield "spec.notifications.subjectPattern", "a subject is one line without control characters"
    prefixes = {
        "errorSubjectPrefix": notifications.error_subject_prefix,
        "rejectionSubjectPrefix": notifications.rejection_subject_prefix,
    }
    for name, prefix in prefixes.items():
        if not prefix.isprintable():
            yield f"spec.notifications.{name}", "a subject is one line without control characters"
    for number, keyword in enumerate(notifications.subject_values):
        if keyword not in SUBJECT_VALUES:
            near = difflib.get_close_matches(keyword, SUBJECT_VALUES, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SUBJECT_VALUES)}"
            yield f"spec.notifications.subjectValues[{number}]", f"{keyword!r} cannot be in a subject; {hint}"
