# SPDX-License-Identifier: Apache-2.0
"""Keys and pseudonyms of a Project, as far as they are among the manifests: refused with file and line, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_crds import project_secrets
from dromos_crds.manifests import read

PROJECT = """\
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {name: study-a}
spec:
  profile: {name: p}
  pseudonyms: {secretKeyRef: {name: ids, key: pseudonyms.csv}}
---
apiVersion: v1
kind: Secret
metadata: {name: study-a-key}
stringData: {active: k1, k1: a16056593f1baefec6cd93207e5743a4}
---
apiVersion: v1
kind: Secret
metadata: {name: ids}
stringData:
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    SECRET-1,HUG,ONE
"""


def problems(folder: Path, text: str) -> list[str]:
    (folder / "a.yaml").write_text(text)
    found = [str(problem).removeprefix(str(folder)) for problem in project_secrets.check(read([folder]))]
    assert "SECRET" not in "".join(found)
    assert "a1605659" not in "".join(found)
    return found


def test_nothing_is_wrong_with_what_can_be_used_or_is_elsewhere(tmp_path: Path) -> None:
    assert problems(tmp_path, PROJECT) == []
    assert problems(tmp_path, PROJECT.split("---")[0]) == []
    assert problems(tmp_path, PROJECT.replace("name: ids}\n", "name: others}\n")) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "active: k1",
            "active: k2",
            "/a.yaml:8: Secret/study-a-key: keys of Project 'study-a': 'active' does not name",
        ),
        ("43a4}", "43a}", "/a.yaml:8: Secret/study-a-key: keys of Project 'study-a': the value of 'k1' is not 32"),
        (
            "    SECRET-1,HUG,ONE\n",
            "    SECRET-1,HUG,ONE\n    SECRET-2,HUG,ONE\n",
            "/a.yaml:17: Secret/ids: stringData.pseudonyms.csv: line 3 of the table: this pseudonym stands in line 2",
        ),
        (
            "PatientID,",
            "Patient,",
            "/a.yaml:17: Secret/ids: stringData.pseudonyms.csv: line 1 of the table: the header",
        ),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, before: str, after: str, said: str) -> None:
    (found,) = problems(tmp_path, PROJECT.replace(before, after))
    assert found.startswith(said), found
