# SPDX-License-Identifier: Apache-2.0
"""Show what would be sent of DICOM files to a destination: verdict, each changed element, and the rule that did it.

It decides and changes with the gateway's own code, on the manifests at PATH, in a worker process with the gateway's
limits, and sends nothing. With --out the file is written as it would be sent, byte for byte; an image with masks is
written beside it as a PNG, too.
Exit code 0: all would be sent. 1: something would not. 2: wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from dromos_crds import manifests
from dromos_crds.folders import sentence
from dromos_gateway.commands import previewtables
from dromos_gateway.commands.calling import WrongUsage
from dromos_gateway.commands.previewing import Previewer
from dromos_gateway.workers.oneatatime import OneAtATime


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare manifests, destination, files and output."""
    parser.usage = (
        "dromos preview PATH [PATH ...] --destination NAME [--out FILE] [--format table|json] FILE [FILE ...]"
    )
    parser.add_argument("paths", metavar="PATH", nargs="+", help="manifest file or folder; FILEs may stand here, too")
    parser.set_defaults(behind=[])
    parser.add_argument("--destination", metavar="NAME", required=True, help="the Destination; or NAMESPACE/NAME")
    parser.add_argument("--out", metavar="FILE", type=Path, help="write what would be sent; a folder for several FILEs")
    parser.add_argument("--format", choices=previewtables.FORMATS, default="table", help="(default table)")


def run(arguments: argparse.Namespace) -> int:
    """Show it."""
    try:
        paths, files = _sorted_out(arguments.paths, arguments.behind)
        outs = _outs(arguments.out, files)
        with OneAtATime() as worker, tempfile.TemporaryDirectory(prefix="dromos-preview-") as scratch:
            previewer = Previewer(paths, arguments.destination, worker)
            shown = [previewer.preview(file, Path(scratch), out) for file, out in zip(files, outs, strict=True)]
    except WrongUsage as error:
        said = str(error)
    except OSError as error:
        said = sentence(error)
    else:
        previewtables.write(shown, arguments.format)
        return 0 if all(each.verdict == "Sent" for each in shown) else 1
    print(f"dromos preview: {said}", file=sys.stderr)
    return 2


def _sorted_out(words: list[str], behind: list[str]) -> tuple[list[Path], list[Path]]:
    """Manifests and DICOM files: what stands behind the options are files, before them they differ by their names."""
    paths: list[Path] = []
    files: list[Path] = []
    for path in map(Path, words):
        (paths if path.is_dir() or path.suffix in manifests.SUFFIXES else files).append(path)
    files += map(Path, behind)
    if not paths:
        raise WrongUsage("name a manifest or a folder of manifests (.yaml, .yml, .json)")
    if not files:
        folders = [str(path) for path in paths if path.is_dir()]
        taken = f"; a folder is taken for manifests: {', '.join(folders)}" if folders else ""
        raise WrongUsage(f"name at least one DICOM file{taken}")
    if folder := next((file for file in files if file.is_dir()), None):
        raise WrongUsage(f"{folder}: this is a folder; name the DICOM files in it")
    return paths, files


def _outs(out: Path | None, files: list[Path]) -> list[Path | None]:
    if out is None:
        return [None] * len(files)
    if len(files) == 1 and not out.is_dir():
        return [out]
    if out.exists() and not out.is_dir():
        raise WrongUsage(f"{out}: --out is a folder where there are several files")
    out.mkdir(parents=True, exist_ok=True)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise WrongUsage("several files have the same name, so --out cannot hold them")
    return [out / name for name in names]


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos preview", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
