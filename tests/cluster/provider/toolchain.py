# SPDX-License-Identifier: Apache-2.0
"""A Go that is new enough: the one found, else golang.org/toolchain, fetched as a module by any older Go."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.provider.process import ProviderError, run, say

NEEDED = (1, 26)
TOOLCHAIN = "1.26.8"
# The module's own checksum, as in a go.sum.
SUMS = {
    "linux-amd64": "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=",
    "linux-arm64": "h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=",
}
PLACES = ("go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go")


def version(text: str) -> tuple[int, int]:
    """Major and minor version from what `go version` prints; (0, 0) when it is something else."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def module_version(machine: str) -> str:
    """The version of golang.org/toolchain for a machine as `uname -m` names it."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"v0.0.1-go{TOOLCHAIN}.linux-{architecture}"


def find_go(environment: Mapping[str, str], cache: Path) -> Path:
    """The path of a Go that is new enough, fetched if need be."""
    found = [Path(path) for place in (environment.get("GO"), *PLACES) if place and (path := shutil.which(place))]
    for go in found:
        if _version_of(go) >= NEEDED:
            return go
    kept = cache / f"go{TOOLCHAIN}"
    if (kept / "bin" / "go").is_file():
        return kept / "bin" / "go"
    if not found:
        raise ProviderError(
            f"Go {NEEDED[0]}.{NEEDED[1]} or newer is needed; any Go can fetch it: apt-get install golang-go"
        )
    _fetch(found[0], kept)
    return kept / "bin" / "go"


def _version_of(go: Path) -> tuple[int, int]:
    # outside every module and without switching: what is this Go itself?
    return version(
        run(go, "version", check=False, cwd=Path("/"), environment={**os.environ, "GOTOOLCHAIN": "local"}).stdout
    )


def _fetch(go: Path, into: Path) -> None:
    wanted = module_version(platform.machine())
    say(f"fetching Go {TOOLCHAIN} from the module proxy")
    environment = {**os.environ, "GO111MODULE": "on", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    into.parent.mkdir(parents=True, exist_ok=True)
    answer = run(
        go,
        "mod",
        "download",
        "-json",
        f"golang.org/toolchain@{wanted}",
        cwd=Path("/"),
        environment=environment,
        timeout=900,
    )
    module = json.loads(answer.stdout)
    expected = SUMS.get(wanted.rpartition(".")[2])
    if expected is None or module["Sum"] != expected:
        raise ProviderError(f"golang.org/toolchain@{wanted}: checksum {module['Sum']}, pinned is {expected}")
    part = into.with_name(into.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(module["Dir"], part)
    # module archives carry no modes: a module cache is read-only and has no programs
    for path in part.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" or "tool" in path.parts else 0o644)
    part.rename(into)
