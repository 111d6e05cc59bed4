# SPDX-License-Identifier: Apache-2.0
"""A gateway that can be looked into, on a real cluster: the notifications example tells by mail, the monitoring example
finds what it asks for and rings in a real Prometheus, Events tell what changed, and `kubectl dromos transfers` says what
became of a study, originals included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.cluster.conftest import RESTRICTED, ROOT, drop_namespace, make_namespace
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.peers import STORESCP_PORT, Peers, pod_of, sender, storescp
from tests.cluster.plugin import plugin
from tests.cluster.prometheus import Prometheus, prometheus
from tests.cluster.studies import ROOT_UID, study

EXAMPLES = ROOT / "examples"
MAIL_PORT = 8025
INSTANCES = 4
# Python's own relay, which prints each mail that it takes
RELAY = ["python3", "-u", "-W", "ignore", "-m", "smtpd", "-n", "-c", "DebuggingServer", f"0.0.0.0:{MAIL_PORT}"]


def _relay() -> list[Manifest]:
    labels = {"app": "mail"}
    pod = pod_of(RELAY, [], {})
    pod["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": MAIL_PORT}, "periodSeconds": 1}
    metadata = {"name": "mail", "labels": labels}
    ports = [{"port": MAIL_PORT}]
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "mail"},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


@pytest.fixture(scope="module")
def imaging(cluster: Kubectl, installed: Kubectl) -> Iterator[Peers]:
    """The notifications example as it is, but for the relay, and one study sent through it."""
    kubectl = make_namespace(cluster, "dromos-test-seeing", RESTRICTED)
    kubectl.apply(sender(), *storescp("archive"), *_relay())
    kubectl.wait_rollout("deployment/archive")
    kubectl.run("wait", "--for=condition=Ready", "pod/sender", "pod/mail", "--timeout=120s")
    peers = Peers(kubectl)
    peers.wait_answering("archive", STORESCP_PORT)
    kubectl.run("apply", "--filename", EXAMPLES / "notifications")
    relay = {"host": "mail", "port": MAIL_PORT, "security": "None", "secretRef": None}
    kubectl.patch_spec("forwardnode", "radiology", smtp=relay)
    kubectl.patch_spec("destination", "archive", notifications={"interval": "15s"})  # all come in one window
    for kind, name in (("forwardnode", "radiology"), ("destination", "archive")):
        kubectl.wait_condition(kind, name, "Ready", within=120)
    peers.wait_answering("radiology", 104, "RADIOLOGY")
    peers.load("study", study(7001, INSTANCES))
    sent = peers.send("study", to="radiology", called="RADIOLOGY")
    assert (sent.code, len(sent.acknowledged)) == (0, INSTANCES), sent.log
    assert peers.send("study", to="radiology", called="NOBODY").code != 0  # so that a rejection is counted
    yield peers
    drop_namespace(cluster, kubectl.namespace)


def test_the_study_is_told_by_mail(imaging: Peers) -> None:
    mails = eventually(
        lambda: imaging.kubectl.run("logs", "mail").stdout, lambda text: "Subject" in text, within=120, what="a mail"
    )
    assert "pacs-team@example.org" in mails
    assert f"{INSTANCES} sent, 0 excluded, 0 failed" in mails


def _row(kubectl: Kubectl, name: str) -> dict[str, str]:
    """What `kubectl get destinations` shows of one, by the columns' titles."""
    title, *lines = kubectl.run("get", "destinations").stdout.splitlines()
    begins = [match.start() for match in re.finditer(r"(?:^|(?<=  ))\S", title)]
    ends = [*begins[1:], None]
    (line,) = (line for line in lines if line.split()[0] == name)
    return {title[begin:end].strip(): line[begin:end].strip() for begin, end in zip(begins, ends, strict=True)}


def test_kubectl_get_shows_how_it_stands(imaging: Peers) -> None:
    row = eventually(lambda: _row(imaging.kubectl, "archive"), lambda row: row["LAST TRANSFER"] != "", within=90)
    shown = {"READY": "True", "ENABLED": "true", "REACHABLE": "true", "WAITING": "0", "FAILED": "0"}
    assert {title: row[title] for title in shown} == shown
    assert re.fullmatch(r"[0-9]+[smh].*", row["LAST TRANSFER"]), "how long ago"


def _study(imaging: Peers) -> dict[str, Any]:
    found = plugin(
        imaging.kubectl, "transfers", "--destination", f"{imaging.kubectl.namespace}/archive", "--format", "json"
    )
    assert found.returncode == 0, found.stderr
    row: dict[str, Any] = json.loads(found.stdout)[0]
    return row


