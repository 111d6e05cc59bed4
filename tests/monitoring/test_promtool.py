# SPDX-License-Identifier: Apache-2.0
"""Prometheus' own promtool on the rules, on what a gateway shows, and on what the dashboard asks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.cluster.provider.layout import layout
from tests.wire.gateway.conftest import gateway, receiver  # noqa: F401 - fixtures
from tests.wire.gateway.peers import GatewayProcess, make_study, storescu

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "monitoring"
PROMTOOL = layout(os.environ).bin / "promtool"


def _promtool(*words: str | Path, stdin: str = "") -> str:
    done = subprocess.run([PROMTOOL, *words], input=stdin, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The PrometheusRule's groups as Prometheus reads them."""
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": yaml.safe_load((EXAMPLE / "rules.yaml").read_text())["spec"]["groups"]}))
    return path


def test_prometheus_takes_the_rules(rules: Path) -> None:
    count = len(yaml.safe_load(rules.read_text())["groups"][0]["rules"])
    assert f"{count} rules found" in _promtool("check", "rules", "--lint=all", "--lint-fatal", rules)


def test_each_alert_fires_when_it_should_and_not_before(rules: Path) -> None:
    tests = yaml.safe_load((HERE / "rules_test.yaml").read_text())
    tested = {each["alertname"] for test in tests["tests"] for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert tested == {rule["alert"] for rule in yaml.safe_load(rules.read_text())["groups"][0]["rules"]}
    shutil.copy(HERE / "rules_test.yaml", rules.parent)
    _promtool("test", "rules", rules.parent / "rules_test.yaml")


def test_the_rule_tests_can_fail(rules: Path) -> None:
    rules.write_text(rules.read_text().replace("> 3600", "> 36000"))
    shutil.copy(HERE / "rules_test.yaml", rules.parent)
    done = subprocess.run(
        [PROMTOOL, "test", "rules", rules.parent / "rules_test.yaml"], capture_output=True, check=False
    )
    assert done.returncode != 0


def test_a_live_page_has_no_fault_and_what_the_dashboard_asks_for(
    gateway: GatewayProcess,  # noqa: F811
    receiver,  # noqa: F811
    tmp_path: Path,
) -> None:
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    storescu(gateway.port, tmp_path / "study", called="NOBODY", check=False)
    a.has(3)
    page = _page(gateway)
    assert _promtool("check", "metrics", stdin=page) == ""
    samples = set(re.findall(r"^(dromos_\w+)", page, re.MULTILINE))
    dashboard = json.loads((EXAMPLE / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            _promtool("promql", "--experimental", "format", target["expr"])  # it parses
            asked = set(re.findall(r"dromos_\w+", target["expr"]))
            assert asked
            assert asked <= samples, panel["title"]


def test_no_sender_makes_a_new_series(gateway: GatewayProcess, receiver, tmp_path: Path) -> None:  # noqa: F811
    """Whatever they call themselves, and whom they call."""
    a = receiver("a").start()
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 1)
    storescu(gateway.port, study)
    storescu(gateway.port, study, called="NOBODY", check=False)
    a.has(1)
    before = _series(_page(gateway))
    for title in ('X"} 0 Y', "DOE^JOHN", "{a='b'}", "#HELP"):
        storescu(gateway.port, study, "-aet", title)
        storescu(gateway.port, study, "-aet", title, called=title, check=False)
    page = _page(gateway)
    assert _series(page) == before
    assert _promtool("check", "metrics", stdin=page) == ""


def _page(gateway: GatewayProcess) -> str:  # noqa: F811
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin}/metrics", timeout=10) as response:
        return str(response.read().decode())


def _series(page: str) -> set[str]:
    return {line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")}
