# SPDX-License-Identifier: Apache-2.0
"""Calls of services: what is refused when a manifest is read, and what an instance's values become in a request."""

from __future__ import annotations

import json
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromos_crds.calls import Call, CallMistake, compile_call
from dromos_crds.jsonpointer import NOTHING, parse_pointer, resolve
from dromos_gateway.endpoints.cache import Cache
from dromos_gateway.endpoints.request import Unspeakable, make_request

URL = "https://ids.example/of/{{getString(#Tag.PatientID)}}/pseudonym?project={{getString(#Tag.ClinicalTrialSponsorName)}}"
BODY = '{"id": "{{getString(#Tag.PatientID)}}"}'


class Instance(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)

    def present(self, tag: int) -> bool:
        return tag in self


def compiled(**arguments: str) -> Call:
    call = compile_call(**arguments)  # type: ignore[arg-type]
    assert isinstance(call, Call), call
    return call


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(lambda text: text not in (".", "..")))
def test_a_value_stays_one_value_in_url_and_body(value: str) -> None:
    request = make_request(compiled(url=URL, method="POST", body=BODY), Instance({0x00100020: value}))
    parts = urlsplit(request.url)
    assert (parts.hostname, parts.query, parts.fragment) == ("ids.example", "project=", "")
    assert [unquote(segment) for segment in parts.path.split("/")] == ["", "of", value, "pseudonym"]
    assert json.loads(request.body or "") == {"id": value}
    assert repr(request) == "Request(method='POST')"


@pytest.mark.parametrize("value", [".", ".."])
def test_no_value_leads_to_another_path(value: str) -> None:
    with pytest.raises(Unspeakable, match="another path"):
        make_request(compiled(url=URL), Instance({0x00100020: value}))


def test_half_a_surrogate_pair_is_refused() -> None:
    for call in (compiled(url=URL), compiled(url="http://x", method="POST", body=BODY)):
        with pytest.raises(Unspeakable, match=r"could not be evaluated|no text"):
            make_request(call, Instance({0x00100020: "\ud800"}))


@pytest.mark.parametrize(
    ("arguments", "argument", "said"),
    [
        ({"url": "https://{{getString(#Tag.PatientID)}}.example/"}, "url", "no {{ }}"),
        ({"url": "{{getString(#Tag.PatientID)}}"}, "url", "http://"),
        ({"url": "https://u:p@x/"}, "url", "no user"),
        ({"url": "ftp://x/"}, "url", "http://"),
        ({"url": "https://x/{{getString(}}"}, "url", "line 1"),
        ({"url": "https://x/{{getString(#Tag.Nonsense)}}"}, "url", "Nonsense"),
        ({"url": "https://x/", "method": "PUT"}, "method", "GET or POST"),
        ({"url": "https://x/", "body": "x"}, "body", "POST"),
        ({"url": "https://x/", "method": "post"}, "body", "needed"),
        ({"url": "https://x/", "method": "post", "body": "{{nonsense}}"}, "body", "nonsense"),
        ({"url": "https://x/", "response_path": "/a~2"}, "responsePath", "RFC 6901"),
    ],
)
def test_what_is_refused(arguments: dict[str, str], argument: str, said: str) -> None:
    mistake = compile_call(**arguments)  # type: ignore[arg-type]
    assert isinstance(mistake, CallMistake)
    assert (mistake.argument, said in mistake.message) == (argument, True), mistake


DOCUMENT = {"foo": ["bar", {"": 0}], "a/b": 1, "m~n": 2, " ": 3, 'k"l': 4, "01": 5, "n": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", DOCUMENT),
        ("/foo/0", "bar"),
        ("foo/0", "bar"),
        ("/foo/1/", 0),
        ("/a~1b", 1),
        ("/m~0n", 2),
        ("/ ", 3),
        ('/k"l', 4),
        ("/01", 5),
        ("/n", None),
        ("/~01", NOTHING),
        ("/foo/00", NOTHING),
        ("/foo/-", NOTHING),
        ("/foo/2", NOTHING),
        ("/foo/\u0660", NOTHING),
        ("/foo/0/0", NOTHING),
        ("/nowhere", NOTHING),
    ],
)  # fmt: skip
def test_pointers(text: str, value: object) -> None:
    tokens = parse_pointer(text)
    assert tokens is not None
    assert resolve(DOCUMENT, tokens) is value or resolve(DOCUMENT, tokens) == value


def test_the_cache_is_bounded_in_time_and_number() -> None:
    now = 0.0
    cache = Cache(lambda: now, life=10, most=2)
    cache.put("a", "A")
    cache.put("b", "B")
    assert cache.get("a") == "A"
    cache.put("c", "C")
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == ("A", None, "C", 2)
    now = 10.0
    assert (cache.get("a"), cache.get("c"), len(cache)) == (None, None, 0)
