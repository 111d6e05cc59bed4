# SPDX-License-Identifier: Apache-2.0
"""Send DICOM files as a modality would.

dromos send PATH… --to HOST:PORT

PATH is a Part 10 file or a folder of them. Files in folders that are no DICOM files, and DICOMDIRs, are left out.
Exit code 0: everything was stored. 1: something was not; the peer's words are printed. 2: wrong usage or unreadable
input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from dromos_gateway.commands.calling import WrongUsage, add_calling_arguments, address, peer_of
from dromos_gateway.commands.instances import Found, find
from dromos_gateway.commands.progress import Progress, amount, progress
from dromos_gateway.dimse.errors import ContextRefused, DimseError, UnreadableObject
from dromos_gateway.dimse.pdu import MAX_CONTEXTS
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext, StoredObject
from dromos_gateway.dimse.status import Verdict, classify, describe

_MOST_FAILURES_IN_FULL = 20
_MOST_LOST_IN_A_ROW = 3  # associations that break without storing anything in between


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATH… and the node."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a DICOM file, or a folder of them")
    parser.add_argument("--to", metavar="HOST:PORT", type=address, required=True, help="the node that shall store them")
    add_calling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send everything over one association, and another where the peer ends it."""
    try:
        peer = peer_of(arguments, arguments.to)
        found = find(arguments.paths)
    except WrongUsage as error:
        print(f"dromos send: {error}", file=sys.stderr)
        return 2
    if found.left_out:
        print(f"{found.left_out} file(s) left out: not DICOM files, or DICOMDIRs", file=sys.stderr)
    if not found.instances:
        print("dromos send: there is no DICOM file to send", file=sys.stderr)
        return 2
    started = time.perf_counter()
    with progress(len(found.instances), found.size) as shown:
        sending = _Sending(peer, found, shown)
        asyncio.run(sending.run())
    return sending.summary(time.perf_counter() - started)


class _Sending:
    def __init__(self, peer: Peer, found: Found, shown: Progress) -> None:
        self._peer = peer
        self._found = found
        self._shown = shown
        self._stored = self._warnings = self._bytes = 0
        self._failures: list[str] = []
        self._not_sent = 0

    async def run(self) -> None:
        """Send, group by group where there are more contexts than an association takes."""
        waiting = self._found.instances
        broken = 0
        while waiting:
            group, waiting = _split(waiting)
            pairs = dict.fromkeys((each.sop_class_uid, each.transfer_syntax_uid) for each in group)
            try:
                association = await Association.open(
                    self._peer, [ProposedContext(uid, (syntax,)) for uid, syntax in pairs]
                )
            except DimseError as error:
                self._not_sent += len(group) + len(waiting)
                self._failures.append(str(error))
                return
            stored = self._stored
            rest = await self._send(association, group)
            await association.release()
            broken = broken + 1 if rest and self._stored == stored else 0
            if broken == _MOST_LOST_IN_A_ROW:
                self._not_sent += len(rest) + len(waiting)
                return
            waiting = rest + waiting

    async def _send(self, association: Association, group: list[StoredObject]) -> list[StoredObject]:
        """Send the group; what is left when the association breaks."""
        for number, instance in enumerate(group):
            size = self._found.sizes[instance.path]
            try:
                response = await association.store(instance)
            except (ContextRefused, UnreadableObject) as error:
                self._failures.append(f"{instance.path}: {error}")
            except DimseError as error:
                self._failures.append(f"{instance.path}: {error}")
            else:
                verdict = classify(response.status)
                comment = f": {response.error_comment}" if response.error_comment else ""
                if verdict in (Verdict.Delivered, Verdict.DeliveredWithWarning):
                    self._stored += 1
                    self._bytes += size
                    if verdict is Verdict.DeliveredWithWarning:
                        self._warnings += 1
                else:
                    self._failures.append(f"{instance.path}: {describe(response.status)}{comment}")
            self._shown.advance(size)
            if not association.is_open:
                return group[number + 1 :]
        return []

    def summary(self, seconds: float) -> int:
        """Print what happened; give the exit code."""
        for line in self._failures[:_MOST_FAILURES_IN_FULL]:
            print(line, file=sys.stderr)
        if len(self._failures) > _MOST_FAILURES_IN_FULL:
            print(f"… and {len(self._failures) - _MOST_FAILURES_IN_FULL} more", file=sys.stderr)
        rate = f"{self._stored / seconds:.0f} instances/s, {amount(self._bytes / seconds)}/s"
        count = f"{self._stored} of {len(self._found.instances)} instances"
        line = f"{count}, {amount(self._bytes)}, in {seconds:.2f} s ({rate})"
        if self._warnings:
            line += f", {self._warnings} with warnings"
        if self._not_sent:
            line += f", {self._not_sent} not sent"
        print(f"{self._peer} stored {line}")
        return 0 if self._stored == len(self._found.instances) else 1


def _split(instances: list[StoredObject]) -> tuple[list[StoredObject], list[StoredObject]]:
    """The longest beginning that one association can carry, and the rest."""
    pairs: set[tuple[str, str]] = set()
    for number, each in enumerate(instances):
        pairs.add((each.sop_class_uid, each.transfer_syntax_uid))
        if len(pairs) > MAX_CONTEXTS:
            return instances[:number], instances[number:]
    return instances, []
