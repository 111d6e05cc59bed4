# SPDX-License-Identifier: Apache-2.0
"""The API server keeps every bound of the schemas: what just meets it is taken, what just breaks it is refused by name."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator

import pytest
import yaml

from tests.apiserver.bounds import Bound, bounds, written
from tests.apiserver.complete import COMPLETE
from tests.cluster.kubectl import Kubectl

TAKEN = re.compile(r"\S+/bound-(\d+) created")
AT_A_TIME = 40


def _named(bound: Bound, number: int) -> dict:
    manifest = copy.deepcopy(dict(bound.manifest))
    manifest["metadata"] = {"name": f"bound-{number}"}
    return manifest


def _batches(cases: list[Bound]) -> Iterator[list[tuple[int, Bound]]]:
    numbered = list(enumerate(cases))
    for start in range(0, len(numbered), AT_A_TIME):
        yield numbered[start : start + AT_A_TIME]


@pytest.mark.parametrize("base", list(COMPLETE))
def test_every_bound(namespace: Kubectl, base: str) -> None:
    cases = [bound for bound in bounds() if bound.base == base]
    assert {bound.taken for bound in cases} >= {False}
    for batch in _batches(cases):
        text = yaml.dump_all((_named(bound, number) for number, bound in batch), Dumper=yaml.CSafeDumper)
        done = namespace.run("create", "--dry-run=server", "--filename", "-", stdin=text, check=False, timeout=300)
        taken = {int(number) for number in TAKEN.findall(done.stdout)}
        for number, bound in batch:
            assert (number in taken) is bound.taken, f"{bound}: {done.stderr}"
            if not bound.taken:
                assert written(bound.path) in done.stderr, f"{bound}: {done.stderr}"
