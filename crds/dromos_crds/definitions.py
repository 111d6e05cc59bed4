# SPDX-License-Identifier: Apache-2.0
"""The three CustomResourceDefinitions as documents: names, columns, subresources around the schemas of the models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dromos_crds.destination import DestinationSpec
from dromos_crds.forwardnode import ForwardNodeSpec
from dromos_crds.project import ProjectSpec
from dromos_crds.status import DestinationStatus, ForwardNodeStatus, ProjectStatus
from dromos_crds.structural import structural

GROUP = "dromos.dev"
VERSION = "v1alpha1"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`; `wide` ones need `-o wide`."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False
    format: str | None = None

    def as_document(self) -> dict[str, Any]:
        """The entry of additionalPrinterColumns."""
        entry: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return entry | ({"format": self.format} if self.format else {}) | ({"priority": 1} if self.wide else {})


@dataclass(frozen=True, slots=True)
class Definition:
    """One kind."""

    kind: str
    plural: str
    short_name: str
    description: str
    spec: type[BaseModel]
    status: type[BaseModel]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = ()
    scales: bool = False

    def as_document(self) -> dict[str, Any]:
        """The CustomResourceDefinition."""
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{self.plural}.{GROUP}"},
            "spec": {
                "group": GROUP,
                "scope": "Namespaced",
                "names": {
                    "kind": self.kind,
                    "listKind": f"{self.kind}List",
                    "plural": self.plural,
                    "singular": self.kind.lower(),
                    "shortNames": [self.short_name],
                    "categories": ["dromos"],
                },
                "versions": [self._version()],
            },
        }

    def _version(self) -> dict[str, Any]:
        subresources: dict[str, Any] = {"status": {}}
        if self.scales:
            subresources["scale"] = {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            }
        version: dict[str, Any] = {
            "name": VERSION,
            "served": True,
            "storage": True,
            "additionalPrinterColumns": [column.as_document() for column in self.columns],
        }
        if self.selectable:
            version["selectableFields"] = [{"jsonPath": path} for path in self.selectable]
        return version | {"subresources": subresources, "schema": {"openAPIV3Schema": self._schema()}}

    def _schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "description": self.description,
            "required": ["spec"],
            "properties": {
                "apiVersion": {"type": "string", "description": f"{GROUP}/{VERSION}."},
                "kind": {"type": "string", "description": f"{self.kind}."},
                "metadata": {"type": "object"},
                "spec": structural(self.spec),
                "status": structural(self.status, defaults=False),
            },
        }


def _condition(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


_READY = (Column("Ready", _condition("status")), Column("Reason", _condition("reason")))
_MESSAGE = Column("Message", _condition("message"), wide=True)
_AGE = Column("Age", ".metadata.creationTimestamp", "date")

DEFINITIONS = (
    Definition(
        "ForwardNode",
        "forwardnodes",
        "fn",
        "Where images come in: an AE title that senders call, and the gateway pods that answer.",
        ForwardNodeSpec,
        ForwardNodeStatus,
        (
            Column("AE Title", ".spec.aeTitle"),
            Column("Destinations", ".status.destinations", "integer"),
            Column("Replicas", ".status.readyReplicas", "integer"),
            *_READY,
            Column("Suspended", ".spec.suspend", "boolean", wide=True),
            Column("Spool", ".spec.spool.size", wide=True),
            Column("Instances", ".status.spool.instances", "integer", wide=True),
            _MESSAGE,
            _AGE,
        ),
        scales=True,
    ),
    Definition(
        "Destination",
        "destinations",
        "dst",
        "Where images go, under which conditions, and what is changed before.",
        DestinationSpec,
        DestinationStatus,
        (
            Column("Forward Node", ".spec.forwardNodeRef.name"),
            Column("Target", ".status.target"),
            Column("Enabled", ".spec.enabled", "boolean"),
            *_READY,
            Column("Reachable", ".status.reachable", "boolean"),
            Column("Waiting", ".status.queue.waiting", "integer"),
            Column("Failed", ".status.queue.failed", "integer"),
            Column("Suspended", ".spec.suspend", "boolean", wide=True),
            Column("Last Transfer", ".status.lastTransferTime", "date"),
            Column("Last Error", ".status.lastError", wide=True),
            Column("Profile", ".status.profile.name", wide=True),
            _MESSAGE,
            _AGE,
        ),
        selectable=(
            ".spec.forwardNodeRef.name",
            ".spec.deidentification.projectRef.name",
            ".spec.tagMorphing.projectRef.name",
        ),
    ),
    Definition(
        "Project",
        "projects",
        "proj",
        "What may leave: the profile and the keys of de-identification.",
        ProjectSpec,
        ProjectStatus,
        (
            Column("Profile", ".spec.profile.name"),
            Column("Compatibility", ".spec.compatibility"),
            *_READY,
            Column("Used By", ".status.usedBy", wide=True),
            _MESSAGE,
            _AGE,
        ),
    ),
)
