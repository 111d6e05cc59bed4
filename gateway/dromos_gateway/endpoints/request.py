# SPDX-License-Identifier: Apache-2.0
"""A call with the values of one instance in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from dromos_crds.calls import Call
from dromos_crds.expressions import Element, ExpressionFailed, Values


@dataclass(frozen=True, slots=True)
class Request:
    """A call with the values of one instance: patient data, never shown."""

    method: str
    url: str = field(repr=False)
    body: str | None = field(repr=False)


class Unspeakable(Exception):
    """A value of the instance cannot stand where the template puts it. The message does not show it."""


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
