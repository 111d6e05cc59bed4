# SPDX-License-Identifier: Apache-2.0
"""The parts of a pod template that a ForwardNode takes over: plain dicts in Kubernetes' own spelling."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, with_config
from typing_extensions import TypedDict

# Kubernetes takes 1 and "1", "500m" and "2Gi" alike
Amount = Annotated[str, Field(max_length=32)] | int
Amounts = Annotated[dict[str, Amount], Field(max_length=32)]


@with_config(extra="forbid")
class Resources(TypedDict, total=False):
    """What a pod asks for and may use at most."""

    requests: Annotated[Amounts, Field(description="What the pod asks for, for example cpu and memory.")]
    limits: Annotated[Amounts, Field(description="What the pod may use at most.")]


@with_config(extra="forbid")
class Toleration(TypedDict, total=False):
    """A taint that the pods tolerate."""

    key: Annotated[str, Field(max_length=316, description="Key of the taint; every key when absent.")]
    operator: Annotated[Literal["Exists", "Equal"], Field(description="How the value is compared; Equal when absent.")]
    value: Annotated[str, Field(max_length=63, description="Value of the taint.")]
    effect: Annotated[
        Literal["NoSchedule", "PreferNoSchedule", "NoExecute"],
        Field(description="Effect of the taint; every effect when absent."),
    ]
    tolerationSeconds: Annotated[int, Field(description="For how long NoExecute is tolerated; for ever when absent.")]


Affinity = dict[str, Any]  # Kubernetes checks it itself when the StatefulSet is applied
