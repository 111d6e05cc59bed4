# SPDX-License-Identifier: Apache-2.0
"""Addresses, patterns and values of notifications that do not parse are refused by `dromos validate`, with the field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.crds.test_validate import validate

API = "dromos.dev/v1alpha1"


def _write(folder: Path, notifications: dict[str, Any], **node: Any) -> None:
    documents = [
        {
            "apiVersion": API,
            "kind": "ForwardNode",
            "metadata": {"name": "radiology"},
            "spec": {"aeTitle": "RADIOLOGY", **node},
        },
        {
            "apiVersion": API,
            "kind": "Destination",
            "metadata": {"name": "archive"},
            "spec": {
                "forwardNodeRef": {"name": "radiology"},
                "dicom": {"aeTitle": "ARCHIVE", "hostname": "archive", "port": 104},
                "notifications": notifications,
            },
        },
    ]
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents))


@pytest.mark.parametrize(
    ("notifications", "field", "says"),
    [
        ({"recipients": ["nobody"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example.org", "a@b, c@d"]}, "recipients[1]", "name@domain"),
        ({"recipients": ["A <a@example.org>"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example.org\nBcc: b@example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a,b@example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": ['"a@example.org']}, "recipients[0]", "name@domain"),
        ({"recipients": ["äöü@example.org"]}, "recipients[0]", "ASCII"),
        ({"recipients": ["a@münchen.example"]}, "recipients[0]", "xn--"),
        ({"recipients": ["a@example\u3002org"]}, "recipients[0]", "ASCII"),
        ({"recipients": ["a..b@example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": [".a@example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@-example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example.org."]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example..org"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example.org\u200b"]}, "recipients[0]", "name@domain"),
        ({"recipients": [f"{'a' * 65}@example.org"]}, "recipients[0]", "name@domain"),
        ({"recipients": [f"a@{'b' * 64}.example"]}, "recipients[0]", "name@domain"),
        ({"recipients": ["a@example.org", ""]}, "recipients[1]", "at least 3"),
        ({"recipients": ["a@@example.org"]}, "recipients[0]", "name@domain"),
        ({"subjectPattern": "a %.5%"}, "subjectPattern", "no precision"),
        ({"subjectPattern": "%-%"}, "subjectPattern", "width"),
        ({"subjectPattern": "%s %s %s"}, "subjectPattern", "no value 3"),
        ({"subjectPattern": "%d"}, "subjectPattern", "write %s"),
        ({"subjectPattern": "%3$s"}, "subjectPattern", "no value 3"),
        ({"subjectPattern": "100%"}, "subjectPattern", "write %s"),
        ({"subjectPattern": "%s\r\nBcc: x"}, "subjectPattern", "one line"),
        ({"errorSubjectPrefix": "E\r\nBcc: b@example.org"}, "errorSubjectPrefix", "one line"),
        ({"rejectionSubjectPrefix": "\x7f"}, "rejectionSubjectPrefix", "one line"),
        ({"subjectValues": ["PatientId", "StudyDescription"]}, "subjectValues[0]", "did you mean PatientID?"),
        ({"subjectValues": ["Rows", "PatientID"]}, "subjectValues[0]", "there are PatientID"),
        ({"interval": "soon"}, "interval", "45s"),
        ({"webhook": {"url": "ftp://example.org"}}, "webhook.url", "http"),
        ({"webhook": {"url": "https://u:p@example.org"}}, "webhook.url", "user"),
    ],
)
def test_what_does_not_parse_is_named_with_its_field(
    tmp_path: Path, notifications: dict[str, Any], field: str, says: str
) -> None:
    _write(tmp_path, notifications)
    result = validate(tmp_path)
    assert result.returncode == 1
    assert any(f"spec.notifications.{field}" in line and says in line for line in result.stdout.splitlines()), (
        result.stdout
    )


@pytest.mark.parametrize(
    "smtp",
    [
        {"host": "mail.example", "sender": "dromos"},
        {"host": "mail.example"},
        {"host": "mail example", "sender": "a@b.example"},
        {"host": "mail.example", "sender": "a@b.example", "port": 0},
        {"host": "mail.example", "sender": "a@b.example", "security": "SSL"},
    ],
)
def test_a_relay_that_is_none_is_refused(tmp_path: Path, smtp: dict[str, Any]) -> None:
    _write(tmp_path, {}, smtp=smtp)
    result = validate(tmp_path)
    assert (result.returncode, "spec.smtp" in result.stdout) == (1, True), result.stdout


def test_what_karnak_allows_is_allowed(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "recipients": [
                "first.last+tag@mail.example.org",
                "a@xn--mnchen-3ya.example",
                "o'neil@localhost",
                f"{'a' * 64}@{'b' * 63}",
            ],
            "subjectPattern": "[%2$s] 100%% %<s %-10s|%.30s",
            "subjectValues": ["PatientID", "StudyDescription"],
            "errorSubjectPrefix": "",
            "interval": "5m",
            "webhook": {"url": "https://hooks.example.org/told"},
        },
        smtp={"host": "mail.example", "sender": "dromos@example.org"},
    )
    result = validate(tmp_path)
    assert result.returncode == 0, result.stdout
