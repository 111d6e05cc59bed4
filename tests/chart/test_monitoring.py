# SPDX-License-Identifier: Apache-2.0
"""The values below `monitoring`: off by default, and what Prometheus' operator and Grafana are given otherwise."""

from __future__ import annotations

import json
from typing import Any

import yaml

from dromos_operator.plan import network
from dromos_operator.settings import Settings
from tests.chart.conftest import ROOT, Render

EXAMPLE = ROOT / "examples/monitoring"
ALL = {
    "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Imaging"}},
}
API = "monitoring.coreos.com/v1"


def _kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


def _is_selected(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_nothing_of_it_by_default(render: Render) -> None:
    documents = render()
    assert not [document for document in documents if document["apiVersion"] == API]
    assert not _kind(documents, "ConfigMap")
    assert not _kind(documents, "Service")


def test_the_operator_is_fetched_through_its_service(render: Render) -> None:
    documents = render({"monitoring": ALL})
    (monitor,) = (each for each in _kind(documents, "ServiceMonitor") if each["metadata"]["name"].endswith("-operator"))
    (service,) = _kind(documents, "Service")
    (deployment,) = _kind(documents, "Deployment")
    assert _is_selected(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    template = deployment["spec"]["template"]
    assert _is_selected(service["spec"]["selector"], template["metadata"]["labels"])
    (endpoint,) = monitor["spec"]["endpoints"]
    (port,) = service["spec"]["ports"]
    assert endpoint == {"port": port["name"], "path": "/metrics", "interval": "15s"}
    assert port["targetPort"] in {each["name"] for each in template["spec"]["containers"][0]["ports"]}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_gateways_are_fetched_through_the_services_that_the_operator_makes(render: Render) -> None:
    (monitor,) = (
        each
        for each in _kind(render({"monitoring": ALL}), "ServiceMonitor")
        if each["metadata"]["name"].endswith("-gateways")
    )
    assert monitor["spec"]["namespaceSelector"] == {"any": True}
    node = {"metadata": {"name": "radiology", "namespace": "imaging", "uid": "u"}}
    service = network.pods_service(node)
    assert _is_selected(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_only_namespaces_that_are_watched_are_looked_at(render: Render) -> None:
    documents = render({"monitoring": ALL, "watchNamespaces": ["a", "b"]})
    selectors = [each["spec"].get("namespaceSelector") for each in _kind(documents, "ServiceMonitor")]
    assert {"matchNames": ["a", "b"]} in selectors


def test_the_rules_are_those_that_promtool_tests(render: Render) -> None:
    (rule,) = _kind(render({"monitoring": ALL}), "PrometheusRule")
    assert rule["apiVersion"] == API
    assert rule["spec"] == yaml.safe_load((EXAMPLE / "rules.yaml").read_text())["spec"]
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_the_dashboard_is_the_one_of_the_example(render: Render) -> None:
    (config_map,) = _kind(render({"monitoring": ALL}), "ConfigMap")
    assert json.loads(config_map["data"]["dromos.json"]) == json.loads((EXAMPLE / "dashboard.json").read_text())
    assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert config_map["metadata"]["annotations"] == {"grafana_folder": "Imaging"}


def test_where_traces_go_is_told_to_the_operator(render: Render) -> None:
    for endpoint in ("", "http://collector.tracing:4318"):
        (deployment,) = _kind(render({"monitoring": {"traces": {"endpoint": endpoint}}}), "Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        environment = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
        assert Settings.from_environment(environment).gateway_traces == endpoint


def test_each_is_a_switch_of_its_own(render: Render) -> None:
    kinds = {"serviceMonitor": "ServiceMonitor", "prometheusRule": "PrometheusRule", "dashboard": "ConfigMap"}
    for name, kind in kinds.items():
        documents = render({"monitoring": {name: {"enabled": True}}})
        assert {each for each in kinds.values() if _kind(documents, each)} == {kind}
