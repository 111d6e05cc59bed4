# SPDX-License-Identifier: Apache-2.0
"""The expressions and tags inside a Destination, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from dromos_crds.calls import CallMistake, compile_call
from dromos_crds.destination import DestinationSpec, Pseudonym
from dromos_crds.expressions import Mistake, compile_condition
from dromos_crds.tags import parse_tag


def mistakes(spec: DestinationSpec) -> Iterator[tuple[str, str]]:
    """The path of each expression that does not compile, and what is wrong with it."""
    for field, text in _conditions(spec):
        if isinstance(found := compile_condition(text), Mistake):
            yield field, str(found)
    if spec.deidentification is not None:
        yield from _pseudonym(spec.deidentification.pseudonym)


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
