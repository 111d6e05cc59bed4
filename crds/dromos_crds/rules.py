# SPDX-License-Identifier: Apache-2.0
"""CEL rules of the CRDs, written beside the validator in Python that says the same to `dromos validate`.

Rules that compare with ``oldSelf`` have no such twin: only the API server knows what was before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of x-kubernetes-validations; `field` is the path below, from a dot on."""

    rule: str
    message: str
    field: str | None = None

    def as_schema(self) -> dict[str, str]:
        """The entry."""
        entry = {"rule": self.rule, "message": self.message}
        return entry | ({"fieldPath": self.field} if self.field else {})


def rules(*rules: Rule) -> ConfigDict:
    """For a model: ``model_config = rules(Rule(...))``."""
    return ConfigDict(json_schema_extra=field_rules(*rules))


def field_rules(*rules: Rule) -> dict[str, Any]:
    """For a field: ``Field(json_schema_extra=field_rules(Rule(...)))``."""
    return {"x-kubernetes-validations": [rule.as_schema() for rule in rules]}
