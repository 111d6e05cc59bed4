# SPDX-License-Identifier: Apache-2.0
"""STOW-RS without a network: bodies, URLs, responses that nobody should trust."""

from __future__ import annotations

from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromos_gateway.delivery.outcome import Sent
from dromos_gateway.stow.client import same_server, studies_url
from dromos_gateway.stow.dicomjson import parse_json
from dromos_gateway.stow.dicomxml import parse_xml
from dromos_gateway.stow.multipart import MultipartBody, UnreadableFile
from dromos_gateway.stow.report import UnreadableReport, read_report
from dromos_gateway.stow.verdict import read_answer
from dromos_gateway.web.authorization import InvalidCredential, basic_value, bearer_value
from dromos_gateway.web.errors import origin
from dromos_gateway.web.exchange import Answer
from dromos_gateway.web.retryafter import retry_after


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://pacs.example/dicomweb", "https://pacs.example/dicomweb/studies"),
        ("https://pacs.example/dicomweb/", "https://pacs.example/dicomweb/studies"),
        ("https://pacs.example/dicomweb/studies", "https://pacs.example/dicomweb/studies"),
        ("https://pacs.example/dicomweb/studies/", "https://pacs.example/dicomweb/studies"),
        ("https://pacs.example/api/studies/1.2.3?album=x", "https://pacs.example/api/studies/1.2.3?album=x"),
        ("https://pacs.example/api?album=x#part", "https://pacs.example/api/studies?album=x"),
        ("http://pacs.example:8042", "http://pacs.example:8042/studies"),
        ("https://pacs.example/studies/dicomweb", "https://pacs.example/studies/dicomweb/studies"),
        ("https://pacs.example/a/studies/rs/", "https://pacs.example/a/studies/rs/studies"),
    ],
)
def test_studies_url(url: str, expected: str) -> None:
    assert studies_url(url) == expected


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b/studies", "https://pacs.example/b/studies"),
        ("https://pacs.example:443/b", "https://pacs.example:443/b"),
        ("https://PACS.example/b", "https://PACS.example/b"),
        ("//pacs.example/b", "https://pacs.example/b"),
        ("https://pacs.example:8443/b", None),
        ("http://pacs.example/b", None),
        ("https://pacs.example.org/b", None),
        ("https://u:p@pacs.example/b", None),
        ("", None),
    ],
)
def test_who_is_the_same_server(location: str, target: str | None) -> None:
    found = same_server("https://pacs.example/a/studies", Answer(307, {"location": location}))
    assert found == target


@pytest.mark.parametrize("sizes", [(0,), (1, 2, 3), (262_144,), (262_143, 262_145, 0, 700_000), (10,) * 200])
def test_body(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    """Python's own parser finds the files again, and the length that is announced is the one that is sent."""
    paths = []
    for number, size in enumerate(sizes):
        paths.append(tmp_path / f"{number}.dcm")
        paths[-1].write_bytes(bytes([number % 251]) * size)
    body = MultipartBody(paths, "b0undary")
    blocks = list(body.blocks())
    raw = b"".join(blocks)
    assert len(raw) == body.length
    assert max(map(len, blocks)) <= 2 * 262_144
    message = BytesParser().parsebytes(f"Content-Type: {body.content_type}\r\n\r\n".encode() + raw)
    parts = message.get_payload()
    assert isinstance(parts, list)
    assert [part.get_payload(decode=True) for part in parts] == [path.read_bytes() for path in paths]


def test_body_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No such file"):
        MultipartBody([tmp_path / "gone.dcm"], "b")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200) | st.text('{}[]"0:,<>/!DOCTYPE Vaule19', max_size=200).map(str.encode))
def test_a_response_is_read_or_refused(body: bytes) -> None:
    for parse in (parse_json, parse_xml):
        try:
            read_report(parse(body))
        except UnreadableReport:
            continue


def test_entities_are_refused_before_they_grow() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><NativeDicomModel>&b;</NativeDicomModel>'
    with pytest.raises(UnreadableReport, match="document type"):
        parse_xml(bomb)


@pytest.mark.parametrize("depth", [65, 100_000])
def test_deep_xml(depth: int) -> None:
    with pytest.raises(UnreadableReport):
        parse_xml(b"<Item>" * depth)


@pytest.mark.parametrize("encoding", ["gbk", "x-unknown", "idna", "hex", "utf-7", "undefined", "utf-16", "cp037"])
def test_xml_in_an_encoding_that_nobody_reads(encoding: str) -> None:
    with pytest.raises(UnreadableReport):
        parse_xml(f'<?xml version="1.0" encoding="{encoding}"?><NativeDicomModel>é</NativeDicomModel>'.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "us-ascii", "windows-1252"])
def test_xml_in_other_encodings(encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?><NativeDicomModel><DicomAttribute tag="00081199"><Item>'
        '<DicomAttribute tag="00081155"><Value>1.2.3</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>'
    )
    assert read_report(parse_xml(text.encode(encoding))).stored == {"1.2.3": None}


