# SPDX-License-Identifier: Apache-2.0
"""What becomes of one element of one place in the data set."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from dromos_gateway.deid import actions
from dromos_gateway.deid.choosing import DATE, Choice
from dromos_gateway.header.encoding import PIXEL_DATA
from dromos_gateway.header.vr import CHARACTERS, OPAQUE
from dromos_gateway.header.writing import element

if TYPE_CHECKING:
    from dromos_gateway.deid.level import Level

Act = Callable[[Any, Any, Choice], bytes | None]
_STEP: Final = struct.Struct(">IhB4s").pack
# their result depends on the value, the plan and the patient only
_PURE: Final = frozenset((actions.uid, actions.modified_date, actions.default_date))


class Kind(Enum):
    """What to do about an element."""

    KEEP = 0
    REMOVE = 1
    EMPTY = 2
    ACT = 3  # a new value from the old one
    ASK = 4  # the value or the instance decides
    SAFE_PRIVATE = 5  # the creator decides


class Decision:
    """What becomes of one element; `act` makes the new value, None keeps the old one.

    tag       where it is for
    vr        as the file has it
    known     what it is after all, where the file says UN or nothing
    simple    nothing to do, nor to look into: into bytes there is, where they may hold items
    new_vr    where the action changes it
    step      which rule does what to which tag at which depth, for the digest
    value     the new value, where it doesn't depend on the old one
    constant  the whole new element with it
    memory    new elements by patient and old value, where they depend on nothing else
    quick     removed, constant or remembered
    watched   somebody asks for the outgoing value
    """

    __slots__ = (
        "_as_date",
        "act",
        "choice",
        "code",
        "constant",
        "dated",
        "kind",
        "known",
        "memory",
        "new_vr",
        "position",
        "quick",
        "simple",
        "step",
        "tag",
        "value",
        "vr",
        "watched",
    )

    def __init__(
        self,
        known: bytes,
        kind: Kind,
        code: str = "",
        choice: Choice | None = None,
        act: Act | None = None,
        new_vr: bytes | None = None,
        vr: bytes | None = None,
    ) -> None:
        self.vr = known if vr is None else vr
        self.known = known
        self.kind = kind
        self.code = code
        self.choice = choice
        self.act = act
        self.new_vr = new_vr
        self.simple = kind is Kind.KEEP and known != b"SQ" and known not in OPAQUE and self.vr not in OPAQUE
        self.position = -1 if choice is None else choice.rule.position
        self.tag = 0
        self.step = b""
        self.constant: bytes | None = None
        self.value: bytes | None = None
        self.memory: dict[tuple[str, bytes], tuple[bytes | None, str | None]] = {}
        self.dated = code == DATE and known != b"AS"  # an age says nothing of when
        self.quick = False
        self.watched = False
        self._as_date: Decision | None = None

    def at(self, tag: int, level: Level) -> Decision:
        """The same, ready for its place."""
        path, plan = level.path, level.plan
        self.tag = tag
        if tag in PIXEL_DATA and self.kind is Kind.KEEP and self.known != b"SQ":
            self.simple = plan.morphing  # beside and behind pixels there may be words
        self.step = _STEP(tag, self.position, len(path), self.code[:4].encode("ascii"))
        self.watched = not path and tag in WATCHED
        if plan.calls_services or self.vr == b"UN":
            return self
        if self.kind is Kind.REMOVE:
            self.quick = not self.watched
        elif self.kind is Kind.EMPTY and not self.watched:
            self.quick, self.constant = True, element(tag, self.vr, b"", level.encoding)
        elif self.kind is Kind.ACT and self.value is not None and not self.watched:
            self.quick, self.constant = True, element(tag, self.vr, self.value, level.encoding)
        elif self.kind is Kind.ACT:
            self.quick = self._repeats(level)
        return self

    def _repeats(self, level: Level) -> bool:
        """Whether a value becomes the same each time: what it says in letters depends on the character set, too."""
        if self.known in CHARACTERS:
            return False
        return self.act in _PURE or (self.act is actions.date and level.plan.strict and level.dates_repeat(self.choice))

    @property
    def blind(self) -> bool:
        """Whether nothing of the old value is left, whatever it is."""
        return self.kind in (Kind.REMOVE, Kind.EMPTY) or self.value is not None or self.act is actions.replace

    def as_kind(self, kind: Kind, act: Act | None = None) -> Decision:
        """The same with another kind, for one instance."""
        changed = Decision(self.known, kind, self.code, self.choice, act or self.act, self.new_vr, self.vr)
        changed.tag, changed.step, changed.watched = self.tag, self.step, self.watched
        return changed

    def as_date(self, level: Level) -> Decision:
        """The same where a date has a value to shift; one for all instances."""
        if self._as_date is None:
            self._as_date = self.as_kind(Kind.ACT, actions.date).at(self.tag, level)
        return self._as_date

    def written_as(self, vr: bytes) -> Decision:
        """The same for an element whose VR the file gives as `vr`."""
        same = Decision(self.known, self.kind, self.code, self.choice, self.act, self.new_vr, vr)
        same.value = self.value
        return same


# outgoing values that somebody asks for afterwards: SOP Class, SOP Instance, Station Name, Study, Series UID,
# Burned In Annotation
WATCHED: Final = frozenset((0x00080016, 0x00080018, 0x00081010, 0x0020000D, 0x0020000E, 0x00280301))
