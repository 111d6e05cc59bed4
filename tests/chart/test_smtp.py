# SPDX-License-Identifier: Apache-2.0
"""The value `smtp`: what the operator reads of it, and its login, which is never a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dromos_operator import relay
from dromos_operator.settings import Settings
from tests.chart.conftest import Render

SMTP = {
    "host": "mail.example",
    "port": 465,
    "security": "TLS",
    "sender": "d@example.org",
    "secretRef": {"name": "smtp"},
}


def _pod(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (deployment,) = (document for document in documents if document["kind"] == "Deployment")
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def _environment(pod: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"] if "value" in entry}


def test_the_operator_reads_what_is_rendered(render: Render, tmp_path: Path) -> None:
    pod = _pod(render({"smtp": SMTP}))
    settings = Settings.from_environment(_environment(pod))
    (mount,) = (each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "smtp")
    assert (mount["mountPath"], mount["readOnly"]) == (str(settings.smtp_login), True)
    assert "subPath" not in mount, "such a file never changes"
    (volume,) = (each for each in pod["volumes"] if each["name"] == "smtp")
    assert volume["secret"]["secretName"] == "smtp"
    for item in volume["secret"]["items"]:
        (tmp_path / item["path"]).write_text(f"the {item['key']}")
    assert relay.current(settings.smtp, tmp_path) == relay.Relay(
        "mail.example", 465, "TLS", "d@example.org", "the username", "the password"
    )


def test_a_relay_without_a_login_has_no_volume(render: Render) -> None:
    pod = _pod(render({"smtp": {"host": "mail.example", "sender": "d@example.org"}}))
    assert {volume["name"] for volume in pod["volumes"]} == {"tmp"}
    settings = Settings.from_environment(_environment(pod))
    assert (settings.smtp is not None, settings.smtp_login) == (True, None)


def test_nothing_is_lent_by_default(render: Render) -> None:
    pod = _pod(render())
    assert Settings.from_environment(_environment(pod)).smtp is None
    assert {volume["name"] for volume in pod["volumes"]} == {"tmp"}


def test_who_reads_metrics_is_told_to_the_operator(render: Render) -> None:
    peers = [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}}]
    settings = Settings.from_environment(_environment(_pod(render({"networkPolicy": {"metricsFrom": peers}}))))
    assert list(settings.metrics_from) == peers
    assert Settings.from_environment(_environment(_pod(render()))).metrics_from == ()