@pytest.mark.parametrize("called", ["application/dicom+json", "application/dicom+xml", "text/plain", ""])
@pytest.mark.parametrize(
    ("before", "encoding"),
    [("", "utf-8"), ("\r\n  ", "utf-8"), ("", "utf-8-sig"), ("", "utf-16"), ("", "utf-16-le"), ("", "utf-16-be")],
)
def test_a_body_tells_what_it_is_whatever_the_server_calls_it(called: str, before: str, encoding: str) -> None:
    as_json = '{"00081199":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["1.2.3"]}}]}}'
    as_xml = (
        '<NativeDicomModel><DicomAttribute tag="00081199"><Item>'
        '<DicomAttribute tag="00081155"><Value>1.2.3</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>'
    )
    for text in (as_json, as_xml, f'<?xml version="1.0"?>{as_xml}'):
        body = (before + text).encode(encoding)
        if encoding in ("utf-16-le", "utf-16-be") and text is not as_json:
            continue  # without a byte order mark this is no XML (W3C XML §4.3.3)
        assert read_answer(Answer(200, {"content-type": called}, body), ["1.2.3"]) == (Sent(),), text


def test_data_sets_of_an_array_count_together() -> None:
    body = (
        b'[{"00081199":{"Value":[{"00081155":{"Value":["1.1"]}}]}},{"00081199":{"Value":[{"00081155":{"Value":["1.2"]}},'
        b'{"00081155":{"Value":["1.3"]}}]},"00081198":{"Value":[{"00081155":{"Value":["1.1"]}}]}}, {}]'
    )
    report = read_report(parse_json(body))
    assert (set(report.stored), set(report.failed)) == ({"1.1", "1.2", "1.3"}, {"1.1"}), (
        "what failed anywhere has failed"
    )
    for other in (b"[]", b"[{}, 1]", b"[[{}]]", b"[null]"):
        with pytest.raises(UnreadableReport):
            read_report(parse_json(other))


FAILED = '{"00081198":{"Value":[{"00081155":{"Value":["1.2"]},"00081197":{"Value":[%s]}}]}}'


@pytest.mark.parametrize(
    "reason", ['"' + "9" * 5000 + '"', "9" * 4000, "65536", "-1", '"-1"', '"²"', '"0x110"', "1.5", "NaN", "true", "{}"]
)
def test_a_reason_that_is_none(reason: str) -> None:
    assert read_report(parse_json((FAILED % reason).encode())).failed["1.2"].reason is None


@pytest.mark.parametrize("reason", ["272", "272.0", "2.72e2", '"272"', '" 272 "'])
def test_a_reason_as_servers_write_it(reason: str) -> None:
    assert read_report(parse_json((FAILED % reason).encode())).failed["1.2"].reason == 0x0110


@pytest.mark.parametrize(
    "body",
    [
        b'{"00081199":{"Value":[' + b"{}," * 300_000 + b"{}]}}",
        b"<NativeDicomModel>" + b"<a/>" * 200_000 + b"</NativeDicomModel>",
        b'{"00081199":{"Value":[' + b"9" * 5000 + b"]}}",
        b"\xff\xfe" * 1000,
        b'{"00081199":' * 50_000,
    ],
    ids=["items", "elements", "digits", "utf-16", "depth"],
)
def test_bodies_that_would_keep_us_busy(body: bytes) -> None:
    with pytest.raises(UnreadableReport):
        read_report((parse_xml if body.startswith(b"<") else parse_json)(body))


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +999999999999999", "Mon, 99 Jan 2026 99:99:99 GMT", "1 2 3 4 5", "\x00", ", , ,",
    ],
)  # fmt: skip
def test_dates_that_are_none(date: str) -> None:
    assert retry_after({"retry-after": date}, lambda: 1795593600.0) in (None, 0.0, 86400.0)
    assert retry_after({"retry-after": "Wed, 25 Nov 2026 08:00:30 GMT", "date": date}, lambda: 1795593600.0) in (
        0.0, 30.0, 86400.0,
    )  # fmt: skip


def test_retry_after() -> None:
    at = {"retry-after": "Wed, 25 Nov 2026 08:00:30 GMT"}
    assert retry_after(at, lambda: 1795593600.0) == 30.0
    assert retry_after(at, lambda: 1795593700.0) == 0.0
    assert retry_after(at, lambda: 0.0) == 86400.0
    assert retry_after({"retry-after": "5"}) == 5.0
    assert retry_after({}) is None
    assert retry_after({"retry-after": "٣"}) is None


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "ü", "a=b", "=", "a:b"])
def test_tokens_that_cannot_be_sent(token: str) -> None:
    with pytest.raises(InvalidCredential) as error:
        bearer_value(token)
    assert not token or token not in str(error.value)


@pytest.mark.parametrize(("username", "password"), [("a:b", "c"), ("a", "b\r\nc"), ("a\x00", "b")])
def test_logins_that_cannot_be_sent(username: str, password: str) -> None:
    with pytest.raises(InvalidCredential):
        basic_value(username, password)


def test_origin_shows_nothing_else() -> None:
    assert origin("https://user:hush@pacs.example:8443/studies/1.2?token=hush#hush") == "https://pacs.example:8443"
    assert origin("http://[2001:db8::1]:80/") == "http://[2001:db8::1]:80"
