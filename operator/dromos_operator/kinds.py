# SPDX-License-Identifier: Apache-2.0
"""The kinds the operator reads and writes, and the name of one object of them.

Example: ``Key("ForwardNode", "imaging", "radiology")`` is an object, ``KINDS["ForwardNode"].api_version`` its API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Object = Mapping[str, Any]  # as the API server gives it, without managedFields

MANAGED_BY = "app.kubernetes.io/managed-by=dromos"
# Helm's releases and tokens are never referenced and can be many; they stay at the server
REFERABLE_SECRETS = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"


class Key(NamedTuple):
    """Which object."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the API, and what part of it the operator watches."""

    group: str
    version: str
    plural: str
    name: str
    label_selector: str | None = None
    field_selector: str | None = None

    @property
    def api_version(self) -> str:
        """As written in a manifest."""
        return f"{self.group}/{self.version}" if self.group else self.version


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dromos.dev", "v1alpha1", "forwardnodes", "ForwardNode"),
        Kind("dromos.dev", "v1alpha1", "destinations", "Destination"),
        Kind("dromos.dev", "v1alpha1", "projects", "Project"),
        Kind("", "v1", "secrets", "Secret", field_selector=REFERABLE_SECRETS),
        Kind("", "v1", "configmaps", "ConfigMap"),
        Kind("", "v1", "services", "Service", label_selector=MANAGED_BY),
        Kind("", "v1", "serviceaccounts", "ServiceAccount", label_selector=MANAGED_BY),
        Kind("", "v1", "pods", "Pod", label_selector=MANAGED_BY),
        Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", label_selector=MANAGED_BY),
        Kind("apps", "v1", "statefulsets", "StatefulSet", label_selector=MANAGED_BY),
        Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", label_selector=MANAGED_BY),
        Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", label_selector=MANAGED_BY),
    )
}
API_KINDS = ("ForwardNode", "Destination", "Project")


def key_of(obj: Object, kind: str | None = None) -> Key:
    """The key of an object; items of a list carry no kind of their own, so it can be given."""
    metadata = obj["metadata"]
    return Key(kind or obj["kind"], metadata.get("namespace", "default"), metadata["name"])
