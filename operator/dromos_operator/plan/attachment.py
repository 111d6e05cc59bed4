# SPDX-License-Identifier: Apache-2.0
"""A ForwardNode, its Destinations and their Projects, read once; everything else is planned from this."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dromos_crds import Destination, ForwardNode, Project
from dromos_operator.kinds import Object
from dromos_operator.plan import references
from dromos_operator.plan.reading import Reading, read
from dromos_operator.plan.references import Reference
from dromos_operator.plan.resolve import Surroundings
from dromos_operator.plan.snapshot import Snapshot


@dataclass(frozen=True)
class Attachment:
    """The typed view of a snapshot."""

    snapshot: Snapshot

    @cached_property
    def node(self) -> Reading[ForwardNode] | None:
        """The ForwardNode, if there is one."""
        return read(ForwardNode, self.snapshot.node) if self.snapshot.node is not None else None

    @cached_property
    def destinations(self) -> tuple[tuple[Object, Reading[Destination]], ...]:
        """All that name the ForwardNode, the broken ones too."""
        return tuple((obj, read(Destination, obj)) for obj in _by_name(self.snapshot.destinations))

    @cached_property
    def projects(self) -> tuple[tuple[Object, Reading[Project]], ...]:
        """The Projects that a Destination here uses."""
        used = {
            reference.name
            for _, reading in self.destinations
            if reading.model is not None
            for reference in references.of_destination(reading.model.spec)
            if reference.kind == "Project"
        }
        found = (self.snapshot.projects.get(name) for name in sorted(used))
        return tuple((obj, read(Project, obj)) for obj in found if obj is not None)

    def project(self, name: str) -> Project | None:
        """A Project that is used here and valid."""
        return next((reading.model for obj, reading in self.projects if obj["metadata"]["name"] == name), None)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Everything that is referred to, by whomever."""
        return tuple(self._references())

    @cached_property
    def enabled(self) -> int:
        """How many Destinations take images."""
        return sum(reading.model is not None and reading.model.spec.enabled for _, reading in self.destinations)

    @property
    def around(self) -> Surroundings:
        """The namespace."""
        snapshot = self.snapshot
        return Surroundings(snapshot.namespace, snapshot.projects, snapshot.secrets, snapshot.config_maps)

    def _references(self) -> Iterator[Reference]:
        if self.node is not None and self.node.model is not None:
            yield from references.of_forward_node(self.node.model)
        for _, reading in self.destinations:
            if reading.model is not None:
                yield from references.of_destination(reading.model.spec)
        for _, project in self.projects:
            if project.model is not None:
                yield from references.of_project(project.model.metadata.name, project.model.spec)


def _by_name(objects: tuple[Object, ...]) -> list[Object]:
    return sorted(objects, key=lambda obj: str(obj["metadata"]["name"]))
