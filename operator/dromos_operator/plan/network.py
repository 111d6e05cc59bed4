# SPDX-License-Identifier: Apache-2.0
"""How a gateway is reached: the Service senders connect to, the headless one, and who may reach what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dromos_crds.forwardnode import ForwardNodeSpec
from dromos_operator.kinds import Object
from dromos_operator.plan import names
from dromos_operator.plan.metadata import owned, receiving, selector
from dromos_operator.plan.workload import ADMIN_PORT, DICOM_PORT

OPERATOR = {"app.kubernetes.io/name": "dromos", "app.kubernetes.io/component": "operator"}


def service(node: Object, spec: ForwardNodeSpec) -> Object:
    """The Service that senders connect to."""
    name = node["metadata"]["name"]
    wanted = spec.service
    port: dict[str, Any] = {"name": "dicom", "port": wanted.port, "targetPort": DICOM_PORT, "protocol": "TCP"}
    body: dict[str, Any] = {
        "type": wanted.type,
        "selector": {**selector(name), **receiving(True)},
        "ports": [port],
    }
    if wanted.type != "ClusterIP":
        body["externalTrafficPolicy"] = wanted.external_traffic_policy
        if wanted.node_port:
            port["nodePort"] = wanted.node_port
    if wanted.type == "LoadBalancer":
        if wanted.load_balancer_class:
            body["loadBalancerClass"] = wanted.load_balancer_class
        if wanted.load_balancer_source_ranges:
            body["loadBalancerSourceRanges"] = list(wanted.load_balancer_source_ranges)
    return {**owned(node, "Service", names.workload(name), wanted.annotations), "spec": body}


def pods_service(node: Object) -> Object:
    """The headless Service that gives each pod a name of its own."""
    name = node["metadata"]["name"]
    return {
        **owned(node, "Service", names.pods_service(name)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": selector(name),
            "ports": [
                {"name": what, "port": port, "targetPort": port, "protocol": "TCP"}
                for what, port in (("dicom", DICOM_PORT), ("admin", ADMIN_PORT))  # the latter for ServiceMonitors
            ],
        },
    }


def network_policy(node: Object, operator_namespace: str, metrics_from: Sequence[Mapping[str, Any]] = ()) -> Object:
    """DICOM from anywhere, the admin port from the operator and who reads metrics; what goes out is open.

    The load balancer keeps to its source ranges by itself: senders in the cluster do not come through it.
    """
    name = node["metadata"]["name"]
    dicom: dict[str, Any] = {"ports": [{"port": DICOM_PORT, "protocol": "TCP"}]}
    namespace = {"kubernetes.io/metadata.name": operator_namespace} if operator_namespace else {}
    operator = {
        "namespaceSelector": {"matchLabels": namespace} if namespace else {},
        "podSelector": {"matchLabels": OPERATOR},
    }
    admin = {"ports": [{"port": ADMIN_PORT, "protocol": "TCP"}], "from": [operator, *map(dict, metrics_from)]}
    return {
        **owned(node, "NetworkPolicy", names.workload(name)),
        "spec": {
            "podSelector": {"matchLabels": selector(name)},
            "policyTypes": ["Ingress"],
            "ingress": [dicom, admin],
        },
    }
