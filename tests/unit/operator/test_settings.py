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
    assert settings.listen == ("0.0.0.0", 8081)


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
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({**IMAGE, name: value})