def test_one_screen_says_what_became_of_it(imaging: Peers) -> None:
    row = eventually(lambda: _study(imaging), bool, within=60, what="a row")
    screen = plugin(imaging.kubectl, "transfers", "--study", row["sent"]["StudyInstanceUID"])
    assert screen.returncode == 0, screen.stderr
    (line,) = (line for line in screen.stdout.splitlines() if line.startswith(f"{imaging.kubectl.namespace}/archive"))
    assert line.split()[1:5] == [str(INSTANCES), "0", "0", "0"]
    assert len(screen.stdout.splitlines()) < 24


def test_originals_are_kept_with_the_key_that_the_operator_made(imaging: Peers) -> None:
    row = _study(imaging)
    found = plugin(imaging.kubectl, "transfers", "--study", row["sent"]["StudyInstanceUID"], "--format", "json")
    (series,) = json.loads(found.stdout)
    assert series["original"]["StudyInstanceUID"] == row["sent"]["StudyInstanceUID"]
    assert (imaging.kubectl.get("secret", "radiology-transfer-log") or {})["data"]["key"]


def test_prometheus_would_find_the_pods_and_what_the_dashboard_shows(imaging: Peers) -> None:
    """By the PodMonitor's own selector and port, through the API server, which reaches the pods as Prometheus does."""
    monitor = yaml.safe_load((EXAMPLES / "monitoring/podmonitor.yaml").read_text())
    labels = ",".join(f"{name}={value}" for name, value in monitor["spec"]["selector"]["matchLabels"].items())
    (pod,) = imaging.kubectl.items("pods", "--selector", labels)
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    name = f"http:{pod['metadata']['name']}:{ports[endpoint['port']]}"
    path = f"/api/v1/namespaces/{imaging.kubectl.namespace}/pods/{name}/proxy{endpoint['path']}"
    page = imaging.kubectl.run("get", "--raw", path).stdout
    delivered = f'dromos_delivered_instances_total{{destination="archive",namespace="{imaging.kubectl.namespace}"}} {INSTANCES}.0'
    assert delivered in page
    shown = set(re.findall(r"^(dromos_\w+)", page, re.MULTILINE))
    dashboard = json.loads((EXAMPLES / "monitoring/dashboard.json").read_text())
    rules = yaml.safe_load((EXAMPLES / "monitoring/rules.yaml").read_text())["spec"]["groups"][0]["rules"]
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [rule["expr"] for rule in rules]
    asked = {found for query in queries for found in re.findall(r"dromos_\w+", query)}
    operators = {name for name in asked if name.startswith("dromos_operator_")}
    assert asked - operators <= shown
    assert operators <= set(re.findall(r"^(dromos_\w+)", _operators_page(imaging.kubectl), re.MULTILINE))


def _operators_page(kubectl: Kubectl) -> str:
    system = Kubectl("dromos-system")
    (pod,) = system.items("pods", "--selector", "app.kubernetes.io/name=dromos,app.kubernetes.io/component=operator")
    path = f"/api/v1/namespaces/dromos-system/pods/http:{pod['metadata']['name']}:8081/proxy/metrics"
    return kubectl.run("get", "--raw", path).stdout


def test_the_gateways_service_has_the_port_that_a_servicemonitor_names(imaging: Peers) -> None:
    labels = "app.kubernetes.io/name=dromos,app.kubernetes.io/component=gateway"
    services = imaging.kubectl.items("services", "--selector", labels)
    (admin,) = (port for service in services for port in service["spec"]["ports"] if port["name"] == "admin")
    assert admin["port"] == 8080


@pytest.fixture(scope="module")
def watching(imaging: Peers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with the example's configuration."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), imaging.kubectl.namespace) as running:
        yield running


def test_prometheus_scrapes_the_pods_that_the_example_names(imaging: Peers, watching: Prometheus) -> None:
    delivered = "sum by (pod, destination) (dromos_delivered_instances_total)"
    eventually(
        lambda: watching.value(delivered), lambda value: value == INSTANCES, within=60, what="what was delivered"
    )
    (target,) = watching.ask("targets", state="active")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert (target["labels"]["pod"], target["labels"]["namespace"]) == ("radiology-0", imaging.kubectl.namespace)
    rules = [rule for group in watching.ask("rules")["groups"] for rule in group["rules"]]
    asked = yaml.safe_load((EXAMPLES / "monitoring/rules.yaml").read_text())["spec"]["groups"][0]["rules"]
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in asked}
    eventually(
        lambda: {rule["health"] for group in watching.ask("rules")["groups"] for rule in group["rules"]},
        lambda health: health == {"ok"},
        within=60,
    )
    assert watching.firing() == {}


