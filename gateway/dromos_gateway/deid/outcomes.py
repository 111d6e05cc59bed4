# SPDX-License-Identifier: Apache-2.0
"""What comes of a plan for an instance. No text here has a value of the instance."""

from __future__ import annotations

from dataclasses import dataclass, field

from dromos_crds.masks import Mask
from dromos_gateway.dimse.patchwork import Patchwork


@dataclass(frozen=True, slots=True)
class Step:
    """One element that a rule touched: for `dromos preview`, never for a log.

    `path` ends with the element's tag, behind those of the sequences it is in; `action` is an action code, C for
    cleaned, W for always written; `before` and `after` are values as text, None for none.
    """

    path: tuple[int, ...]
    vr: str
    rule: str
    action: str
    before: str | None = field(default=None, repr=False)
    after: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """The target file is written, with these UIDs; `digest` is SHA-256 over which rule did what to which tag.

    With `patches` there is no file: they make of the source what would be in it.
    """

    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    digest: str
    steps: tuple[Step, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    mask: Mask | None = None  # what `clean.pixel.data` has to draw; the file says so already
    patches: Patchwork = field(default=(), repr=False)
    data_set_offset: int = 0  # where the data set begins in what they make


@dataclass(frozen=True, slots=True)
class Excluded:
    """A rule of the profile says that the instance does not go."""

    rule: str


@dataclass(frozen=True, slots=True)
class Held:
    """The instance must not go as things are; `reason` is one word, as in conditions."""

    reason: str
    message: str


class Hold(Exception):
    """Raised where an action can't be carried out; becomes `Held`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Exclude(Exception):
    """Raised where a rule excludes the instance; becomes `Excluded`."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule
