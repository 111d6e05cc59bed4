# SPDX-License-Identifier: Apache-2.0
"""A Project in use cannot be deleted by mistake: the chart's policy on a real API server, without the operator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.case import Case
from tests.cluster.eventually import eventually
from tests.cluster.kubectl import Done, Kubectl

ROOT = Path(__file__).resolve().parents[2]
SPACE = "dromos-test-deletion"
USERS = ("research", "teaching")


@contextmanager
def _policy(crds: Kubectl, *values: str) -> Iterator[None]:
    """The chart's policy with these values, in force."""
    helm = [os.environ.get("HELM", "helm"), "template", "dromos", str(ROOT / "charts/dromos")]
    only = ["--show-only", "templates/project-deletion.yaml"]
    text = subprocess.run([*helm, *only, *values], check=True, capture_output=True, text=True).stdout
    crds.run("apply", "--filename", "-", stdin=text)
    try:
        yield
    finally:
        crds.run("delete", "--filename", "-", "--ignore-not-found", stdin=text)


@pytest.fixture
def space(crds: Kubectl) -> Iterator[Kubectl]:
    """An empty namespace."""
    crds.run("delete", "namespace", SPACE, "--ignore-not-found", "--timeout=120s")
    crds.run("create", "namespace", SPACE)
    yield Kubectl(SPACE)
    crds.run("delete", "namespace", SPACE, "--ignore-not-found", "--timeout=120s")


def _project(space: Kubectl, name: str, users: tuple[str, ...] = USERS, **metadata: Any) -> None:
    manifest = Case("used", "project").manifest(name)
    space.apply({**manifest, "metadata": {**manifest["metadata"], **metadata}})
    status = json.dumps({"status": {"usedBy": list(users)}})
    space.run("patch", "project", name, "--subresource=status", "--type=merge", "--patch", status)


def _delete(space: Kubectl, name: str) -> Done:
    return space.run("delete", "project", name, "--wait=false", check=False)


def _wait_in_force(space: Kubectl, *, denies: bool = True) -> Done:
    """A policy takes a moment to come, and one before it to go; the probe is made again each time."""

    def attempt() -> Done:
        _project(space, "probe")
        return _delete(space, "probe")

    def is_in_force(done: Done) -> bool:
        return "is used by" in done.stderr and (done.returncode != 0) is denies

    return eventually(attempt, is_in_force, within=90, what="the policy")


def test_a_used_project_stays_and_its_users_are_named(crds: Kubectl, space: Kubectl) -> None:
    with _policy(crds):
        denied = _wait_in_force(space)
        assert denied.returncode != 0
        assert "Project probe is used by Destination research, teaching" in denied.stderr
        assert 'dromos.dev/allow-deletion: "true"' in denied.stderr
        assert space.get("project", "probe") is not None
        assert space.run("delete", "projects", "--all", "--wait=false", check=False).returncode != 0

        _project(space, "unused", ())
        assert _delete(space, "unused").returncode == 0
        _project(space, "allowed", annotations={"dromos.dev/allow-deletion": "true"})
        assert _delete(space, "allowed").returncode == 0
        _project(space, "not-quite", annotations={"dromos.dev/allow-deletion": "false"})
        assert _delete(space, "not-quite").returncode != 0
        space.run("annotate", "project", "not-quite", "--overwrite", "dromos.dev/allow-deletion=true")
        assert _delete(space, "not-quite").returncode == 0

        crds.run("delete", "namespace", SPACE, "--timeout=120s")
        assert crds.get("namespace", SPACE) is None, "a used Project does not keep its namespace"


def test_a_warning_lets_it_go(crds: Kubectl, space: Kubectl) -> None:
    with _policy(crds, "--set", "projectDeletion=Warn"):
        assert "Warning" in _wait_in_force(space, denies=False).stderr
        assert space.get("project", "probe") is None


def test_only_namespaces_that_are_watched_are_guarded(crds: Kubectl, space: Kubectl) -> None:
    with _policy(crds, "--set", f"watchNamespaces={{{SPACE}}}"):
        _wait_in_force(space)
        _project(Kubectl("default"), "elsewhere")
        assert _delete(Kubectl("default"), "elsewhere").returncode == 0
