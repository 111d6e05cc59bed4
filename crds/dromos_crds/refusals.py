# SPDX-License-Identifier: Apache-2.0
"""Turns pydantic's errors into sentences that say what is wrong and what is allowed.

Nothing of a Secret is quoted. Values of the other kinds are, shortened, but not where a credential might stand instead.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from typing_extensions import get_type_hints, is_typeddict

from dromos_crds.fields import PATTERN_MEANING

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong at a path."""

    path: Location
    sentence: str
    is_unknown_field: bool


def explain(error: ValidationError, model: type[BaseModel], *, quote: bool = True) -> list[Refusal]:
    """Each error as a path and a sentence; of several errors at one path (a union's) the first.

    Without ``quote`` nothing says the value itself, nor the name of an unknown field: a value may stand there.
    """
    found: dict[Location, Refusal] = {}
    for detail in error.errors(include_url=False):
        path, unknown = _path(detail), detail["type"] == "extra_forbidden"
        if unknown and not quote:
            path = path[:-1]
        sentence = _sentence(detail, model, quote=quote and (unknown or not _confidential(path)))
        found.setdefault(path, Refusal(path, sentence, unknown))
    # a list whose items are refused counts as too short as well: one mistake, one message
    spoiled = {path[:length] for path in found for length in range(len(path))}
    return [refusal for path, refusal in found.items() if path not in spoiled]


