# SPDX-License-Identifier: Apache-2.0
"""The `dromos` command: finds its subcommands among the entry points and runs one.

A subcommand is a module named in the entry-point group ``dromos.commands``. It offers
``add_arguments(parser)`` and ``run(arguments) -> exit code``; the first line of its docstring is its help.
Only the chosen module is imported, so `dromos send` never pays for the operator's libraries.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import EntryPoint, entry_points, version
from typing import Protocol, cast

GROUP = "dromos.commands"
HELP = {
    "run": "run a gateway from manifests",
    "validate": "say everything the operator and the gateway would refuse",
    "send": "send DICOM files as a modality would",
    "echo": "check that a DICOM node or a destination answers",
    "demo": "show the main job on this machine",
    "failures": "list and replay what could not be delivered",
    "preview": "show what would be sent of DICOM files to a destination",
    "pseudonyms": "import, list, find and delete the stored pseudonyms of a project",
    "status": "show each destination of a running gateway, and what is wrong",
    "transfers": "ask what became of studies and images",
    "operator": "run the operator process",
}


class Command(Protocol):
    """What a subcommand's module offers."""

    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments; a default for `behind` takes positional ones that follow options."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; 0 done, 1 it ran and the answer is no, 2 wrong usage or unreadable input."""


def main(argv: list[str] | None = None) -> int:
    """Run `dromos ARGV`; argparse itself exits with 2 on wrong usage."""
    words = sys.argv[1:] if argv is None else argv
    commands = {point.name: point for point in entry_points(group=GROUP)}
    chosen = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="dromos", description="DICOM gateway for Kubernetes.")
    parser.add_argument("--version", action="version", version=f"dromos {version('dromos')}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    command: Command | None = None
    for name, point in sorted(commands.items()):
        subparser = subparsers.add_parser(name, help=HELP.get(name))
        if name == chosen:
            command = _load(point)
            subparser.description = command.__doc__
            subparser.formatter_class = argparse.RawDescriptionHelpFormatter
            command.add_arguments(subparser)
    arguments, behind = parser.parse_known_args(words)
    if behind:
        # argparse gives positional arguments to one place only; these stand behind options that came after others
        if not hasattr(arguments, "behind") or any(word.startswith("-") and word != "-" for word in behind):
            parser.error(f"unrecognized arguments: {' '.join(behind)}")
        arguments.behind = behind
    if command is None:  # argparse has refused a missing or unknown command already
        parser.error("a command is required")
    try:
        return command.run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away: `dromos … | head`
        return 0


def _load(point: EntryPoint) -> Command:
    return cast("Command", point.load())


if __name__ == "__main__":
    sys.exit(main())
