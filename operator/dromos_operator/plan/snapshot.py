# SPDX-License-Identifier: Apache-2.0
"""The planner's input: one ForwardNode and all it can see, at one moment. Nothing here changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dromos_operator.kinds import Key, Object
from dromos_operator.plan.report import Report


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known about a ForwardNode of this name, which may not exist."""

    namespace: str
    name: str
    node: Object | None = None
    destinations: tuple[Object, ...] = ()  # those that name it, whatever else they say
    projects: Mapping[str, Object] = field(default_factory=dict)  # of the namespace
    secrets: Mapping[str, Object] = field(default_factory=dict)
    config_maps: Mapping[str, Object] = field(default_factory=dict)
    live: Mapping[Key, Object] = field(default_factory=dict)  # what has the names of our objects, ours or not
    pods: Mapping[str, Object] = field(default_factory=dict)
    claims: tuple[Object, ...] = ()  # of the pods that are or were
    reports: Mapping[str, Report] = field(default_factory=dict)  # by pod
    nodes: tuple[str, ...] = ()  # the names of all ForwardNodes of the namespace


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """What is known about a Project."""

    project: Object
    destinations: tuple[Object, ...] = ()  # of the namespace
    secrets: Mapping[str, Object] = field(default_factory=dict)
    config_maps: Mapping[str, Object] = field(default_factory=dict)
