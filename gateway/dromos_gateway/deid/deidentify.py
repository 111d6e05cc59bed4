# SPDX-License-Identifier: Apache-2.0
"""An instance in a file, changed by a plan, into another file. Memory stays small whatever their size."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dromos_crds.expressions import ExpressionFailed, Values
from dromos_crds.masks import ANY_STATION, Mask, may_show_text, select_mask
from dromos_crds.profiles.rules import AddTag
from dromos_gateway.deid.adding import additions_of
from dromos_gateway.deid.asking import ReplaceAPI
from dromos_gateway.deid.outcomes import Changed, Exclude, Excluded, Held, Hold, Step
from dromos_gateway.deid.plan import Plan
from dromos_gateway.deid.run import Run
from dromos_gateway.deid.targets import patched_by, write_target
from dromos_gateway.deid.uncleanable import uncleanable
from dromos_gateway.deid.written import WRITTEN, Facts, is_written, vr_of
from dromos_gateway.header.encoding import PIXEL_DATA, encoding_of
from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.indexing import index
from dromos_gateway.header.inflating import inflate_file
from dromos_gateway.header.output import Counting, Pieces, Sink, TooLarge
from dromos_gateway.header.source import Source
from dromos_gateway.header.values import first_value
from dromos_gateway.header.view import HeaderView

FindPseudonym = Callable[[Values], str]
_UID = re.compile(r"[0-9.]{1,64}")
_BURNED_IN, _STATION, _COLUMNS, _ROWS = 0x00280301, 0x00081010, 0x00280011, 0x00280010
_PIXELS_ELSEWHERE = 0x00287FE0  # Pixel Data Provider URL (JPIP): whoever gets it fetches what no mask was drawn on
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E


@dataclass(frozen=True, slots=True)
class Instance:
    """A Part 10 file, or any file that has a data set from `offset` on, up to `end` or its own end."""

    path: Path
    offset: int
    transfer_syntax_uid: str
    end: int | None = None


def deidentify(
    instance: Instance,
    target: Path,
    plan: Plan,
    pseudonym: str | FindPseudonym | None,
    *,
    api: ReplaceAPI | None = None,
    trail: bool = False,
    most: int = 0,
) -> Changed | Excluded | Held:
    """Change an instance. Only with `Changed` there is a target file: Part 10, with the outgoing UIDs.

    `pseudonym`, or what finds it by the instance's values, is needed unless the plan morphs tags. `api` calls the
    service of an `action.replace.api`; it raises `Hold` where it has no answer. With `trail` each step is listed, with
    values. With up to `most` new bytes, and everything behind them as it was, there are patches in place of the file.
    OSError when a file cannot be read or written; every other failure is a `Held`.
    """
    try:
        fd = os.open(instance.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _changed(fd, instance, target, plan, pseudonym, api, trail=trail, most=most)
        finally:
            os.close(fd)
    except Hold as hold:
        return Held(hold.reason, hold.message)
    except Exclude as exclude:
        return Excluded(exclude.rule)
    except MalformedDataSet as error:
        return Held("MalformedDataSet", str(error))
    except ExpressionFailed as error:
        return Held("ExpressionFailed", f"a condition of the profile: {error}")


def _changed(
    fd: int,
    instance: Instance,
    target: Path,
    plan: Plan,
    pseudonym: str | FindPseudonym | None,
    api: ReplaceAPI | None,
    *,
    trail: bool,
    most: int,
) -> Changed:
    encoding = encoding_of(instance.transfer_syntax_uid)
    if encoding.deflated:
        with tempfile.TemporaryFile(dir=target.parent) as inflated:
            end = os.fstat(fd).st_size if instance.end is None else instance.end
            inflate_file(fd, instance.offset, end, inflated.fileno())
            work = _Work(Source.of_file(inflated.fileno(), 0), instance, plan, pseudonym, api, trail=trail)
            return work.carry_out(target, 0)
    work = _Work(Source.of_file(fd, instance.offset, instance.end), instance, plan, pseudonym, api, trail=trail)
    return work.carry_out(target, most)


class _Work:
    """One instance's way through a plan."""

    def __init__(
        self,
        source: Source,
        instance: Instance,
        plan: Plan,
        pseudonym: str | FindPseudonym | None,
        api: ReplaceAPI | None,
        *,
        trail: bool,
    ) -> None:
        self._source = source
        self._syntax = instance.transfer_syntax_uid
        self._plan = plan
        self._encoding = encoding_of(self._syntax)
        self._layout = index(source, self._encoding, whole=True)
        self._view = HeaderView(source, self._encoding, self._layout)
        self._pseudonym = pseudonym(self._view) if callable(pseudonym) else pseudonym
        self._truths = plan.truths(self._view)
        self._arguments: dict[str, Any] = {"api": api, "trail": trail, "syntax": self._syntax}
        self._warnings: tuple[str, ...] = ()
        self._drawn: tuple[Mask | None] | None = None

    def carry_out(self, target: Path, most: int) -> Changed:
        """Walk the instance until what it says about itself is true of it, then write it. `Hold`, `Exclude`."""
        if not first_value(self._view.text(0x00100020)):
            raise Hold("PatientIDMissing", "the instance has no Patient ID (0010,0020)")
        if not self._plan.morphing and self._pseudonym is None:
            raise Hold("PseudonymMissing", "no pseudonym is known for the patient")
        facts = self._expected()
        added: tuple[tuple[int, tuple[bytes, str]], ...] = ()
        sink: Sink = Pieces()
        for _ in range(4):
            run, sink, small = self._pass(facts, dict(added), sink)
            found, extra = self._found(run, facts), tuple(run.added.items())
            if (found, extra) == (facts, added):
                break
            facts, added, sink = found, extra, Pieces() if small else Counting()
        else:
            raise Hold("ActionFailed", "the profile's rules contradict each other about this instance")
        self._plan.usual_facts[(self._view.text(_SOP_CLASS), self._truths)] = facts
        mask = self._mask(run)
        self._refuse_uncleanable(run, mask)
        result = self._result(run, mask, facts)
        if isinstance(sink, Pieces) and (patched := patched_by(result, self._source, self._layout, sink, most)):
            return patched
        self._write(target, result, sink, run, facts, dict(added))
        return result

    def _pass(self, facts: Facts, added: dict[int, tuple[bytes, str]], sink: Sink) -> tuple[Run, Sink, bool]:
        """One walk; when the new bytes are too many for memory, they are only counted."""
        run = self._run()
        try:
            self._edit(run, sink, facts, added)
        except TooLarge:
            run, sink = self._run(), Counting()
            self._edit(run, sink, facts, added)
        return run, sink, isinstance(sink, Pieces)

    def _run(self) -> Run:
        return Run(self._plan, self._source, self._layout, self._view, self._truths, **self._arguments)

    def _edit(self, run: Run, sink: Sink, facts: Facts, added: dict[int, tuple[bytes, str]]) -> None:
        found = additions_of(self._plan, self._view, self._truths, facts, self._pseudonym, added)
        self._warnings = found.warnings
        run.edit(sink, found.elements, found.kept_blocks)

    def _expected(self) -> Facts:
        """What a run will most likely find out; wrong guesses cost a second walk."""
        plan, truths = self._plan, self._truths
        known = plan.usual_facts.get((self._view.text(_SOP_CLASS), truths))
        if known is not None:
            return known
        return Facts(frozenset(rule.position for rule in plan.dates if truths[rule.position]))

    def _found(self, run: Run, facts: Facts) -> Facts:
        if self._plan.morphing:
            return facts
        return Facts(frozenset(run.applied), run.dates_kept, self._mask(run) is not None)

    def _mask(self, run: Run) -> Mask | None:
        """What is drawn on the pixels: decided after the first pass, which sees the rules' values."""
        if self._drawn is None:
            self._drawn = (self._mask_by(run),)
        return self._drawn[0]

    def _mask_by(self, run: Run) -> Mask | None:
        """Strict looks at changed tags too: a rule may have said that there is text, or whose mask is wanted."""
        plan, view = self._plan, self._view
        if plan.morphing or plan.pixels is None or not self._truths[plan.pixels.position]:
            return None
        here = PIXEL_DATA & self._layout.shape.index.keys()
        if not (here or _PIXELS_ELSEWHERE in self._layout) or not (plan.profile.masks or plan.strict):
            return None
        if not any(may_show_text(run.sop_class_uid, text) for text in self._burned_in(run)):
            return None
        columns, rows = (_number(view.text(tag)) for tag in (_COLUMNS, _ROWS))
        mask = select_mask(plan.profile.masks, view.text(_STATION), columns, rows)
        if plan.strict and (renamed := run.changed.get(_STATION)):
            other = select_mask(plan.profile.masks, renamed, columns, rows)
            if other is not None and other.station_name != ANY_STATION:  # not the dummy that hides the station's name
                mask = other
        if mask is None:
            raise Hold("NoMatchingMask", "the image may show text, and no mask of the profile is for it")
        if not here:
            raise Hold("PixelsCannotBeMasked", "the image may show text, and its pixels are at another place")
        return mask

    def _burned_in(self, run: Run) -> list[str | None]:
        """What is said of text in the pixels: by the instance, and in Strict by rules that change it or add it."""
        said = [self._view.text(_BURNED_IN)]
        if self._plan.strict:
            said.append(run.changed.get(_BURNED_IN))
            if not self._view.at_root(_BURNED_IN):
                said += [value for tag, (_, value) in run.added.items() if tag == _BURNED_IN]
                said += [
                    rule.value
                    for rule in self._plan.adds
                    if isinstance(rule, AddTag) and rule.tag == _BURNED_IN and self._truths[rule.position]
                ]
        return said

    def _refuse_uncleanable(self, run: Run, mask: Mask | None) -> None:
        plan, view = self._plan, self._view
        if plan.morphing or plan.recipe.uncleanable == "Allow":
            return
        what = uncleanable(
            view.text(_SOP_CLASS) or "",
            self._syntax,
            plan.options,
            masked=mask is not None,
            says_burned_in=any((text or "").strip().upper() == "YES" for text in self._burned_in(run)),
        )
        if what is None:
            return
        if plan.recipe.uncleanable == "Exclude":
            raise Exclude(f"uncleanable: {what}")
        raise Hold("Uncleanable", f"it is {what}; see spec.uncleanable of the Project")

    def _result(self, run: Run, mask: Mask | None, facts: Facts) -> Changed:
        def outgoing(tag: int) -> str:
            return (run.changed[tag] if tag in run.changed else self._view.text(tag)) or ""

        sop_class, sop_instance = outgoing(_SOP_CLASS), outgoing(_SOP_INSTANCE)
        if not (_UID.fullmatch(sop_class) and _UID.fullmatch(sop_instance)):
            raise Hold("NotSendable", "without SOP Class UID and SOP Instance UID an instance can't be sent")
        steps = (*self._written_steps(facts), *run.steps) if run.steps is not None else ()
        return Changed(
            sop_class,
            sop_instance,
            outgoing(_STUDY),
            outgoing(_SERIES),
            self._syntax,
            run.digest(),
            steps,
            self._warnings,
            mask,
        )

    def _written_steps(self, facts: Facts) -> tuple[Step, ...]:
        if self._plan.morphing:
            return ()
        values = additions_of(self._plan, self._view, self._truths, facts, self._pseudonym, {}).texts
        return tuple(
            Step((tag,), vr_of(tag).decode("ascii"), "always written", "W", self._view.text(tag), values.get(tag))
            for tag in sorted(WRITTEN.keys() | values.keys())
            if tag in values or (self._view.at_root(tag) and is_written(self._plan, tag))
        )

    def _write(
        self, target: Path, result: Changed, sink: Sink, run: Run, facts: Facts, added: dict[int, tuple[bytes, str]]
    ) -> None:
        def again(into: Sink) -> None:
            self._edit(self._run(), into, facts, added)

        pieces = sink if isinstance(sink, Pieces) else None
        write_target(target, result, self._source, pieces, again, deflated=self._encoding.deflated)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
