# SPDX-License-Identifier: Apache-2.0
"""What examples/monitoring asks Prometheus for is what a gateway shows, under labels that say nothing of patients."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from dromos_gateway.admin import metrics
from dromos_gateway.gateway import Gateway, Options

MONITORING = Path(__file__).parents[3] / "examples" / "monitoring"
LABELS = {"namespace", "destination", "way", "reason", "hash", "state", "result", "le"}


@pytest.fixture
async def shown(tmp_path: Path) -> list[Metric]:
    """The page of a gateway that was opened, and never served."""
    head = "apiVersion: dromos.dev/v1alpha1\nkind: "
    (tmp_path / "node.yaml").write_text(
        f"{head}ForwardNode\nmetadata: {{name: radiology}}\nspec: {{aeTitle: DROMOS}}\n"
    )
    (tmp_path / "destination.yaml").write_text(
        f"{head}Destination\nmetadata: {{name: archive}}\n"
        "spec: {forwardNodeRef: {name: radiology}, dicom: {aeTitle: ARCHIVE, hostname: d.example, port: 104}}\n"
    )
    gateway = await Gateway.open(Options((tmp_path,), "127.0.0.1", 0, tmp_path / "spool", 1.0))
    gateway.acceptor.rejections[1, 1, 3] += 1
    page = (await metrics.render(gateway)).decode()
    await gateway.spool.close()
    return list(text_string_to_metric_families(page))


def _names(shown: list[Metric]) -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
    return {f"{each.name}{suffix}" for each in shown for suffix in suffixes.get(each.type, ("",))}


def _asked_for() -> set[str]:
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"]
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    queries = [rule["expr"] for group in rules for rule in group["rules"]]
    queries += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return {name for query in queries for name in re.findall(r"dromos_[a-z_]+", query)}


async def test_rules_and_dashboard_ask_for_what_there_is(shown: list[Metric]) -> None:
    assert len(_asked_for()) > 10
    operators = {name for name in _asked_for() if name.startswith("dromos_operator_")}
    assert _asked_for() - operators <= _names(shown)
    import dromos_operator.metrics  # noqa: F401 - they register themselves

    assert operators <= _names(list(REGISTRY.collect()))


async def test_there_is_a_metric_for_all_that_has_to_be_seen(shown: list[Metric]) -> None:
    assert {
        "dromos_received_instances_total", "dromos_received_bytes_total", "dromos_refused_instances_total",
        "dromos_delivered_instances_total", "dromos_delivered_bytes_total", "dromos_excluded_instances_total",
        "dromos_failed_instances", "dromos_delivery_duration_seconds_bucket", "dromos_waiting_instances",
        "dromos_oldest_waiting_seconds", "dromos_breaker_open", "dromos_spool_bytes", "dromos_spool_limit_bytes",
        "dromos_associations", "dromos_association_duration_seconds_bucket", "dromos_rejected_associations_total",
        "dromos_pseudonym_misses_total", "dromos_notifications_sent_total", "dromos_notification_failures_total",
        "dromos_notifications_waiting",
    } <= _names(shown)  # fmt: skip


async def test_labels_are_bounded_and_say_nothing_of_patients(shown: list[Metric]) -> None:
    labels = {label for each in shown for sample in each.samples for label in sample.labels}
    assert labels <= LABELS


def test_every_alert_has_a_section_that_says_what_to_do() -> None:
    text = (MONITORING.parents[1] / "docs" / "monitoring.md").read_text()
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"][0]["rules"]
    sections = re.findall(r"^### (\w+)\n\n(.+?)(?=\n##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in sections] == [rule["alert"] for rule in rules]
    assert all(len(body) > 100 for _, body in sections)


def test_every_alert_says_what_to_do() -> None:
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]["groups"][0]["rules"]
    for rule in rules:
        assert {"summary", "runbook"} <= set(rule["annotations"])
        assert rule["labels"]["severity"] in ("warning", "critical")
