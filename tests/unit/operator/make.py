# SPDX-License-Identifier: Apache-2.0
"""Builders of live objects, with what a test does not care about filled in."""

from __future__ import annotations

import base64
from typing import Any

from dromos_operator.plan.report import Load, Report, Verdict
from dromos_operator.plan.snapshot import Snapshot
from dromos_operator.settings import Settings

SETTINGS = Settings(gateway_image="example/dromos:1", operator_namespace="dromos-system")
NOW = "2026-11-24T08:00:00Z"
TOKEN = "fresh-token"
Manifest = dict[str, Any]


def meta(name: str, **more: Any) -> Manifest:
    return {"name": name, "namespace": "imaging", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1", **more}


def node(name: str = "radiology", *, status: Any = None, metadata: Any = None, **spec: Any) -> Manifest:
    obj = {"apiVersion": "dromos.dev/v1alpha1", "kind": "ForwardNode", "metadata": meta(name, **(metadata or {}))}
    return {**obj, "spec": {"aeTitle": "RADIOLOGY", **spec}, **({"status": status} if status else {})}


def destination(name: str = "archive", to: str = "radiology", *, metadata: Any = None, **spec: Any) -> Manifest:
    dicom = {"dicom": {"aeTitle": "ARCHIVE", "hostname": "archive", "port": 104}} if "stow" not in spec else {}
    return {
        "apiVersion": "dromos.dev/v1alpha1",
        "kind": "Destination",
        "metadata": meta(name, **(metadata or {})),
        "spec": {"forwardNodeRef": {"name": to}, **dicom, **spec},
    }


def project(name: str = "study-a", **spec: Any) -> Manifest:
    return {
        "apiVersion": "dromos.dev/v1alpha1",
        "kind": "Project",
        "metadata": meta(name),
        "spec": {"profile": {"name": "p", "profileElements": []}, **spec},
    }


def secret(name: str, **data: str) -> Manifest:
    encoded = {key.replace("__", "."): base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(name), "type": "Opaque", "data": encoded}


def config_map(name: str, **data: str) -> Manifest:
    texts = {key.replace("__", "."): text for key, text in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name), "data": texts}


def workload(name: str = "radiology", replicas: int = 1, revision: str = "r1") -> Manifest:
    owner = {"kind": "ForwardNode", "name": name, "uid": f"uid-{name}", "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta(name, uid=f"uid-{name}-workload", ownerReferences=[owner]),
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "updateRevision": revision,
            "replicas": replicas,
            "readyReplicas": replicas,
        },
    }


def pod(name: str = "radiology-0", *, ready: bool = True, revision: str = "r1", container: str = "c1") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta(name, labels={"controller-revision-hash": revision}),
        "status": {
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "gateway", "containerID": container}],
        },
    }


def report(
    hash_: str, *, pod_name: str = "radiology-0", container: str = "c1", load: Load | None = None, **held: str
) -> Report:
    names = ("archive", "research", *held)
    verdicts = {name: Verdict(name not in held, "Held" if name in held else "", held.get(name, "")) for name in names}
    return Report(f"uid-{pod_name}/{container}", hash_, verdicts, (), load, 0.0)


def snapshot(node_: Manifest | None, *destinations: Manifest, **more: Any) -> Snapshot:
    name = node_["metadata"]["name"] if node_ is not None else destinations[0]["spec"]["forwardNodeRef"]["name"]
    made = {f"{name}-transfer-log": secret(f"{name}-transfer-log", key="ab" * 32)}
    return Snapshot("imaging", name, node_, tuple(destinations), **{**more, "secrets": made | more.get("secrets", {})})


def condition(status: Manifest, kind: str) -> Manifest:
    """A condition of a planned status."""
    return next(found for found in status["status"]["conditions"] if found["type"] == kind)
