# SPDX-License-Identifier: Apache-2.0
"""The native cluster's plan: its pins, the compiler's command lines, files, and names that are nobody else's."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path

import pytest

from tests.cluster.provider import build, configuration, layout, native, toolchain

PLACES = layout.Layout(Path("/state"), Path("/cache"))


def test_every_program_is_pinned_by_a_module_with_checksums() -> None:
    for target in (*build.targets(), build.KIND, build.PROMETHEUS):
        folder = layout.MODULES / target.module
        modules = (folder / "go.mod").read_text()
        sums = (folder / "go.sum").read_text()
        imported = re.findall(r'_ "(.*)"', (folder / "tools.go").read_text())
        assert sorted(target.programs.values()) == sorted(imported)
        direct = [line for line in modules.splitlines() if " v" in line and "=>" not in line and "indirect" not in line]
        assert direct, target.module
        for line in direct:
            module, pinned = line.removeprefix("require").split()[:2]
            assert f"{module} {pinned} h1:" in sums


def test_one_place_says_the_version() -> None:
    assert layout.kubernetes_version() == "1.36.3"
    assert layout.required("module m\n\nrequire (\n\ta.b/c v1.2.3 // indirect\n)\n", "a.b/c") == "1.2.3"
    with pytest.raises(LookupError, match="x/y"):
        layout.required("require a.b/c v1.2.3\n", "x/y")


def test_the_compiler_checks_and_leaves_no_trace_of_this_machine() -> None:
    words = build.command(Path("/go"), build.HELM, Path("/out"))
    assert words[:2] == ["/go", "build"]
    assert {"-mod=readonly", "-trimpath", "-buildvcs=false"} <= set(words)
    assert words[-3:] == ["-o", "/out/helm", "helm.sh/helm/v4/cmd/helm"]


def test_programs_get_the_names_that_they_are_run_by() -> None:
    for target in (*build.targets(), build.KIND, build.PROMETHEUS):
        words = build.command(Path("/go"), target, Path("/out"))
        out = words[words.index("-o") + 1]
        if out == "/out/":  # the compiler takes the last part of the import path
            assert [path.rpartition("/")[2] for path in target.programs.values()] == list(target.programs)
        else:
            assert [out] == [f"/out/{program}" for program in target.programs]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26)),
        ("go version go1.19.8 linux/amd64", (1, 19)),
        ("go version devel go1.27-abc", (1, 27)),
        ("gcc 12", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_version_of_go(said: str, expected: tuple[int, int]) -> None:
    assert toolchain.version(said) == expected


def test_the_toolchain_is_pinned_for_both_architectures() -> None:
    for machine, architecture in (("x86_64", "amd64"), ("aarch64", "arm64")):
        assert toolchain.module_version(machine) == f"v0.0.1-go{toolchain.TOOLCHAIN}.linux-{architecture}"
        assert re.fullmatch(r"h1:[\w+/]{43}=", toolchain.SUMS[f"linux-{architecture}"])


def test_the_cache_is_the_users() -> None:
    assert layout.layout({"HOME": "/home/a"}).bin == Path("/home/a/.cache/dromos-cluster/1.36.3/bin")
    assert layout.layout({"HOME": "/h", "XDG_CACHE_HOME": "/x"}).cache == Path("/x/dromos-cluster/1.36.3")


def test_addresses_do_not_overlap() -> None:
    link = ipaddress.ip_network(f"{layout.NODE_ADDRESS}/{layout.LINK_PREFIX}", strict=False)
    networks = [link, ipaddress.ip_network(layout.PODS), ipaddress.ip_network(layout.SERVICES)]
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
    assert {ipaddress.ip_address(layout.HOST_ADDRESS), ipaddress.ip_address(layout.NODE_ADDRESS)} == set(link.hosts())
    assert ipaddress.ip_address(layout.FIRST_SERVICE) == next(networks[2].hosts())


def test_programs_keep_to_the_clusters_own_folder() -> None:
    commands = configuration.programs(PLACES)
    paths = [match for words in commands.values() for word in words for match in re.findall(r"(?<==)/[\w/.-]+", word)]
    assert paths
    assert all(path.startswith("/state/") for path in paths)
    written = configuration.files(PLACES)
    assert all(path.is_relative_to(PLACES.state) for path in written)
    for path, content in written.items():
        if path.suffix in {".json", ".conflist"}:
            assert isinstance(json.loads(content), dict)
    assert "/var/log" not in written[PLACES.state / "kubelet.json"]


def test_every_network_command_names_what_is_ours() -> None:
    ours = {
        layout.HOST_LINK,
        layout.NETWORK_NAMESPACE,
        f"--net=/run/netns/{layout.NETWORK_NAMESPACE}",
        layout.NODE_ADDRESS,
    }
    for words in native.network_commands():
        assert ours & set(words), words


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "needs root" in (native.what_is_missing() or "")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(native, "NEEDED", ("no-such-program",))
    assert "no-such-program" in (native.what_is_missing() or "")
    assert "install-debian.sh" in (native.what_is_missing() or "")
