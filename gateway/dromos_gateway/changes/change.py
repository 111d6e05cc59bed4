# SPDX-License-Identifier: Apache-2.0
"""What a Destination wants changed, and what came of it for one instance: plain data that goes between processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dromos_crds.masks import Mask
from dromos_gateway.deid.outcomes import Step
from dromos_gateway.dimse.patchwork import Patchwork
from dromos_gateway.projects.use import Use


@dataclass(frozen=True, slots=True)
class Original:
    """An instance as it was received: a data set from `data_set_offset` of a file on, up to `size`.

    In a slot of the spool there are zeros behind it.
    """

    path: Path
    data_set_offset: int
    size: int
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that the outgoing bytes depend on besides the instance.

    use               what is done with a Project: de-identification or tag morphing
    transfer_syntax   the one wanted; None leaves the original
    destination_uid   `metadata.uid` of the Destination, or its namespace/name where no cluster has given one
    """

    use: Use | None = None
    transfer_syntax: str | None = None
    only_uncompressed: bool = True
    destination_uid: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """The file to send, or patches to send it with; its UIDs are the outgoing ones.

    With `patches` the path is the original's; offset and size are those of the file that they stand for.
    """

    path: Path
    data_set_offset: int
    size: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    notes: tuple[str, ...] = ()
    digest: str = ""  # of which rule did what to which tag, where a Project was used
    steps: tuple[Step, ...] = field(default=(), repr=False)  # where a trail was asked for
    mask: Mask | None = None
    patches: Patchwork = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Held:
    """The instance must not go. `retry_after`: seconds until it may be otherwise; None: not by waiting."""

    reason: str
    message: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """A rule says that the instance does not go."""

    rule: str


Outcome = Ready | Held | Excluded