def test_alerts_and_events_tell_of_what_is_held_and_of_who_does_not_answer_until_that_is_over(
    imaging: Peers, watching: Prometheus
) -> None:
    """One destination's condition fails at run time, so that what comes is held; another one goes away for a while."""
    kubectl = imaging.kubectl
    _told(kubectl, "ForwardNode", "radiology", "Ready")
    holding = {**(kubectl.get("destination", "archive") or {})["spec"], "condition": "'CT'.substring(3) == ''"}
    metadata = {"name": "holding"}
    kubectl.apply({"apiVersion": "dromos.dev/v1alpha1", "kind": "Destination", "metadata": metadata, "spec": holding})
    kubectl.wait_condition("destination", "holding", "Ready", within=120)
    kubectl.run("scale", "deployment/archive", "--replicas=0")
    imaging.load("held", study(7002, 2))
    assert imaging.send("held", to="radiology", called="RADIOLOGY").code == 0
    fired = eventually(watching.firing, lambda firing: "DromosDeadLetters" in firing, within=60, what="an alert")
    assert fired["DromosDeadLetters"]["destination"] == "holding"
    assert fired["DromosDeadLetters"]["namespace"] == kubectl.namespace
    _told(kubectl, "Destination", "holding", "Ready", "DeadLetters")
    _told(kubectl, "Destination", "archive", "Ready", "Unreachable")
    assert (kubectl.get("destination", "holding") or {})["status"]["queue"]["failed"] == 2
    kubectl.run("scale", "deployment/archive", "--replicas=1")
    for letter in json.loads(plugin(kubectl, "failures", "list", "--format", "json").stdout):
        assert plugin(kubectl, "failures", "discard", str(letter["id"])).returncode == 0
    eventually(watching.firing, lambda firing: "DromosDeadLetters" not in firing, within=60, what="no alert")
    _told(kubectl, "Destination", "holding", "NoDeadLetters")
    _told(kubectl, "Destination", "archive", "Reachable")


def _told(kubectl: Kubectl, kind: str, name: str, *reasons: str) -> None:
    about = f"involvedObject.kind={kind},involvedObject.name={name}"
    eventually(
        lambda: {event["reason"] for event in kubectl.items("events", "--field-selector", about)},
        lambda found: found >= set(reasons),
        within=180,
        what=f"Events about {kind} {name}: {', '.join(reasons)}",
    )


def test_what_two_pods_have_of_a_study_is_one_answer(imaging: Peers) -> None:
    kubectl = imaging.kubectl
    kubectl.patch_spec("forwardnode", "radiology", replicas=2)
    kubectl.wait_rollout("statefulset/radiology")
    kubectl.wait_condition("forwardnode", "radiology", "Ready", within=120)
    halved = study(7003, 4)
    for number, uids in enumerate((list(halved)[:1], list(halved)[1:])):
        half, pod = f"half-{number}", kubectl.get("pod", f"radiology-{number}") or {}
        address = pod["status"]["podIP"]
        ports = {each["name"]: each["containerPort"] for each in pod["spec"]["containers"][0]["ports"]}
        imaging.wait_answering(address, ports["dicom"], "RADIOLOGY")
        imaging.load(half, {uid: halved[uid] for uid in uids})
        sent = imaging.send(half, to=address, called="RADIOLOGY", port=ports["dicom"])
        assert (sent.code, len(sent.acknowledged)) == (0, len(uids)), sent.log
    uid = f"{ROOT_UID}.7003"
    counted = eventually(
        lambda: json.loads(plugin(kubectl, "transfers", "--study", uid, "--format", "json").stdout),
        lambda found: [each["delivered"] for each in found if each["destination"].endswith("/archive")] == [4],
        within=60,
        what="what both pods have delivered, as one series",
    )
    assert all(each["forwardNode"] == f"{kubectl.namespace}/radiology" for each in counted)
    screen = plugin(kubectl, "transfers", "--study", uid)
    assert (screen.returncode, screen.stdout.count("Study ")) == (0, 1), screen.stderr
    rows = plugin(kubectl, "transfers", "--study", uid, "--rows", "--format", "json")
    pods = [row["pod"] for row in json.loads(rows.stdout) if row["destination"].endswith("/archive")]
    assert sorted(pods) == ["radiology-0", *["radiology-1"] * 3]
