# SPDX-License-Identifier: Apache-2.0
"""Builds the cluster's programs from Go modules, pinned by the go.mod and checked against the go.sum in modules/."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from hashlib import sha256
from pathlib import Path

from tests.cluster.provider.layout import KUBERNETES_PROGRAMS, MODULES, PAUSE_IMAGE, Layout, kubernetes_version
from tests.cluster.provider.process import ProviderError, run, say
from tests.cluster.provider.toolchain import find_go

HEARTBEAT = 20.0
PAUSE = r"""
#include <signal.h>
#include <unistd.h>
static void stop(int signal) { _exit(0); }
int main(void) { signal(SIGTERM, stop); signal(SIGINT, stop); for (;;) pause(); }
"""


@dataclass(frozen=True)
class Target:
    """Programs that one module gives, all from one run of the Go compiler."""

    module: str
    programs: Mapping[str, str]  # file name: import path
    ldflags: str = "-s -w"
    tags: str = ""


def targets() -> tuple[Target, ...]:
    """What a native cluster is made of."""
    stamp = f"-s -w -X k8s.io/component-base/version.gitVersion=v{kubernetes_version()}"
    return (
        Target("kubernetes", {name: f"k8s.io/kubernetes/cmd/{name}" for name in KUBERNETES_PROGRAMS}, stamp),
        Target("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),
        Target("helm", {"helm": "helm.sh/helm/v4/cmd/helm"}),
        Target("coredns", {"coredns": "github.com/coredns/coredns"}),
    )


KIND = Target("kind", {"kind": "sigs.k8s.io/kind"})
_PROMETHEUS = "github.com/prometheus/prometheus/cmd"
# without the clients of two dozen clouds, which take most of the time
PROMETHEUS = Target(
    "prometheus",
    {name: f"{_PROMETHEUS}/{name}" for name in ("prometheus", "promtool")},
    tags="remove_all_sd,enable_kubernetes_sd",
)
HELM = Target("helm", {"helm": "helm.sh/helm/v4/cmd/helm"})


def command(go: Path, target: Target, into: Path) -> list[str]:
    """The compiler's command line. `-mod=readonly` with the go.sum: other bytes than the pinned ones are an error."""
    words = [str(go), "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", target.ldflags]
    words += ["-tags", target.tags] if target.tags else []
    if len(target.programs) == 1:
        # by name: Go would call etcd after its folder, `server`
        ((program, path),) = target.programs.items()
        return [*words, "-o", str(into / program), path]
    return [*words, "-o", f"{into}/", *target.programs.values()]


def build(layout: Layout, wanted: tuple[Target, ...]) -> None:
    """Build what is missing; another run that builds the same is waited for."""
    if all(_built(layout, target) for target in wanted):
        return
    with _alone(layout.cache):
        missing = [target for target in wanted if not _built(layout, target)]
        if not missing:
            return
        go = find_go(os.environ, layout.cache.parent)
        for number, target in enumerate(missing, 1):
            say(f"building {target.module} ({number} of {len(missing)}; kubernetes takes minutes, once)")
            _build(layout, go, target)


def _built(layout: Layout, target: Target) -> bool:
    stamp = layout.cache / f"{target.module}.sum"
    return (
        all((layout.bin / program).is_file() for program in target.programs)
        and stamp.is_file()
        and stamp.read_text() == _pin(target)
    )


def _pin(target: Target) -> str:
    """Changes with the pinned versions."""
    folder = MODULES / target.module
    return sha256((folder / "go.mod").read_bytes() + (folder / "go.sum").read_bytes()).hexdigest()


def _build(layout: Layout, go: Path, target: Target) -> None:
    layout.bin.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=layout.cache, prefix="build-") as scratch:
        source, out = Path(scratch) / "source", Path(scratch) / "bin"
        shutil.copytree(MODULES / target.module, source)
        out.mkdir()
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
        _compile(command(go, target, out), source, environment, target.module)
        for program in target.programs:
            (out / program).replace(layout.bin / program)
    (layout.cache / f"{target.module}.sum").write_text(_pin(target))
    say(f"built {', '.join(target.programs)} in {time.monotonic() - started:.0f} s")


def _compile(words: list[str], source: Path, environment: Mapping[str, str], module: str) -> None:
    # tests that run beside it have the processors first
    with subprocess.Popen(
        ["nice", *words],
        cwd=source,
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as compiler:
        assert compiler.stderr
        last: list[str] = []
        spoke = time.monotonic()
        for packages, line in enumerate(compiler.stderr, 1):
            last = [*last[-20:], line.rstrip()]
            if time.monotonic() - spoke > HEARTBEAT:
                spoke = time.monotonic()
                say(f"  {module}: {packages} steps, now {line.strip()}")
    if compiler.returncode != 0:
        raise ProviderError("go build failed:\n" + "\n".join(last))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def pause_archive(layout: Layout) -> Path:
    """An image (docker-archive) with the program that holds a pod's namespaces: it does nothing until told to end."""
    archive = layout.cache / "pause.tar"
    if archive.is_file():
        return archive
    with tempfile.TemporaryDirectory() as scratch:
        source, program = Path(scratch) / "pause.c", Path(scratch) / "pause"
        source.write_text(PAUSE)
        run("gcc", "-static", "-Os", "-s", "-o", program, source)
        layer = _tar({"pause": (program.read_bytes(), 0o755)})
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE_IMAGE], "Layers": ["layer.tar"]}]
    files = {
        "config.json": json.dumps(config).encode(),
        "manifest.json": json.dumps(manifest).encode(),
        "layer.tar": layer,
    }
    part = archive.with_suffix(".part")
    part.write_bytes(_tar({name: (content, 0o644) for name, content in files.items()}))
    part.rename(archive)
    return archive


def _tar(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, (content, mode) in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()
