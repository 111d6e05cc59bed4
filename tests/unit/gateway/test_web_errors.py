# SPDX-License-Identifier: Apache-2.0
"""Which of the machines on the way failed, in words that give nothing away."""

from __future__ import annotations

import ssl

import httpx
import pytest

from dromos_gateway.web.errors import explain
from dromos_gateway.web.proxies import proxy_of

URL = "https://pacs.example/dicomweb/studies?album=hush"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        (URL, {}, None),
        (URL, {"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        (URL, {"https_proxy": "http://user:hush@proxy.example:3128/x?y"}, "http://proxy.example:3128"),
        (URL, {"ALL_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        (URL, {"HTTP_PROXY": "http://proxy.example:3128"}, None),
        (URL, {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "a.example, pacs.example"}, None),
        (URL, {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": ".example"}, None),
        (URL, {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "*"}, None),
        (URL, {"HTTPS_PROXY": "http://proxy.example", "NO_PROXY": "acs.example"}, "http://proxy.example"),
        ("http://[2001:db8::1]:8042/", {"HTTP_PROXY": "http://[2001:db8::2]:3128"}, "http://[2001:db8::2]:3128"),
    ],
)
def test_the_proxy_on_the_way(
    monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str], proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url) == proxy
    # httpx, which has no public word for it, goes the same way
    with httpx.Client(verify=CONTEXT) as client:
        direct = client._transport_for_url(httpx.URL(url)) is client._transport
    assert direct is (proxy is None)


def test_a_proxy_that_fails_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = httpx.ConnectError("hush")
    refused.__cause__ = OSError(111, "Connection refused")
    assert str(explain(refused, URL)) == "https://pacs.example: Connection refused"
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hush@proxy.example:3128")
    through = "https://pacs.example: not reached through the proxy http://proxy.example:3128: "
    assert str(explain(refused, URL)) == through + "Connection refused"
    assert str(explain(httpx.ConnectTimeout("hush"), URL)) == through + "no connection within the deadline"
    said = "https://pacs.example: the proxy http://proxy.example:3128 refused the connection"
    assert str(explain(httpx.ProxyError("407 hush"), URL)) == f"{said} with 407"
    assert str(explain(httpx.ProxyError("hush"), URL)) == said
    assert str(explain(httpx.ReadTimeout("hush"), URL)) == "https://pacs.example: no answer within the deadline"
