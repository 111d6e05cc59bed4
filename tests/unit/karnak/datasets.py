# SPDX-License-Identifier: Apache-2.0
"""A vector's data set as expressions see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dromos_crds import tags
from tests.unit.karnak import Given


def tag_of(text: str) -> int:
    """The tag that a vector names."""
    tag = tags.parse_tag(text)
    assert tag is not None, text
    return tag


@dataclass(frozen=True)
class VectorValues:
    """Elements as the vectors write them: {vr, value}, null for empty, a list for several values."""

    dataset: Given

    def text(self, tag: int) -> str | None:
        """The values, joined."""
        value = self.dataset.get(tags.format_tag(tag), {}).get("value")
        values = value if isinstance(value, list) else [value]
        return "\\".join(str(each) for each in values if each is not None) or None

    def extract(self, _: Sequence[int]) -> None:
        """It has no bytes that could be compared."""

    def has_value(self, tag: int) -> bool:
        """It is not empty."""
        return self.text(tag) is not None

    def present(self, tag: int) -> bool:
        """The element is there, in an item perhaps."""
        return tags.format_tag(tag) in self.dataset or any(
            VectorValues(item).present(tag) for element in self.dataset.values() for item in element.get("items", ())
        )
