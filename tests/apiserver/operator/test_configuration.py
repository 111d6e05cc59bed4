# SPDX-License-Identifier: Apache-2.0
"""What the pods are given, against a real API server: how large it may get, and what a changed Secret changes."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from tests.apiserver.operator.manifests import destination, manifest, node
from tests.apiserver.operator.process import OperatorProcess
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Kubectl

CONFIGURATION = "radiology-config"


@pytest.fixture(scope="module")
def radiology(imaging: Kubectl, operator: OperatorProcess) -> Kubectl:
    """A ForwardNode with a Destination, planned."""
    imaging.apply(node(), destination("archive"))
    imaging.wait_condition("forwardnode", "radiology", "Accepted", within=60)
    return imaging


def _project(name: str, kibibytes: int) -> dict[str, Any]:
    elements = [{"codename": "expression.on.tags", "condition": "x" * 4096}] * (kibibytes // 4)
    return manifest("Project", name, profile={"name": name, "profileElements": elements})


def _mounted(kubectl: Kubectl) -> dict[str, str]:
    data: dict[str, str] = (kubectl.get("configmap", CONFIGURATION) or {}).get("data", {})
    return data


def test_what_would_be_too_large_leaves_the_last_good_configuration(radiology: Kubectl) -> None:
    """A ConfigMap ends at 1 MiB; above 900 KiB the largest part is named, and what was in force stays."""
    create = ("create", "--filename", "-")  # kubectl apply would keep a copy in an annotation, which is too large
    for name, size in (("small", 400), ("large", 600)):
        radiology.run(*create, stdin=yaml.safe_dump(_project(name, size)))
    radiology.apply(destination("first", tagMorphing={"projectRef": {"name": "small"}}))
    before = eventually(
        lambda: _mounted(radiology), lambda files: "project-small.yaml" in files, within=60, what="the first Project"
    )
    radiology.apply(destination("second", tagMorphing={"projectRef": {"name": "large"}}))
    for kind, name in (("forwardnode", "radiology"), ("destination", "archive"), ("destination", "second")):
        programmed = eventually(
            lambda kind=kind, name=name: radiology.condition(kind, name, "Programmed"),  # type: ignore[misc]
            lambda condition: condition.get("reason") == "ConfigTooLarge",
            within=60,
        )
        assert programmed["status"] == "False"
        assert "project-large.yaml" in programmed["message"]
        assert "900" in programmed["message"]
    assert _mounted(radiology) == before
    radiology.run("delete", "destination/second")
    eventually(
        lambda: radiology.condition("forwardnode", "radiology", "Programmed").get("reason"),
        lambda reason: reason not in {None, "ConfigTooLarge"},
        within=60,
    )
    radiology.run("delete", "destination/first", "project/small", "project/large")


def test_a_credential_that_changes_reaches_the_pods_secret(radiology: Kubectl) -> None:
    """Also where the Secret is deleted and made anew; what is not asked for never goes along."""

    def secret(password: str) -> dict[str, Any]:
        data = {"username": "u", "password": password, "other": "planted-other"}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": data}

    def copied() -> dict[str, str]:
        data = (radiology.get("secret", "radiology-credentials") or {})["data"]
        text = base64.b64decode(data.get("secret-login.yaml", "")).decode()
        found = (yaml.safe_load(text) or {}).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in found.items()}

    auth = {"basic": {"secretRef": {"name": "login"}}}
    stow = {"url": "https://pacs.example/studies", "auth": auth}
    radiology.apply(secret("first"), destination("web", dicom=None, stow=stow))
    for password in ("first", "second"):
        radiology.apply(secret(password))
        eventually(copied, lambda found, p=password: found == {"username": "u", "password": p}, within=60)  # type: ignore[misc]
    radiology.run("delete", "secret/login")
    gone = eventually(
        lambda: radiology.condition("destination", "web", "ResolvedRefs"),
        lambda condition: condition.get("status") == "False",
        within=60,
    )
    assert gone["message"].startswith("spec.stow.auth.basic.secretRef.name: there is no Secret 'login'")
    radiology.apply({**secret("x"), "stringData": {"username": "u"}})
    keyless = eventually(
        lambda: radiology.condition("destination", "web", "ResolvedRefs"),
        lambda condition: condition.get("reason") == "SecretKeyNotFound",
        within=60,
    )
    assert keyless["message"] == "spec.stow.auth.basic.secretRef: Secret 'login' has no key 'password'"
    radiology.apply(secret("third"))
    eventually(copied, lambda found: found == {"username": "u", "password": "third"}, within=60)
    radiology.wait_condition("destination", "web", "ResolvedRefs")
    radiology.run("delete", "destination/web", "secret/login")