def dotted(path: Location) -> str:
    """``("spec", "sources", 0, "aeTitle")`` as ``spec.sources[0].aeTitle``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


_MEMBERS = frozenset({"str", "constrained-str", "int", "constrained-int", "float", "bool"})


def _path(detail: ErrorDetails) -> Location:
    # members of a union show up as steps of their own, such as `str` or `constrained-str`; no field is called so
    return tuple(step for step in detail["loc"] if step not in _MEMBERS)


# below these a credential may stand in place of its reference, or in the wrong place of it
_CREDENTIALS = frozenset({"auth", "authConfigs", "headers", "secretRef", "secretKeyRef", "valueFrom", "key", "tls"})


def _confidential(path: Location) -> bool:
    return any(isinstance(step, str) and (step in _CREDENTIALS or step.endswith("Token")) for step in path)


def _sentence(detail: ErrorDetails, model: type[BaseModel], *, quote: bool) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    value = _shown(detail.get("input"), url=_last(detail) in _URLS) if quote else _hidden(detail.get("input"))
    if kind == "missing":
        return "this field is required"
    if kind in _EXPECTED:
        return _misplaced(detail.get("input"), value, _EXPECTED[kind])
    if kind == "extra_forbidden":
        return unknown_field(str(detail["loc"][-1]) if quote else None, _fields_at(model, detail["loc"][:-1]))
    if kind in {"greater_than_equal", "less_than_equal"}:
        return f"{value} is out of range, {_range(context, model, detail['loc'])}"
    if kind == "string_too_long":
        length = len(str(detail.get("input")))
        return f"{value} has {length} characters, at most {context['max_length']} are allowed"
    if kind == "string_too_short":
        return f"needs at least {context['min_length']} character(s)"
    if kind == "string_pattern_mismatch":
        return f"{value} is not allowed: {_pattern(str(context['pattern']))}"
    if kind == "literal_error":
        return f"{value} is not allowed, expected {context['expected']}"
    if kind in {"too_long", "too_short"}:
        bound = f"at most {context['max_length']}" if kind == "too_long" else f"at least {context['min_length']}"
        return f"has {context['actual_length']} items, {bound} are allowed"
    if kind == "value_error":
        return str(context["error"])
    return f"{value}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _misplaced(value: Any, shown: str, expected: str) -> str:
    called = _called(value)
    if not called:
        return f"{shown} where {expected} belongs"
    # text where a mapping belongs may be a password, where a reference to its Secret belongs
    return f"{called} where {expected} belongs" if expected == _MAPPING else f"{shown} is {called}, expected {expected}"


_MAPPING = "a mapping of keys and values"
_EXPECTED = {
    "string_type": "text (quote it)",
    "int_type": "a whole number without quotes",
    "int_from_float": "a whole number",
    "bool_type": "true or false without quotes",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "tuple_type": "a list",
    "list_type": "a list",
}


def _called(value: Any) -> str:
    if value is None or isinstance(value, bool | dict | list | tuple):
        return ""  # how it is shown says it
    return {int: "a number", float: "a number"}.get(type(value), "text")


_URLS = frozenset({"url", "tokenURL"})
# of a URL only its server is shown: a path or a query may be as good as a password, and a login is one
_SERVER = re.compile(r"(?P<front>([A-Za-z][A-Za-z0-9+.-]*:)?(//)?)(?P<login>[^/?#\s]*@)?(?P<host>[^/?#\s]*)")
_WITH_LOGIN = re.compile(r"(//)[^/?#\s]*@|[^/?#\s@:]*:[^/?#\s@]+@")


def _last(detail: ErrorDetails) -> str | int:
    return detail["loc"][-1] if detail["loc"] else ""


def _shown(value: Any, *, url: bool) -> str:
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "an empty value", True: "true", False: "false"}[value]
    if url and isinstance(value, str):
        value = _server(value)
    text = repr(_WITH_LOGIN.sub(r"\1…@", value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _hidden(value: Any) -> str:
    """What may be said of a value that is not shown: its form."""
    return _shown(value, url=False) if value is None or isinstance(value, dict | list) else "the value"


def _server(text: str) -> str:
    found = _SERVER.match(text)
    if found is None:
        return "…"
    login, rest = "…@" if found["login"] else "", "…" if found.end() < len(text) else ""
    return f"{found['front']}{login}{found['host']}{rest}"


def unknown_field(name: str | None, known: Sequence[str]) -> str:
    """A sentence that says which one may be meant, or which there are; without `name` it does not say it."""
    near = difflib.get_close_matches(name, known, n=1) if name is not None else []
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}" if known else ""
    return ("an unknown field" if name is None else f"unknown field {name!r}") + (f"; {hint}" if hint else "")


def _range(context: dict[str, Any], model: type[BaseModel], location: Location) -> str:
    bounds = _bounds(model, location)
    if len(bounds) == 2:
        return f"allowed is {bounds['ge']} to {bounds['le']}"
    return f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"


def _bounds(model: type[BaseModel], location: Location) -> dict[str, int]:
    fields = getattr(_owner_at(model, location[:-1]), "model_fields", {}).items()
    field = next((info for name, info in fields if location[-1] in {info.alias, name}), None)
    found: dict[str, int] = {}
    for item in field.metadata if field else ():
        found |= {key: bound for key in ("ge", "le") if (bound := getattr(item, key, None)) is not None}
    return found


def _pattern(pattern: str) -> str:
    return PATTERN_MEANING.get(pattern, f"expected text that matches {pattern}")


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    owner = _owner_at(model, location)
    return list(_fields_of(owner)) if owner else []


def _owner_at(model: type, location: Location) -> type | None:
    """The model or TypedDict that holds the fields at a location."""
    current: type | None = model
    for step in location:
        if isinstance(step, str) and current is not None:
            current = _owner_in(_fields_of(current).get(step))
    return current


def _fields_of(owner: type) -> dict[str, Any]:
    if is_typeddict(owner):
        return get_type_hints(owner, include_extras=True)
    fields: dict[str, FieldInfo] = getattr(owner, "model_fields", {})
    return {info.alias or name: info.annotation for name, info in fields.items()}


def _owner_in(annotation: Any) -> type | None:
    if isinstance(annotation, type) and (is_typeddict(annotation) or hasattr(annotation, "model_fields")):
        return annotation
    return next((found for part in get_args(annotation) if (found := _owner_in(part))), None)
