# SPDX-License-Identifier: Apache-2.0
"""Subjects, windows, outbox and mails, with hostile values."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from aiosmtplib.email import flatten_message

from dromos_crds.destination import Notifications
from dromos_crds.expressions import Mistake
from dromos_crds.javaformat import JavaFormat, compile_format
from dromos_gateway.configuration.notifications import notification_settings
from dromos_gateway.configuration.references import References
from dromos_gateway.notifications.content import Report, SeriesReport, from_json, to_json
from dromos_gateway.notifications.mail import compose, date_time, subject
from tests.unit.notifications.reports import KEY, SETTINGS, report


@pytest.mark.parametrize(
    ("pattern", "values", "text"),
    [
        ("%s %.3s", ("a", "abcdef"), "a abc"),
        ("%2$s %1$s %s", ("a", "b"), "b a a"),
        ("%5s|%-5s|", ("a", "b"), "    a|b    |"),
        ("100%% %S", ("a",), "100% A"),
        ("%5.2s|", ("abc",), "   ab|"),
        ("no values", (), "no values"),
        ("%s %<S|%s", ("a", "b"), "a A|b"),
        ("%2$s %<s %s", ("a", "b"), "b b a"),
        ("%5%|%-3%|", (), "    %|%  |"),
        ("%1$%", (), "%"),
        ("%.0s|", ("abc",), "|"),
        ("%s%n%s", ("a", "b"), "a\nb"),
        ("%b %B|%-6b|%.2b", ("", "x", "y", "z"), "true TRUE|true  |tr"),
        ("%h %H", ("hello", "Zoë"), "5e918d2 16036"),  # as Java 17 has them
        ("%h", ("\U0001f600",), "1b0d63"),
    ],
)
def test_java_formats(pattern: str, values: tuple[str, ...], text: str) -> None:
    compiled = compile_format(pattern, len(values))
    assert isinstance(compiled, JavaFormat)
    assert compiled.format(values) == text


@pytest.mark.parametrize(
    ("pattern", "column", "says"),
    [
        ("%s %s %s", 7, "no value 3"),
        ("a %3$s", 3, "no value 3"),
        ("%d", 1, "write %s"),
        ("x %", 3, "write %s"),
        ("%-s", 1, "width"),
        ("%99999s", 1, "write %s"),
        ("%2000s", 1, "at most"),
        ("%5n", 1, "no width"),
        ("%s%<n", 3, "no <"),
        ("%.1n", 1, "no precision"),
        ("%-n", 1, "width"),
        ("%c", 1, "write %s"),
        ("a %.5%", 3, "no precision"),
        ("%-%", 1, "width"),
        ("%<s", 1, "none comes before"),
        ("%2000%", 1, "at most"),
        ("%-5.2%", 1, "no precision"),
        ("%#s", 1, "write %s"),
        ("%05s", 1, "write %s"),
        ("%--5s", 1, "write %s"),
        ("%0$s", 1, "write %s"),
        ("%.s", 1, "write %s"),
        ("% s", 1, "write %s"),
        ("%5$-3s", 1, "no value 5"),
    ],
)
def test_formats_that_are_none(pattern: str, column: int, says: str) -> None:
    mistake = compile_format(pattern, 2)
    assert isinstance(mistake, Mistake)
    assert (mistake.column, says in mistake.message) == (column, True)


def test_prefixes_error_before_rejection() -> None:
    assert subject(report(), SETTINGS) == "[Dromos Notification] PAT1 Thorax"
    assert subject(report(excluded=1), SETTINGS).startswith("**REJECTED** [Dromos")
    assert subject(report(excluded=1, failed=1), SETTINGS).startswith("**ERROR** [Dromos")


HOSTILE = (
    "x\r\nBcc: victim@example.org",
    "a\nSubject: another",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    '" onmouseover=alert(1) x="',
    "</style><style>*{display:none}</style><!--",
    "{{ 7 * 7 }}{% for x in y %}",
    "A" * 10_000,
    "é" * 10_000,
    "\u202egnp.exe\x00\x1b[31m",
    "\u2066x\u2069\u200e\u200f\u061c",
    "".join(map(chr, (*range(32), *range(127, 160)))),
    "a\u2028b\u2029c\ufeff",
    "half \ud83d of it",
    "=?utf-8?q?=0d=0aBcc=3a_victim?=",
    "%s%n%1$s",
    ".\r\n.\r\nQUIT",
    "--===============1==",
)
_HARMFUL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("where", ["study", "series", "route", "reasons"])
def test_hostile_values_come_out_harmless(hostile: str, where: str) -> None:
    told = report(failed=1)
    (series,) = told.series
    if where == "study":
        told = replace(told, study={**dict.fromkeys((*told.study, "AccessionNumber", "StudyTime"), hostile)})
    elif where == "series":
        values = dict.fromkeys((*series.values, "SeriesDate"), hostile)
        told = replace(told, series=(replace(series, values=values, sop_classes=[hostile]),))
    elif where == "route":
        told = replace(told, source=hostile, target=hostile)
    else:
        told = replace(told, series=(replace(series, reasons={hostile: 1}),))
    content = compose(told, SETTINGS, "dromos@example.org", "<1@x>", 0.0).as_bytes()
    assert max(map(len, content.split(b"\r\n"))) <= 998, "RFC 5322 2.1.1"
    message = message_from_bytes(content, policy=default)
    assert sorted(message.keys()) == sorted(
        ("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type")
    )
    assert len(message["Subject"]) <= 260
    html, text = (message.get_body((kind,)).get_content() for kind in ("html", "plain"))
    for harmful in ("<script", "<img", "<style>*", "<!--", '" onmouseover'):
        assert harmful not in html
    assert "49" not in text.replace("7 * 7", "")
    assert len(html) < 20_000
    assert not _HARMFUL.search(html + text + str(message["Subject"]))
    posted = json.loads(json.dumps(to_json(told)))
    assert from_json(posted) == told, "a webhook gets the values as they are, as JSON"


@pytest.mark.parametrize(
    "text",
    [
        "à Kontrastmittel CRÂNE MRT été é",
        "Übung à",
        "à " * 59 + "à",
        "日本語 テスト " * 9 + "x",
        "IRM " * 40 + "x",
        "plain",
    ],
)
def test_words_of_a_subject_stay_apart_on_the_wire(text: str) -> None:
    settings = replace(SETTINGS, subject_pattern="%.200s", subject_values=("StudyDescription",))
    message = compose(report(StudyDescription=text), settings, "d@example.org", "<1@d>", 1.0)
    for content in (message.as_bytes(), flatten_message(message), flatten_message(message, utf8=True)):
        head = content.partition(b"\r\n\r\n")[0]
        assert max(map(len, head.split(b"\r\n"))) <= 78
        assert message_from_bytes(content, policy=default)["Subject"] == text


@pytest.mark.parametrize(
    ("counts", "headline"),
    [
        ((3, 0, 0), "Forwarded"),
        ((3, 1, 0), "Partly excluded"),
        ((0, 1, 0), "Excluded"),
        ((3, 1, 1), "Not everything arrived"),
        ((0, 0, 2), "Nothing arrived"),
    ],
)
def test_the_headline_says_what_became_of_all(counts: tuple[int, int, int], headline: str) -> None:
    told = replace(
        report(), series=(replace(report().series[0], sent=counts[0], excluded=counts[1], failed=counts[2]),)
    )
    message = compose(told, SETTINGS, "dromos@example.org", "<1@x>", 0.0)
    html, text = (message.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert f">{headline}</div>" in html
    assert "dromos transfers --study 1.2.3" in html
    assert "dromos transfers --study 1.2.3" in text
    assert not [line for line in text.splitlines() if line != line.rstrip()], "no field without a value"


@pytest.mark.parametrize(("sent", "says"), [(3, "(not kept)"), (0, "(nothing was sent)")])
def test_a_mail_without_identifiers_says_why(sent: int, says: str) -> None:
    nameless = SeriesReport({}, ["1.2.840.10008.5.1.4.1.1.2"], sent, 0, 1, {"RefusedByPeer": 1})
    told = Report(KEY, "ARCHIVE at pacs:104", "default/radiology", "CT1", 1.0, 2.0, {}, (nameless,))
    message = compose(told, SETTINGS, "dromos@example.org", "<1@x>", 0.0)
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert text.count(says) == 2
    assert says in html


@pytest.mark.parametrize("uid", ["1.2; rm -rf ~", "1.2$(id)", "-h", "1.2\n", "1" * 65, "\u0661.2"])
def test_a_mail_offers_no_command_that_an_image_has_written(uid: str) -> None:
    message = compose(report(StudyInstanceUID=uid), SETTINGS, "d@example.org", "<1@d>", 1.0)
    for kind in ("plain", "html"):
        assert "dromos transfers --study" not in message.get_body((kind,)).get_content()
    usual = compose(report(), SETTINGS, "d@example.org", "<1@d>", 1.0)
    assert "dromos transfers --study 1.2.3\n" in usual.get_body(("plain",)).get_content()


def test_a_mail_of_very_many_series_is_readable_and_begins_with_what_went_wrong() -> None:
    (usual,) = report().series
    failed = replace(usual, failed=1, values={"SeriesInstanceUID": "9.9"}, reasons={"Refused": 1})
    much = replace(report(), series=(*[usual] * 5000, failed))
    message = compose(much, SETTINGS, "d@example.org", "<1@d>", 1.0)
    assert len(message.as_bytes()) < 1_000_000
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert "And 4801 more series." in text
        assert text.count("1.2.3.4") < 400
        assert text.index("9.9") < text.index("1.2.3.4")
    assert "15003 sent" in message.get_body(("plain",)).get_content()


def test_a_mail_is_the_same_at_every_attempt() -> None:
    one, other = (compose(report(), SETTINGS, "dromos@example.org", "<1@x>", 1e9) for _ in range(2))
    assert [one[name] for name in ("Message-ID", "Date", "Subject", "To")] == [
        other[name] for name in ("Message-ID", "Date", "Subject", "To")
    ]
    assert one["To"] == "a@example.org, b@example.org"
    assert one["Date"] == "Sun, 09 Sep 2001 01:46:40 +0000"


def test_a_mailbox_that_is_named_twice_gets_one_mail() -> None:
    named = Notifications(recipients=("a@x.org", "b@x.org", "a@X.ORG", "a@x.org", "A@x.org"))
    settings = notification_settings("default", named, None, References({}, {}))
    assert settings is not None
    assert settings.recipients == ("a@x.org", "b@x.org", "A@x.org"), "names are case sensitive, domains are not"


def test_dates_as_people_write_them() -> None:
    assert date_time("20260131", "130501.250000") == "31/01/2026 13:05:01.250000"
    assert date_time("nonsense") == "nonsense"
