# SPDX-License-Identifier: Apache-2.0
"""What a Destination wants changed, from its manifest."""

from __future__ import annotations

from dromos_crds import Destination
from dromos_gateway.changes.change import Change
from dromos_gateway.projects.use import Applied, Namespace, use_of


def change_of(destination: Destination, around: Namespace) -> tuple[Change | None, Applied | None]:
    """The change, or None where instances go as they came; and what it applies of a Project. Unresolved."""
    spec, metadata = destination.spec, destination.metadata
    use, applied = use_of(destination, around) or (None, None)
    syntax = spec.transfer_syntax
    if use is None and syntax is None:
        return None, None
    change = Change(
        use=use,
        transfer_syntax=syntax.uid if syntax is not None else None,
        only_uncompressed=syntax.only_uncompressed if syntax is not None else True,
        destination_uid=metadata.uid or f"{metadata.namespace}/{metadata.name}",
    )
    return change, applied
