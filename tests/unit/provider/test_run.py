# SPDX-License-Identifier: Apache-2.0
"""`run`: the cluster is up while the program runs; whether it stays afterwards is said by the one who asks."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.provider import __main__ as provider
from tests.cluster.provider.process import ProviderError


class Noted:
    """A cluster that notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def up(self) -> None:
        self.done.append("up")

    def down(self) -> None:
        self.done.append("down")

    def load(self, archive: Path) -> None:
        self.done.append(f"load {archive}")
        if archive.name == "none.tar":
            raise ProviderError("no such archive")

    def environment(self) -> Mapping[str, str]:
        return {"KUBECONFIG": "/k", "HELM": "/h", "PATH": os.environ["PATH"]}


@pytest.mark.parametrize(
    ("words", "code", "done"),
    [
        ([], 0, ["up"]),
        (["--fresh", "--load", "a.tar"], 0, ["down", "up", "load a.tar"]),
        (["--down"], 0, ["up", "down"]),
        (["--down"], 3, ["up", "down"]),
        (["--down-if-failed"], 0, ["up"]),
        (["--down-if-failed"], 3, ["up", "down"]),
        (["--down-if-failed", "--load", "none.tar"], 1, ["up", "load none.tar", "down"]),
    ],
)
def test_whether_it_stays(monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, done: list[str]) -> None:
    cluster = Noted()
    monkeypatch.setattr(provider, "choose", lambda _: cluster)
    assert provider.main(["run", *words, "--", sys.executable, "-c", f"raise SystemExit({code})"]) == code
    assert cluster.done == done
