# SPDX-License-Identifier: Apache-2.0
"""Settings from the environment."""

from __future__ import annotations

import pytest

from dromos_operator.errors import SettingsError
from dromos_operator.settings import Settings

IMAGE = {"DROMOS_GATEWAY_IMAGE": "example/dromos:1"}


def test_the_image_is_enough() -> None:
    settings = Settings.from_environment(IMAGE)
    assert settings.watch_namespaces == ()
    assert settings.gateway_image_pull_policy == "IfNotPresent"
    assert settings.listen == ("", 8081)


@pytest.mark.parametrize("name", ["DROMOS_WATCH_NAMESPACES", "WATCH_NAMESPACES"])
def test_namespaces_are_a_list(name: str) -> None:
    assert Settings.from_environment({**IMAGE, name: "b, a,,b"}).watch_namespaces == ("a", "b")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DROMOS_GATEWAY_IMAGE", " "),
        ("DROMOS_GATEWAY_IMAGE_PULL_POLICY", "Sometimes"),
        ("DROMOS_LOG_LEVEL", "loud"),
        ("DROMOS_OPERATOR_LISTEN", "8081"),
        ("DROMOS_GATEWAY_HTTP_PROXY", "proxy.example:3128"),
        ("DROMOS_GATEWAY_HTTPS_PROXY", "socks5://proxy.example:3128"),
        ("DROMOS_GATEWAY_HTTPS_PROXY", "http://user:planted@proxy.example:3128"),
        ("DROMOS_GATEWAY_HTTPS_PROXY", "http://proxy.example:x"),
        ("DROMOS_GATEWAY_TRACES", "collector:4318"),
        ("DROMOS_GATEWAY_TRACES", "http://user:planted@collector:4318"),
        ("DROMOS_METRICS_FROM", "prometheus"),
        ("DROMOS_METRICS_FROM", '{"podSelector": {}}'),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as error:
        Settings.from_environment({**IMAGE, name: value})
    assert "planted" not in str(error.value)


def test_gateways_get_their_own_proxy_and_never_the_operators() -> None:
    ours = {"HTTP_PROXY": "http://operator.example", "https_proxy": "http://operator.example", "NO_PROXY": "all"}
    theirs = {"DROMOS_GATEWAY_HTTPS_PROXY": "http://proxy.example:3128", "DROMOS_GATEWAY_NO_PROXY": ".svc,10.0.0.0/8"}
    assert Settings.from_environment({**IMAGE, **ours}).gateway_proxy == ()
    assert Settings.from_environment({**IMAGE, **ours, **theirs}).gateway_proxy == (
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("NO_PROXY", ".svc,10.0.0.0/8"),
    )
