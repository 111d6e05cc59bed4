# SPDX-License-Identifier: Apache-2.0
"""An instance as expressions see it, and expressions that are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dromos_crds.expressions import (
    ActionExpression,
    Condition,
    compile_action,
    compile_condition,
)

MODALITY, DESCRIPTION, IMAGE_TYPE, NAME = 0x00080060, 0x00081030, 0x00080008, 0x00100010


@dataclass(frozen=True)
class Elements:
    texts: Mapping[int, str] = field(default_factory=dict)
    elsewhere: frozenset[int] = frozenset()

    def text(self, tag: int) -> str | None:
        return self.texts.get(tag) or None

    def has_value(self, tag: int) -> bool:
        return self.text(tag) is not None

    def present(self, tag: int) -> bool:
        return tag in self.texts or tag in self.elsewhere


CT = Elements({MODALITY: "CT", DESCRIPTION: "It's a head", IMAGE_TYPE: "ORIGINAL\\PRIMARY", NAME: ""})


def condition(text: str) -> Condition:
    found = compile_condition(text)
    assert isinstance(found, Condition), found
    return found


def action(text: str) -> ActionExpression:
    found = compile_action(text)
    assert isinstance(found, ActionExpression), found
    return found
