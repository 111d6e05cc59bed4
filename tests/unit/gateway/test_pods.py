# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos transfers` of several pods: one answer, whatever each of them has of a study."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from dromos_gateway.kubectl.cluster import Cluster
from dromos_gateway.kubectl.transfers import of_pods

ORIGINAL = {"PatientID": "P-1", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "AccessionNumber": "A1"}


def _series(destination: str = "imaging/archive", **more: Any) -> dict[str, Any]:
    return {
        "study": "00", "forwardNode": "imaging/radiology", "source": "CT1", "receivedAt": "2026-01-31T10:00:00Z",
        "destination": destination, "profile": "", "delivered": 0, "excluded": 0, "failed": 0, "waiting": 0, "bytes": 5,
        "last": None, "reasons": {}, "sent": ORIGINAL, "original": ORIGINAL, **more,
    }  # fmt: skip


def _row(number: int, at: str) -> dict[str, Any]:
    return {
        "id": number, "at": at, "destination": "imaging/archive", "verdict": "Delivered", "size": 2048, "attempts": 1,
        "reason": "", "message": "", "sent": {"SOPInstanceUID": f"1.{number}"}, "original": None,
    }  # fmt: skip


class Pods(Cluster):
    """What each pod answers: exit code, output, complaint."""

    def __init__(self, answers: Mapping[str, tuple[int, str, str]]) -> None:
        super().__init__()
        object.__setattr__(self, "answers", answers)
        object.__setattr__(self, "asked", [])

    def told(self, namespace: str, pod: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.asked.append((namespace, pod, list(words)))  # type: ignore[attr-defined]
        code, out, complaint = self.answers[pod]  # type: ignore[attr-defined]
        return subprocess.CompletedProcess([], code, out, complaint)


def _ask(answers: Mapping[str, tuple[int, str, str]], *words: str) -> int:
    return of_pods(Pods(answers), "imaging", list(answers), words)


def test_a_study_that_came_in_at_two_pods_is_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    one = [
        _series(study="aa", delivered=3, last="2026-01-31T10:00:05Z"),
        _series("imaging/slow", study="aa", waiting=3, whyWaiting="connection refused"),
    ]
    two = [
        _series(study="bb", delivered=2, failed=1, last="2026-01-31T09:00:05Z", receivedAt="2026-01-31T09:00:00Z",
                reasons={"Refused": 1}),
    ]  # fmt: skip
    code = _ask({"r-0": (0, json.dumps(one), ""), "r-1": (0, json.dumps(two), "")}, "--accession", "A1")
    screen = capsys.readouterr().out
    assert code == 0
    assert screen.count("Study      1.2.3") == 1
    lines = {line.split()[0]: line.split() for line in screen.splitlines() if line.startswith("imaging/")}
    assert lines["imaging/archive"][1:6] == ["5", "0", "1", "0", "2026-01-31T10:00:05Z"]
    assert "1 x Refused" in screen
    assert "waiting: connection refused" in screen
    assert "Received   2026-01-31T09:00:00Z" in screen


def test_what_one_pod_does_not_know_is_no_failure_but_a_pod_that_cannot_answer_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = (0, json.dumps([_series(delivered=1)]), "")
    assert _ask({"r-0": known, "r-1": (1, "[]\n", "")}, "--accession", "A1") == 0
    assert _ask({"r-0": (1, "[]\n", ""), "r-1": (1, "[]\n", "")}, "--accession", "A1") == 1
    assert "nothing is known of it" in capsys.readouterr().out
    assert _ask({"r-0": known, "r-1": (2, "", "no gateway answers\n")}, "--accession", "A1") == 2
    said = capsys.readouterr()
    assert "Study      1.2.3" in said.out
    assert said.err == "r-1: no gateway answers\n"
    refused = (1, "", "dromos transfers: archive may be a/archive or b/archive\n")
    assert _ask({"r-0": refused, "r-1": refused}, "--destination", "archive") == 1


def test_rows_are_the_newest_of_all_and_say_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {
        "r-0": (0, json.dumps([_row(7, "2026-01-31T10:00:03Z"), _row(6, "2026-01-31T10:00:01Z")]), ""),
        "r-1": (0, json.dumps([_row(7, "2026-01-31T10:00:02Z")]), ""),
    }
    assert _ask(answers, "--limit", "2", "--format", "json") == 0
    assert [(row["pod"], row["id"]) for row in json.loads(capsys.readouterr().out)] == [("r-0", 7), ("r-1", 7)]
    assert _ask(answers, "--verdict", "Delivered") == 0
    head, first, second, _ = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["AT", "POD"]
    assert (first.split()[1], second.split()[1]) == ("r-0", "r-1")


def test_tables_become_one(capsys: pytest.CaptureFixture[str]) -> None:
    head = "id,at,PatientID\r\n"
    answers = {
        "r-0": (0, f"{head}1,2026-01-31T10:00:01Z,'=1\r\n", ""),
        "r-1": (0, f'{head}1,2026-01-31T10:00:02Z,"a,b"\r\n', ""),
    }
    assert _ask(answers, "--format", "csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert rows == [
        ["id", "at", "PatientID", "pod"],
        ["1", "2026-01-31T10:00:02Z", "a,b", "r-1"],
        ["1", "2026-01-31T10:00:01Z", "'=1", "r-0"],
    ]


def test_a_mistake_is_told_once_and_no_pod_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    pods = Pods({"r-0": (0, "[]", ""), "r-1": (0, "[]", "")})
    with pytest.raises(SystemExit) as ended:
        of_pods(pods, "imaging", ["r-0", "r-1"], ["--acession", "A1"])
    assert ended.value.code == 2
    assert pods.asked == []  # type: ignore[attr-defined]
    assert capsys.readouterr().err.count("unrecognized arguments") == 1


def test_pods_are_asked_in_their_namespace_for_values() -> None:
    pods = Pods({"r-0": (0, "[]", ""), "r-1": (0, "[]", "")})
    of_pods(pods, "imaging", ["r-0", "r-1"], ["--accession", "A1", "--format", "table"])
    words = ["transfers", "--accession", "A1", "--format", "table", "--format", "json"]
    assert pods.asked == [("imaging", pod, words) for pod in ("r-0", "r-1")]  # type: ignore[attr-defined]
