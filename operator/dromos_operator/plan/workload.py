# SPDX-License-Identifier: Apache-2.0
"""The StatefulSet and its pod template: the cold part, whose change replaces pods one by one.

Nothing here depends on the operator's own version, nor on anything that the gateway reloads by itself.
"""

from __future__ import annotations

from typing import Any

from dromos_crds.forwardnode import ForwardNodeSpec
from dromos_operator.kinds import Object
from dromos_operator.plan import names
from dromos_operator.plan.metadata import labels, owned, receiving, selector
from dromos_operator.settings import Settings

DICOM_PORT = 11112
ADMIN_PORT = 8080
USER = 65532
CONTAINER = "gateway"
TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT"
TOKEN_FILE = "/etc/dromos/credentials/admin-token"  # noqa: S105 - the path of a file
COMMAND = (
    "run",
    "/etc/dromos/config",
    "/etc/dromos/credentials",
    "/etc/dromos/pseudonyms",
    "--listen=:11112",
    "--admin=:8080",
    f"--admin-token-file={TOKEN_FILE}",
    "--spool=/var/lib/dromos/spool",
    "--drain-timeout=30",
)


def stateful_set(node: Object, spec: ForwardNodeSpec, settings: Settings, replicas: int, live: Object | None) -> Object:
    """The StatefulSet; claim templates cannot be changed, so those that stand are kept."""
    name = node["metadata"]["name"]
    templates = (live or {}).get("spec", {}).get("volumeClaimTemplates")
    return {
        **owned(node, "StatefulSet", names.workload(name)),
        "spec": {
            "replicas": replicas,
            "serviceName": names.pods_service(name),
            "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": spec.spool.retention_policy,
                "whenScaled": "Retain",
            },
            "selector": {"matchLabels": selector(name)},
            "template": _pod_template(name, spec, settings),
            "volumeClaimTemplates": [_claim(name, spec, templates[0] if templates else None)],
        },
    }


def _pod_template(node: str, spec: ForwardNodeSpec, settings: Settings) -> dict[str, Any]:
    workload = spec.workload
    pod: dict[str, Any] = {
        "serviceAccountName": names.workload(node),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(spec, settings)],
        "volumes": [
            {"name": "config", "configMap": {"name": names.configuration(node)}},
            {"name": "credentials", "secret": {"secretName": names.credentials(node), "defaultMode": 0o440}},
            {"name": "pseudonyms", "secret": {"secretName": names.pseudonyms(node), "defaultMode": 0o440}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    if workload.node_selector:
        pod["nodeSelector"] = dict(workload.node_selector)
    if workload.tolerations:
        pod["tolerations"] = [dict(toleration) for toleration in workload.tolerations]
    if workload.affinity:
        pod["affinity"] = dict(workload.affinity)
    if workload.priority_class_name:
        pod["priorityClassName"] = workload.priority_class_name
    if workload.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": reference.name} for reference in workload.image_pull_secrets]
    # the listener is opened once; whether it speaks TLS is decided then
    annotations = {"dromos.dev/listener": "plain" if spec.tls is None else "tls"}
    return {"metadata": {"labels": {**labels(node), **receiving(True)}, "annotations": annotations}, "spec": pod}


def _container(spec: ForwardNodeSpec, settings: Settings) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": CONTAINER,
        "image": settings.gateway_image,
        "imagePullPolicy": settings.gateway_image_pull_policy,
        "args": list(COMMAND),
        "env": [
            # for `kubectl exec POD -- dromos failures`, which then needs no more words
            {"name": "DROMOS_ADMIN_TOKEN_FILE", "value": TOKEN_FILE},
            *({"name": name, "value": value} for name, value in settings.gateway_proxy),
            *([{"name": TRACES, "value": settings.gateway_traces}] if settings.gateway_traces else []),
        ],
        "ports": [
            {"name": "dicom", "containerPort": DICOM_PORT, "protocol": "TCP"},
            {"name": "admin", "containerPort": ADMIN_PORT, "protocol": "TCP"},
        ],
        # a spool of a million instances takes its time to be read again
        "startupProbe": _probe("/readyz", period=2, timeout=2, failures=300),
        "readinessProbe": _probe("/readyz", period=2, timeout=2, failures=3),
        # three minutes: what hangs on a disk that stalls shall not be killed for it
        "livenessProbe": _probe("/healthz", period=10, timeout=5, failures=18),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/dromos/config", "readOnly": True},
            {"name": "credentials", "mountPath": "/etc/dromos/credentials", "readOnly": True},
            {"name": "pseudonyms", "mountPath": "/etc/dromos/pseudonyms", "readOnly": True},
            {"name": "spool", "mountPath": "/var/lib/dromos"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
    if spec.workload.resources:
        container["resources"] = dict(spec.workload.resources)
    return container


def _probe(path: str, *, period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "admin"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "failureThreshold": failures,
    }


def _claim(node: str, spec: ForwardNodeSpec, live: Object | None) -> dict[str, Any]:
    size = spec.spool.size
    storage_class = spec.spool.storage_class_name
    if live is not None:
        size = live["spec"]["resources"]["requests"]["storage"]
        storage_class = live["spec"].get("storageClassName")
    claim: dict[str, Any] = {
        # a claim template has a kind, or the API server adds one and the object never looks as applied
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "spool", "labels": labels(node)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        },
    }
    if storage_class is not None:
        claim["spec"]["storageClassName"] = storage_class
    return claim
