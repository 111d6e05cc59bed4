# SPDX-License-Identifier: Apache-2.0
"""What strace saw, as events in order: who did what to which path, with which bytes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,fsync,fdatasync,sync,syncfs,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,truncate,ftruncate,fallocate,copy_file_range,"
    "sendfile,splice"
)
_LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")
_DESCRIPTOR = re.compile(r"(?:\d+|AT_FDCWD)<((?:TCP|TCPv6|UNIX[-A-Z]*|UDP|NETLINK):\[.*?\]|[^>]*)>")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RESULT = re.compile(r"\) += (-?\d+|\?)[^=]*$")


@dataclass(frozen=True)
class Event:
    """A system call begins or ends. What may take effect at any time in between is true of both."""

    call: str
    ends: bool
    failed: bool
    descriptors: tuple[str, ...]  # paths or sockets of its descriptor arguments
    texts: tuple[bytes, ...]  # its paths, or the bytes that it writes
    arguments: str


def command(output: Path) -> tuple[str, ...]:
    """Put before a command, traces it and everything it starts; the command keeps its process id."""
    return ("strace", "-D", "-f", "-yy", "-x", "-s", "9000", "-e", f"trace={CALLS}", "-o", str(output))


def events(trace: Path) -> Iterator[Event]:
    """The calls in the order in which they happened."""
    begun: dict[str, tuple[str, str]] = {}
    for line in trace.read_text(errors="surrogateescape").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue  # signals and exits
        pid, resumed, call, rest = match.groups()
        if resumed is not None:
            call, before = begun.pop(pid)
            yield _event(call, before + rest, ends=True)
        elif rest.endswith("<unfinished ...>"):
            arguments = rest.removesuffix("<unfinished ...>").rstrip()
            begun[pid] = (call, arguments)
            yield _event(call, arguments, ends=False)
        else:
            yield _event(call, rest, ends=False)
            yield _event(call, rest, ends=True)


def _event(call: str, text: str, *, ends: bool) -> Event:
    result = _RESULT.search(text)
    arguments = text[: result.start()] if result is not None else text
    plain = _TEXT.sub('""', arguments)
    return Event(
        call,
        ends,
        result is not None and result.group(1).startswith("-"),
        tuple(path.removesuffix("(deleted)") for path in _DESCRIPTOR.findall(plain)),
        tuple(codecs.escape_decode(found.encode("utf-8", "surrogateescape"))[0] for found in _TEXT.findall(arguments)),
        plain,
    )
