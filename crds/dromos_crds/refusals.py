# SPDX-License-Identifier: Apache-2.0
"""Turns pydantic's errors into sentences that say what is wrong and what is allowed.

Values of Secrets never get here; values of the other kinds may be quoted, shortened.
"""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dromos_crds.fields import AE_TITLE_PATTERN

Location = tuple[str | int, ...]


def explain(error: ValidationError, model: type[BaseModel]) -> list[tuple[Location, str]]:
    """Each error as (path, sentence)."""
    return [(_path(detail), _sentence(detail, model)) for detail in error.errors(include_url=False)]


def dotted(path: Location) -> str:
    """``("spec", "sources", 0, "aeTitle")`` as ``spec.sources[0].aeTitle``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _path(detail: ErrorDetails) -> Location:
    # members of a union show up as steps of their own, such as `str` or `constrained-str`; no field is called so
    return tuple(step for step in detail["loc"] if isinstance(step, int) or step not in {"str", "int", "float"})


def _sentence(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    value = _shown(detail.get("input"))
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return _unknown(str(detail["loc"][-1]), _fields_at(model, detail["loc"][:-1]))
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"{value} is out of range, {_range(context, model, detail['loc'])}"
    if kind == "string_too_long":
        length = len(str(detail.get("input")))
        return f"{value} has {length} characters, at most {context['max_length']} are allowed"
    if kind == "string_too_short":
        return f"needs at least {context['min_length']} character(s)"
    if kind == "string_pattern_mismatch":
        return f"{value} is not allowed, {_pattern(str(context['pattern']))}"
    if kind == "literal_error":
        return f"{value} is not allowed, expected {context['expected']}"
    if kind in {"too_long", "too_short"}:
        bound = f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        return f"has {context['actual_length']} items, {bound} are allowed"
    if kind == "value_error":
        return str(context["error"])
    return f"{value}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    return text if len(text) <= 60 else f"{text[:57]}…"


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}" if known else ""
    return f"unknown field {name!r}" + (f"; {hint}" if hint else "")


def _range(context: dict[str, Any], model: type[BaseModel], location: Location) -> str:
    bounds = _bounds(model, location)
    if len(bounds) == 2:
        return f"allowed is {bounds['ge']} to {bounds['le']}"
    return f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"


def _bounds(model: type[BaseModel], location: Location) -> dict[str, int]:
    owner = _model_at(model, location[:-1])
    for name, info in (owner.model_fields if owner else {}).items():
        if location[-1] in {info.alias, name}:
            return {
                key: bound
                for item in info.metadata
                for key in ("ge", "le")
                if (bound := getattr(item, key, None)) is not None
            }
    return {}


def _pattern(pattern: str) -> str:
    known = {
        AE_TITLE_PATTERN: "an AE title is 1 to 16 characters, no backslash or control character, not only spaces",
    }
    if pattern in known:
        return known[pattern]
    if "https?" in pattern:
        return "expected a URL that starts with http:// or https://, without user information or spaces"
    if "(ms|s|m|h)" in pattern:
        return "expected a number and a unit, such as 45s, 30m or 168h"
    if "Ki|Mi|Gi" in pattern:
        return "expected a size such as 512Mi or 20Gi"
    return f"expected text that matches {pattern}"


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    owner = _model_at(model, location)
    return [info.alias or name for name, info in owner.model_fields.items()] if owner else []


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    current: Any = model
    for step in location:
        if isinstance(step, int):
            continue
        field = next((f for name, f in current.model_fields.items() if step in {f.alias, name}), None)
        current = _model_in(field.annotation) if field is not None else None
        if current is None:
            return None
    return current  # type: ignore[no-any-return]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
