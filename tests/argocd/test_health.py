# SPDX-License-Identifier: Apache-2.0
"""The Lua that Argo CD is given, run by a real Lua 5.1 (the version of its gopher-lua), without the libraries it withholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples/argocd"
CASES = yaml.safe_load((Path(__file__).parent / "health_test.yaml").read_text())["tests"]
KINDS = ("ForwardNode", "Destination", "Project")
# What Argo CD opens for a health check without useOpenLibs: base, table, package and a safe os. Anything else is nil.
WITHHELD = ("io", "debug", "string", "math", "coroutine", "dofile", "loadfile", "python")


def _scripts() -> dict[str, str]:
    data = yaml.safe_load((EXAMPLE / "argocd-cm.yaml").read_text())["data"]
    prefix = "resource.customizations.health.dromos.dev_"
    assert all(key.startswith(prefix) for key in data), "the patch must touch no key that may hold somebody else's"
    return {key.removeprefix(prefix): script for key, script in data.items()}


def _health(script: str, resource: dict[str, Any]) -> dict[str, str]:
    lua = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    for name in WITHHELD:
        lua.globals()[name] = None
    lua.globals()["obj"] = lua.table_from(resource, recursive=True)
    return dict(lua.execute(script))


def test_every_kind_has_a_short_check() -> None:
    scripts = _scripts()
    assert set(scripts) == set(KINDS)
    assert all(len(script.strip().splitlines()) <= 15 for script in scripts.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_health(case: dict[str, Any]) -> None:
    resource = case["object"]
    assert _health(_scripts()[resource["kind"]], resource) == case["healthStatus"]


def test_the_cases_reach_every_verdict_and_kind() -> None:
    assert {case["healthStatus"]["status"] for case in CASES} == {"Progressing", "Degraded", "Suspended", "Healthy"}
    assert {case["object"]["kind"] for case in CASES} == set(KINDS)


def test_applications_name_paths_and_values_that_exist() -> None:
    applications = list(yaml.safe_load_all((EXAMPLE / "application.yaml").read_text()))
    assert [application["kind"] for application in applications] == ["Application", "Application"]
    for application in applications:
        assert (ROOT / application["spec"]["source"]["path"]).is_dir()
    chart, manifests = (application["spec"]["source"] for application in applications)
    defaults = yaml.safe_load((ROOT / chart["path"] / "values.yaml").read_text())
    assert set(chart["helm"]["valuesObject"]["image"]) <= set(defaults["image"])
    # expect.yaml is the tests'; Argo CD has nothing to do with it
    assert (ROOT / manifests["path"] / manifests["directory"]["exclude"]).is_file()
