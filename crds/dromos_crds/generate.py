# SPDX-License-Identifier: Apache-2.0
"""Writes the CRDs from the models: ``python -m dromos_crds.generate [--check] [FOLDER]``.

With ``--check`` nothing is written; the exit code is 1 when a file differs from what would be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dromos_crds.definitions import DEFINITIONS

FOLDER = Path(__file__).resolve().parent.parent
_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Generated from the models in crds/dromos_crds by `make crds`; edit those.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description="Write the CRDs from the models.")
    parser.add_argument("--check", action="store_true", help="only say which files differ")
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=FOLDER, help="where the YAML goes")
    options = parser.parse_args(arguments)
    texts = render()
    if options.check:
        stale = differing(options.folder, texts)
        for name in stale:
            print(f"{options.folder / name} is not what the models say; run `make crds`", file=sys.stderr)
        return 1 if stale else 0
    for name, text in texts.items():
        (options.folder / name).write_text(text)
    return 0


def render() -> dict[str, str]:
    """Every file's name and text."""
    texts = {f"{definition.plural}.yaml": _dump(definition.as_document()) for definition in DEFINITIONS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(texts),
    }
    return texts | {"kustomization.yaml": _dump(kustomization)}


def differing(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """The files that are missing or differ."""
    return [name for name, text in texts.items() if not _same(folder / name, text)]


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


class _Dumper(yaml.SafeDumper):
    """Without anchors: what stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _dump(document: Mapping[str, Any]) -> str:
    return _HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


if __name__ == "__main__":
    sys.exit(main())
