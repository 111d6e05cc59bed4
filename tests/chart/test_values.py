# SPDX-License-Identifier: Apache-2.0
"""The schema of the values: what is documented is allowed, what is not is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import CHART, Helm

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown key": ({"imagee": {}}, "imagee"),
    "unknown key below": ({"image": {"repo": "x"}}, "repo"),
    "pull policy": ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    "tag that YAML made a number": ({"image": {"tag": 1.5}}, "/image/tag"),
    "repository with a blank": ({"image": {"repository": "a b"}}, "/image/repository"),
    "one namespace as text": ({"watchNamespaces": "a"}, "/watchNamespaces"),
    "no namespace name": ({"watchNamespaces": ["A_b"]}, "/watchNamespaces/0"),
    "a namespace twice": ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
    "switch as text": ({"crds": {"enabled": "yes"}}, "/crds/enabled"),
    "project deletion": ({"projectDeletion": "Maybe"}, "/projectDeletion"),
    "relay without a sender": ({"smtp": {"host": "mail.example"}}, "sender"),
    "sender that is no address": ({"smtp": {"host": "h", "sender": "nobody"}}, "/smtp/sender"),
    "sender in another script": ({"smtp": {"host": "h", "sender": "a@münchen.example"}}, "/smtp/sender"),
    "security that is none": ({"smtp": {"host": "h", "sender": "a@b", "security": "SSL"}}, "/smtp/security"),
    "password in the values": ({"smtp": {"host": "h", "sender": "a@b", "password": "x"}}, "password"),
    "traces with a password": ({"monitoring": {"traces": {"endpoint": "http://u:p@c:4318"}}}, "/traces/endpoint"),
    "interval": ({"monitoring": {"serviceMonitor": {"interval": "often"}}}, "/monitoring/serviceMonitor/interval"),
    "unknown monitor": ({"monitoring": {"podMonitor": {}}}, "podMonitor"),
    "log level": ({"logLevel": "loud"}, "/logLevel"),
    "proxy without scheme": ({"gateway": {"proxy": {"httpProxy": "proxy:3128"}}}, "/gateway/proxy/httpProxy"),
    "proxy with a password": ({"gateway": {"proxy": {"httpsProxy": "http://u:p@proxy"}}}, "/gateway/proxy/httpsProxy"),
    "no proxy as a list": ({"gateway": {"proxy": {"noProxy": [".svc"]}}}, "/gateway/proxy/noProxy"),
    "nameless account": ({"serviceAccount": {"create": False, "name": ""}}, "/serviceAccount/name"),
}


@pytest.mark.parametrize(("values", "named"), REFUSED.values(), ids=REFUSED)
def test_refused(helm: Helm, tmp_path: Path, values: dict[str, Any], named: str) -> None:
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    done = helm("template", "dromos", CHART, "--values", file, check=False)
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert named in done.stderr


def test_every_value_has_a_schema_and_every_schema_a_value() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(values)
    for name in ("image", "crds", "serviceAccount", "rbac", "networkPolicy", "gateway", "monitoring"):
        assert set(schema["properties"][name]["properties"]) == set(values[name])
    for name, part in schema["properties"]["monitoring"]["properties"].items():
        assert set(part["properties"]) == set(values["monitoring"][name])


def test_no_object_in_the_schema_is_open_by_accident() -> None:
    def objects(schema: dict[str, Any], path: str = "") -> list[str]:
        below = [
            found for name, part in schema.get("properties", {}).items() for found in objects(part, f"{path}/{name}")
        ]
        is_open = "properties" in schema and schema.get("additionalProperties") is not False
        return [path, *below] if is_open else below

    assert objects(json.loads((CHART / "values.schema.json").read_text())) == []


def test_lint_is_clean(helm: Helm) -> None:
    helm("lint", "--strict", CHART)
