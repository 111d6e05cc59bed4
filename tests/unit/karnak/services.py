# SPDX-License-Identifier: Apache-2.0
"""Calls of services. The hosts of the vectors do not exist: a real server stands in for them as the HTTP proxy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from dromos_crds import tags
from dromos_crds.calls import Call, compile_call
from dromos_crds.expressions import Element
from dromos_gateway.endpoints.service import Endpoints, Failure, Found
from dromos_gateway.web.oauth2 import ClientCredentials
from tests.unit.karnak import Given
from tests.wire.endpoints.servers import Answer, Asked, Service

_TOKEN = '{"access_token": "t", "token_type": "Bearer", "expires_in": 60}'


class _Values(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)

    def present(self, tag: int) -> bool:
        return tag in self


def _replace(given: Given, expected: Given) -> None:
    wanted, response = given["arguments"], given["http_response"]

    def answers(asked: Asked) -> Answer:
        if asked.path.endswith("/token"):
            return Answer(200, _TOKEN)
        assert response is not None, "there is nobody to ask"
        return Answer(response["status"], response.get("body", ""))

    call = compile_call(
        url=wanted["url"],
        method=wanted.get("method", "get"),
        body=wanted.get("body", ""),
        response_path=wanted["responsePath"],
        auth_config=wanted.get("authConfig"),
        default=wanted.get("defaultValue"),
        of_element=True,
    )
    assert isinstance(call, Call)
    tag = tags.parse_tag(expected.get("tag", given["tag"]))
    assert tag is not None
    with Service(answers) as service, _proxy(service.url):
        known = {"endpoint": ClientCredentials("http://idp.example/token", "id", "secret")}
        endpoints = Endpoints(known, random=Random(1))
        found = endpoints.ask(call, _Values({tag: given["original"]}), Element(tag, "LO"))
        endpoints.close()
    assert isinstance(found, Failure) is ("error" in expected)
    assert (found.text if isinstance(found, Found) else None) == expected.get("value")


@contextmanager
def _proxy(url: str) -> Iterator[None]:
    before = {name: os.environ.pop(name, None) for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")}
    os.environ["http_proxy"] = url
    try:
        yield
    finally:
        del os.environ["http_proxy"]
        os.environ.update({name: value for name, value in before.items() if value is not None})


AREAS = {"replace_api": _replace}
