# SPDX-License-Identifier: Apache-2.0
"""One call of a service, compiled from a manifest, and made of an instance's values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlsplit

from dromos_crds.expressions import Element, ExpressionFailed, Mistake, Template, Values, compile_template
from dromos_gateway.endpoints.pointer import parse_pointer

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


@dataclass(frozen=True, slots=True)
class Request:
    """A call with the values of one instance: patient data, never shown."""

    method: str
    url: str = field(repr=False)
    body: str | None = field(repr=False)


class Unspeakable(Exception):
    """A value of the instance cannot stand where the template puts it. The message does not show it."""


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
    if _ORIGIN.match(url) is None:
        return CallMistake("url", "begins with http:// or https:// and a host, which have no {{ }} and no user in them")
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


def make_request(call: Call, values: Values, element: Element | None = None) -> Request:
    """Fill in the templates: percent-encoded in the URL (RFC 3986), escaped in the body (RFC 8259). Unspeakable."""
    try:
        url = call.url.render(values, encode=_percent_encoded, element=element)
        body = call.body.render(values, encode=_json_escaped, element=element) if call.body is not None else None
    except ExpressionFailed as error:
        raise Unspeakable(str(error)) from None
    except UnicodeError:
        raise Unspeakable("a value has characters that no text can be made of") from None
    if any(segment in (".", "..") for segment in urlsplit(url).path.split("/")):
        raise Unspeakable("a value would lead to another path of the service")
    return Request(call.method, url, body)


def _percent_encoded(value: str) -> str:
    return quote(value, safe="")


def _json_escaped(value: str) -> str:
    value.encode()  # UnicodeEncodeError for half a surrogate pair
    return json.dumps(value, ensure_ascii=False)[1:-1]
