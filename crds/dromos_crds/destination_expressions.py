# SPDX-License-Identifier: Apache-2.0
"""The expressions inside a Destination, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from dromos_crds.destination import DestinationSpec
from dromos_crds.expressions import Mistake, compile_condition, compile_template


def mistakes(spec: DestinationSpec) -> Iterator[tuple[str, Mistake]]:
    """The path and the mistake of each expression that does not compile."""
    for field, text in _conditions(spec):
        if isinstance(found := compile_condition(text), Mistake):
            yield field, found
    for field, text in _templates(spec):
        if isinstance(found_template := compile_template(text), Mistake):
            yield field, found_template


def _conditions(spec: DestinationSpec) -> Iterator[tuple[str, str]]:
    if spec.condition is not None:
        yield "spec.condition", spec.condition
    for number, album in enumerate(spec.stow.kheops_albums if spec.stow is not None else ()):
        if album.condition is not None:
            yield f"spec.stow.kheopsAlbums[{number}].condition", album.condition


def _templates(spec: DestinationSpec) -> Iterator[tuple[str, str]]:
    api = spec.deidentification.pseudonym.api if spec.deidentification is not None else None
    if api is not None:
        yield "spec.deidentification.pseudonym.api.url", api.url
        yield "spec.deidentification.pseudonym.api.body", api.body
