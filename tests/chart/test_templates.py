# SPDX-License-Identifier: Apache-2.0
"""What the chart renders: one operator, locked down, with rights that are spelled out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.conftest import Render

EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example/dromos", "tag": "1.2.3", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "pull"}],
    "serviceAccount": {"name": "robot", "annotations": {"a": "b"}},
    "networkPolicy": {"enabled": True, "metricsFrom": [{"podSelector": {}}]},
    "logLevel": "debug",
    "gateway": {"proxy": {"httpProxy": "http://proxy.example:3128", "noProxy": ".svc,10.0.0.0/8"}},
    "smtp": {"host": "mail.example", "sender": "d@example.org", "secretRef": {"name": "smtp"}},
    "podLabels": {"team": "imaging"},
    "podAnnotations": {"note": "x"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "priorityClassName": "high",
}
VALUES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "two namespaces": {"watchNamespaces": ["a", "b"]},
}


def _kind(documents: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [document for document in documents if document["kind"] == kind]


def _pod(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (deployment,) = _kind(documents, "Deployment")
    spec: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_there_is_one_operator(render: Render, values: dict[str, Any]) -> None:
    (deployment,) = _kind(render(values), "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_pod_meets_the_restricted_standard(render: Render, values: dict[str, Any]) -> None:
    pod = _pod(render(values))
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert all(set(volume) <= {"name", "emptyDir", "secret"} for volume in pod["volumes"])


def test_the_gateways_run_the_operators_own_image(render: Render) -> None:
    for values, image, policy in (
        ({}, "localhost/dromos:dev", "IfNotPresent"),
        (EVERYTHING, "registry.example/dromos:1.2.3", "Always"),
    ):
        (container,) = _pod(render(values))["containers"]
        environment = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert container["args"] == ["operator"]
        assert (container["image"], container["imagePullPolicy"]) == (image, policy)
        assert environment["DROMOS_GATEWAY_IMAGE"] == image
        assert environment["DROMOS_GATEWAY_IMAGE_PULL_POLICY"] == policy


def test_the_gateways_proxy_is_told_and_is_not_the_operators_own(render: Render) -> None:
    (container,) = _pod(render(EVERYTHING))["containers"]
    proxies = {entry["name"]: entry["value"] for entry in container["env"] if entry["name"].endswith("_PROXY")}
    assert proxies == {
        "DROMOS_GATEWAY_HTTP_PROXY": "http://proxy.example:3128",
        "DROMOS_GATEWAY_NO_PROXY": ".svc,10.0.0.0/8",
    }
    (container,) = _pod(render())["containers"]
    assert not [entry for entry in container["env"] if "PROXY" in entry["name"]]


def test_probes_ask_the_health_port(render: Render) -> None:
    (container,) = _pod(render())["containers"]
    assert container["ports"] == [{"name": "health", "containerPort": 8081}]
    paths = {name: container[name]["httpGet"] for name in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {
        "startupProbe": {"path": "/healthz", "port": "health"},
        "readinessProbe": {"path": "/readyz", "port": "health"},
        "livenessProbe": {"path": "/healthz", "port": "health"},
    }


def test_every_value_for_the_pod_arrives(render: Render) -> None:
    documents = render(EVERYTHING)
    pod = _pod(documents)
    for key in ("imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert pod[key] == EVERYTHING[key]
    metadata = _kind(documents, "Deployment")[0]["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "imaging"
    assert metadata["annotations"] == {"note": "x"}
    assert pod["serviceAccountName"] == "robot"
    (account,) = _kind(documents, "ServiceAccount")
    assert (account["metadata"]["name"], account["metadata"]["annotations"]) == ("robot", {"a": "b"})


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_no_right_is_a_wildcard(render: Render, values: dict[str, Any]) -> None:
    roles = [*_kind(render(values), "ClusterRole"), *_kind(render(values), "Role")]
    assert roles
    for rule in (rule for role in roles for rule in role["rules"]):
        assert not any("*" in word for words in rule.values() for word in words), rule
        assert not {"escalate", "bind", "impersonate", "deletecollection"} & set(rule["verbs"]) or rule[
            "apiGroups"
        ] == ["dromos.dev"]


def _operator_role(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    (role,) = (role for role in _kind(documents, "ClusterRole") if role["metadata"]["name"] == "dromos-operator")
    rules: list[dict[str, Any]] = role["rules"]
    return rules


def test_watching_namespaces_takes_the_rights_elsewhere_away(render: Render) -> None:
    everywhere, two = render(), render({"watchNamespaces": ["a", "b"]})
    assert not [role for role in _kind(two, "ClusterRole") if role["metadata"]["name"] == "dromos-operator"]
    assert not _kind(two, "ClusterRoleBinding")
    roles = _kind(two, "Role")
    assert [role["metadata"]["namespace"] for role in roles] == ["a", "b"]
    assert [binding["metadata"]["namespace"] for binding in _kind(two, "RoleBinding")] == ["a", "b"]
    assert all(role["rules"] == _operator_role(everywhere) for role in roles)
    assert not _kind(everywhere, "Role")
    (container,) = _pod(two)["containers"]
    assert {"name": "DROMOS_WATCH_NAMESPACES", "value": "a,b"} in container["env"]


def test_the_operator_cannot_write_what_users_write(render: Render) -> None:
    verbs = {resource: set(rule["verbs"]) for rule in _operator_role(render()) for resource in rule["resources"]}
    for kind in ("forwardnodes", "destinations", "projects"):
        assert verbs[kind] == {"get", "list", "watch"}
        assert verbs[f"{kind}/status"] == {"get", "patch"}
    assert not any("delete" in granted for granted in verbs.values())


def test_roles_for_people_are_aggregated(render: Render) -> None:
    roles = {
        label.removeprefix("rbac.authorization.k8s.io/aggregate-to-"): role
        for role in _kind(render(), "ClusterRole")
        for label in role["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/")
    }
    assert set(roles) == {"view", "edit", "admin"}
    assert {verb for rule in roles["view"]["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert "delete" in roles["edit"]["rules"][0]["verbs"]
    assert len(_kind(render({"rbac": {"aggregateRoles": False}}), "ClusterRole")) == 1


def test_the_network_policy_opens_the_health_port_only(render: Render) -> None:
    assert not _kind(render(), "NetworkPolicy")
    (policy,) = _kind(render(EVERYTHING), "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    (rule,) = policy["spec"]["ingress"]
    assert rule == {"ports": [{"port": "health", "protocol": "TCP"}], "from": [{"podSelector": {}}]}
    (deployment,) = _kind(render(EVERYTHING), "Deployment")
    assert policy["spec"]["podSelector"]["matchLabels"] == deployment["spec"]["selector"]["matchLabels"]


def test_an_existing_service_account_is_used_and_not_made(render: Render) -> None:
    documents = render({"serviceAccount": {"create": False, "name": "theirs"}})
    assert not _kind(documents, "ServiceAccount")
    assert _pod(documents)["serviceAccountName"] == "theirs"
    (binding,) = _kind(documents, "ClusterRoleBinding")
    assert binding["subjects"][0]["name"] == "theirs"


def test_two_releases_share_no_name(render: Render) -> None:
    def names(release: str) -> set[tuple[str, str]]:
        documents = render({"crds": {"enabled": False}}, release=release)
        return {(document["kind"], document["metadata"]["name"]) for document in documents}

    assert not names("one") & names("two")


def test_the_deletion_of_projects_is_decided_by_a_value(render: Render) -> None:
    for value in ("Deny", "Warn"):
        (binding,) = _kind(render({"projectDeletion": value}), "ValidatingAdmissionPolicyBinding")
        assert binding["spec"]["validationActions"] == [value]
    documents = render({"projectDeletion": "Off"})
    assert not [document for document in documents if document["kind"].startswith("ValidatingAdmission")]
