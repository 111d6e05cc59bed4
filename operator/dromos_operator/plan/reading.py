# SPDX-License-Identifier: Apache-2.0
"""Live objects as typed models, tolerantly: a field that a newer CRD knows is left out, not an error.

What is wrong otherwise is said as sentences that name the field, for the condition `Accepted`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from dromos_crds.refusals import dotted, explain
from dromos_operator.kinds import Object

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Reading(Generic[M]):
    """An object as read: `model` is None when it is not valid, and `problems` says why."""

    model: M | None
    problems: tuple[str, ...]
    manifest: Mapping[str, Any]  # what a gateway is given of it


def read(model: type[M], obj: Object) -> Reading[M]:
    """Read a live object."""
    manifest = _manifest(obj)
    try:
        return Reading(model.model_validate(manifest), (), manifest)
    except ValidationError as error:
        unknown = [refusal.path for refusal in explain(error, model) if refusal.is_unknown_field]
        if not unknown:
            return Reading(None, _sentences(error, model), manifest)
    for location in unknown:
        _drop(manifest, location)
    try:
        return Reading(model.model_validate(manifest), (), manifest)
    except ValidationError as error:
        return Reading(None, _sentences(error, model), manifest)


def _manifest(obj: Object) -> dict[str, Any]:
    metadata = obj["metadata"]
    head = {name: metadata[name] for name in ("name", "namespace", "uid", "generation") if name in metadata}
    spec = copy.deepcopy(obj.get("spec") or {})
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": head, "spec": spec}


def _sentences(error: ValidationError, model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(f"{dotted(refusal.path)}: {refusal.sentence}" for refusal in explain(error, model))


def _drop(value: Any, location: tuple[int | str, ...]) -> None:
    for step in location[:-1]:
        value = value[step]
    value.pop(location[-1], None)
