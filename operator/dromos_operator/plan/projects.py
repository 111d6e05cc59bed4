# SPDX-License-Identifier: Apache-2.0
"""Projects: their status, and the Secret with their keys where they name none."""

from __future__ import annotations

import base64
from typing import Any

from dromos_crds import Project, reasons
from dromos_crds import conditions as types
from dromos_crds.projectkeys import made_secret
from dromos_operator.kinds import Object
from dromos_operator.plan import configuration, names
from dromos_operator.plan.conditions import Condition, no, ready, unknown, yes
from dromos_operator.plan.reading import Reading, read
from dromos_operator.plan.resolve import Surroundings, of_project
from dromos_operator.plan.snapshot import ProjectSnapshot
from dromos_operator.plan.status import document

FIRST_KEY = "k1"


def key_secret(snapshot: ProjectSnapshot, random: bytes) -> Object | None:
    """The Secret to create, if the Project needs one and there is none.

    It has no owner: with it all linkage between pseudonyms would go. Nor is it ever written again.
    """
    project = read(Project, snapshot.project).model
    metadata = snapshot.project["metadata"]
    name = made_secret(metadata["name"])
    if project is None or project.spec.secret_ref is not None or metadata.get("deletionTimestamp"):
        return None
    if name in snapshot.secrets:
        return None
    texts = {"active": FIRST_KEY, FIRST_KEY: random[:16].hex()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": {"app.kubernetes.io/name": "dromos", "app.kubernetes.io/component": "project-key"},
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()},
    }


def project_status(snapshot: ProjectSnapshot, now: str) -> Object | None:
    """The status of a Project; None while it is being deleted."""
    if snapshot.project["metadata"].get("deletionTimestamp"):
        return None
    reading = read(Project, snapshot.project)
    users = _users(snapshot)
    accepted = (
        no(types.ACCEPTED, reasons.INVALID, "; ".join(reading.problems))
        if reading.problems
        else yes(types.ACCEPTED, "the object is valid")
    )
    conditions = [accepted, _refs(snapshot, reading), _programmed(snapshot, reading, users)]
    used = [user["metadata"]["name"] for user in users]
    message = f"used by {', '.join(used)}" if used else "not used by any Destination"
    return document(snapshot.project, [*conditions, ready(conditions, message)], now, usedBy=used)


def uses(destination: Object, project: str) -> bool:
    """Whether a live Destination names the Project, however broken the rest of it is."""
    spec = destination.get("spec") or {}
    parts = (spec.get(field) for field in ("deidentification", "tagMorphing"))
    named = (part.get("projectRef") for part in parts if isinstance(part, dict))
    return any(isinstance(reference, dict) and reference.get("name") == project for reference in named)


def _users(snapshot: ProjectSnapshot) -> list[Object]:
    name = snapshot.project["metadata"]["name"]
    return sorted(
        (destination for destination in snapshot.destinations if uses(destination, name)),
        key=lambda destination: str(destination["metadata"]["name"]),
    )


def _refs(snapshot: ProjectSnapshot, reading: Reading[Project]) -> Condition:
    if reading.model is None:
        return unknown(types.RESOLVED_REFS, "the object is not valid")
    around = Surroundings(snapshot.project["metadata"]["namespace"], {}, snapshot.secrets, snapshot.config_maps)
    return of_project(reading.model, around)


def _programmed(snapshot: ProjectSnapshot, reading: Reading[Project], users: list[Object]) -> Condition:
    name = snapshot.project["metadata"]["name"]
    wanted = configuration.render(reading.manifest)
    for user in users:
        node = user["spec"]["forwardNodeRef"]["name"]
        mounted = snapshot.config_maps.get(names.configuration(node)) or {}
        who = f"Destination {user['metadata']['name']}"
        if (mounted.get("data") or {}).get(names.file("Project", name)) != wanted:
            return no(types.PROGRAMMED, reasons.PENDING, f"{who}: ForwardNode {node!r} does not have this form yet")
        programmed = _condition(user, types.PROGRAMMED)
        if programmed.get("status") != "True":
            message = f"{who}: {programmed.get('message', 'not programmed yet')}"
            return no(types.PROGRAMMED, programmed.get("reason") or reasons.PENDING, message)
    if not users:
        return Condition(types.PROGRAMMED, "True", reasons.NOT_USED, "no Destination uses it")
    return yes(types.PROGRAMMED, f"acknowledged by the pods of {len(users)} Destinations")


def _condition(obj: Object, kind: str) -> dict[str, Any]:
    status = obj.get("status") or {}
    if status.get("observedGeneration") != obj["metadata"].get("generation"):
        return {}
    return next((dict(found) for found in status.get("conditions") or () if found["type"] == kind), {})
