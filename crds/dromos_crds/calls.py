# SPDX-License-Identifier: Apache-2.0
"""A call of an HTTP service, as profiles and Destinations write it: `action.replace.api`, `pseudonym.api`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from dromos_crds.expressions import Mistake, Template, compile_template
from dromos_crds.jsonpointer import parse_pointer

# an expression in the place of scheme or host would let patient data choose whom it is sent to
_ORIGIN = re.compile(r"https?://[^\s/?#@{}]+(?=[/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CallMistake:
    """What is wrong with a call, and in which of its arguments."""

    argument: Literal["url", "method", "body", "responsePath"]
    message: str


@dataclass(frozen=True, slots=True)
class Call:
    """A compiled call. `default` stands in for every kind of failure; None: there is none."""

    url: Template
    method: Literal["GET", "POST"]
    body: Template | None
    pointer: tuple[str, ...]
    auth_config: str | None = None
    default: str | None = field(default=None, repr=False)


def compile_call(
    *,
    url: str,
    method: str = "GET",
    body: str = "",
    response_path: str = "",
    auth_config: str | None = None,
    default: str | None = None,
    of_element: bool = False,
) -> Call | CallMistake:
    """Compile a call; `of_element` gives its templates tag, vr and stringValue."""
    verb = method.upper() or "GET"
    if verb not in ("GET", "POST"):
        return CallMistake("method", "is GET or POST")
    origin = _ORIGIN.match(url)
    if origin is None:
        return CallMistake("url", "begins with http:// or https:// and a host, which have no {{ }} and no user in them")
    if not _has_port(origin[0]):
        return CallMistake("url", "has a port that is none from 1 to 65535")
    if verb == "GET" and body:
        return CallMistake("body", "goes with method POST")
    if verb == "POST" and not body:
        return CallMistake("body", "is needed with method POST")
    pointer = parse_pointer(response_path)
    if pointer is None:
        return CallMistake("responsePath", "is not a JSON pointer (RFC 6901): ~ is written ~0, and / in a name ~1")
    address = compile_template(url, of_element=of_element)
    if isinstance(address, Mistake):
        return CallMistake("url", str(address))
    content = compile_template(body, of_element=of_element) if body else None
    if isinstance(content, Mistake):
        return CallMistake("body", str(content))
    return Call(address, "GET" if verb == "GET" else "POST", content, pointer, auth_config, default)


def _has_port(origin: str) -> bool:
    try:
        return urlsplit(origin).port != 0
    except ValueError:
        return False
