# SPDX-License-Identifier: Apache-2.0
"""The image as its archive says it is, and as it runs: non-root, read-only, with nothing of the build left in it."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.provider.fixtures import TestCluster, cluster, namespace

__all__ = ["cluster", "namespace"]

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "build/image.tar"
NAME = "localhost/dromos:dev"
DEADLINE = "--timeout=60s"


@pytest.fixture(scope="session")
def archive() -> Iterator[tarfile.TarFile]:
    """The archive, made anew if what goes into it has changed."""
    subprocess.run([ROOT / "hack/build-image.sh"], check=True, timeout=1200)
    with tarfile.open(ARCHIVE) as opened:
        yield opened


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file
    return file.read()


@pytest.fixture(scope="session")
def image(archive: tarfile.TarFile) -> dict[str, Any]:
    """The image's configuration."""
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    assert manifest["RepoTags"] == [NAME]
    configuration: dict[str, Any] = json.loads(_read(archive, manifest["Config"]))
    return configuration


@pytest.fixture(scope="session")
def files(archive: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    """Every path of the root file system, without what a later layer took away."""
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    found: dict[str, tarfile.TarInfo] = {}
    for layer in manifest["Layers"]:
        with tarfile.open(fileobj=io.BytesIO(_read(archive, layer))) as opened:
            for member in opened:
                folder, _, base = member.name.removeprefix("./").rpartition("/")
                if base.startswith(".wh."):
                    gone = f"{folder}/{base.removeprefix('.wh.')}"
                    found = {
                        path: kept for path, kept in found.items() if path != gone and not path.startswith(f"{gone}/")
                    }
                else:
                    found[member.name.removeprefix("./").rstrip("/")] = member
    return found


def test_it_runs_dromos_as_nobody_in_particular(image: dict[str, Any]) -> None:
    settings = image["config"]
    assert settings["User"] == "65532:65532"  # numbers: the kubelet checks runAsNonRoot against them
    assert settings["Entrypoint"] == ["dromos"]
    assert settings["Env"][0].startswith("PATH=/opt/dromos/bin:")


def test_its_labels_say_what_it_is(image: dict[str, Any]) -> None:
    labels = {
        name.rpartition(".")[2]: value for name, value in image["config"]["Labels"].items() if "opencontainers" in name
    }
    assert labels["title"] == "Dromos"
    assert labels["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}|unknown", labels["revision"])


def test_nothing_of_the_build_stays(image: dict[str, Any], files: dict[str, tarfile.TarInfo]) -> None:
    assert "opt/dromos/bin/dromos" in files
    ours = [path for path in files if path.startswith("opt/")]
    for unwanted in (
        r"/bin/(pip|hatchling|activate)",
        r"site-packages/(pip|setuptools|hatchling)(-|/|$)",
        r"/tests/cluster/",
    ):
        assert not [path for path in ours if re.search(unwanted, f"/{path}")]
    for unwanted in (
        r"^usr/bin/(gcc|cc|make|git)$",
        r"^etc/pip\.conf$",
        r"^run/secrets",
        r"^src(/|$)",
        r"^var/lib/apt/lists/.+",
        r"^root/\.cache",
        r"\.deb$",
        r"^usr/local/share/ca-certificates/.",
    ):
        assert not [path for path in files if re.search(unwanted, path)]


def test_the_build_machines_ways_out_stay_behind(image: dict[str, Any]) -> None:
    text = json.dumps(image)
    assert not [
        entry
        for entry in image["config"]["Env"]
        if re.match("(PIP|SSL|HTTPS?_PROXY|REQUESTS|CURL)", entry, re.IGNORECASE)
    ]
    for secret in filter(None, map(os.environ.get, ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"))):
        assert secret not in text


def test_nothing_is_left_to_compile_when_a_pod_starts(
    archive: tarfile.TarFile, files: dict[str, tarfile.TarInfo]
) -> None:
    """A read-only root file system keeps nothing of it: each start would compile a gateway anew, which takes half a second."""
    stamps = dict(_compiled(archive))
    sources = {path: member for path, member in files.items() if re.search(r"/site-packages/dromos_.*\.py$", path)}
    assert len(sources) > 200
    for path, member in sources.items():
        assert stamps.get(path) == (int(member.mtime), member.size), path


def _compiled(archive: tarfile.TarFile) -> Iterator[tuple[str, tuple[int, int]]]:
    """Of which state of a module its compiled form is: time and size, as its head says."""
    (manifest,) = json.loads(_read(archive, "manifest.json"))
    for layer in manifest["Layers"]:
        with tarfile.open(fileobj=io.BytesIO(_read(archive, layer))) as opened:
            for member in opened:
                named = re.fullmatch(r"(?:\./)?(.+/)__pycache__/(\w+)\.cpython-\d+\.pyc", member.name)
                if named is not None and (file := opened.extractfile(member)) is not None:
                    kind, time, size = struct.unpack("<4xIII", file.read(16))
                    assert kind == 0, "compared by time and size"
                    yield f"{named[1]}{named[2]}.py", (time, size)


def test_nobody_but_root_may_change_what_runs(files: dict[str, tarfile.TarInfo]) -> None:
    changeable = [
        path for path, file in files.items() if path.startswith("opt/") and not file.issym() and file.mode & 0o022
    ]
    assert not changeable
    assert {file.uid for path, file in files.items() if path.startswith("opt/dromos")} == {0}


def _pod(arguments: list[str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "dromos"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "dromos",
                    "image": NAME,
                    "imagePullPolicy": "Never",
                    "args": arguments,
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        },
    }


@pytest.mark.parametrize(
    ("arguments", "phase", "says"), [(["--help"], "Succeeded", "usage: dromos"), (["no-such"], "Failed", "no-such")]
)
def test_it_runs_on_a_read_only_root(
    archive: tarfile.TarFile, cluster: TestCluster, namespace: str, arguments: list[str], phase: str, says: str
) -> None:
    cluster.load(ARCHIVE)
    kubectl = ("--namespace", namespace)
    cluster.kubectl(*kubectl, "apply", "--filename", "-", input=json.dumps(_pod(arguments)))
    cluster.kubectl(*kubectl, "wait", f"--for=jsonpath={{.status.phase}}={phase}", "pod/dromos", DEADLINE)
    assert says in cluster.kubectl(*kubectl, "logs", "dromos").stdout
