# SPDX-License-Identifier: Apache-2.0
"""What this version does not do yet: a Destination that asks for it is held, nothing of it is sent."""

from __future__ import annotations

from dromos_crds.destination import DestinationSpec

_NOT_BUILT = {
    "deidentification": "spec.deidentification",
    "tag_morphing": "spec.tagMorphing",
}


def unsupported(spec: DestinationSpec) -> tuple[str, ...]:
    """The fields for whose sake the Destination is held."""
    return tuple(field for attribute, field in _NOT_BUILT.items() if getattr(spec, attribute) is not None)
