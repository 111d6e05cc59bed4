# SPDX-License-Identifier: Apache-2.0
"""The small objects around the pods: files, ServiceAccount, PodDisruptionBudget."""

from __future__ import annotations

import base64

from dromos_operator.kinds import Object
from dromos_operator.plan import names
from dromos_operator.plan.configuration import ADMIN_TOKEN, Files
from dromos_operator.plan.metadata import owned, selector


def config_map(node: Object, files: Files) -> Object:
    """The manifests."""
    head = owned(node, "ConfigMap", names.configuration(node["metadata"]["name"]))
    return {**head, "data": dict(files.manifests)}


def credentials(node: Object, files: Files, token: str) -> Object:
    """Everything secret that the pods may see, and the token of the admin port."""
    head = owned(node, "Secret", names.credentials(node["metadata"]["name"]))
    texts = {**files.credentials, ADMIN_TOKEN: token}
    return {
        **head,
        "type": "Opaque",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()},
    }


def pseudonyms(node: Object, files: Files) -> Object:
    """The pseudonyms that Projects keep in Secrets."""
    head = owned(node, "Secret", names.pseudonyms(node["metadata"]["name"]))
    data = {name: base64.b64encode(text.encode()).decode() for name, text in files.pseudonyms.items()}
    return {**head, "type": "Opaque", "data": data}


def service_account(node: Object) -> Object:
    """An identity without a token: gateways never talk to the API server."""
    head = owned(node, "ServiceAccount", names.workload(node["metadata"]["name"]))
    return {**head, "automountServiceAccountToken": False}


def disruption_budget(node: Object) -> Object:
    """One pod at a time may go; a pod that is not ready is no reason to keep a node."""
    name = node["metadata"]["name"]
    return {
        **owned(node, "PodDisruptionBudget", names.workload(name)),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(name)},
        },
    }
