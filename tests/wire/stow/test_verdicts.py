# SPDX-License-Identifier: Apache-2.0
"""Each HTTP status and each failure reason, as a server sends it: what becomes of the instances."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate

import pytest

from dromos_gateway.delivery.outcome import Outcome, Refused, Sent, TryAgain
from dromos_gateway.stow.client import Attempt, StowClient
from tests.wire.stow.conftest import uids
from tests.wire.stow.scripted import Request, Server, dicom_json, reply

Make = Callable[..., StowClient]
JSON = {"Content_Type": "application/dicom+json"}


async def one(stow: Make, batch: list[Attempt], *answers: object) -> Outcome:
    """What one instance comes to."""
    async with Server(*answers) as server:  # type: ignore[arg-type]
        (outcome,) = await stow(server.url).send(batch[:1])
        return outcome


# HTTP statuses without a body: the outcome of a single instance, and whether the destination refuses us as such
WITHOUT_BODY = {
    200: (TryAgain, True), 202: (TryAgain, True), 206: (TryAgain, True), 204: (TryAgain, True),
    301: (TryAgain, True), 302: (TryAgain, True), 303: (TryAgain, True),
    400: (Refused, None), 401: (TryAgain, True), 403: (TryAgain, True), 404: (TryAgain, True), 405: (TryAgain, True),
    407: (TryAgain, True), 408: (TryAgain, False), 409: (Refused, None), 410: (TryAgain, True), 413: (Refused, None), 415: (Refused, None),
    422: (Refused, None), 429: (TryAgain, False),
    500: (TryAgain, False), 501: (Refused, None), 502: (TryAgain, False), 503: (TryAgain, False),
    504: (TryAgain, False), 507: (TryAgain, False), 599: (TryAgain, False),
}  # fmt: skip


@pytest.mark.parametrize("status", WITHOUT_BODY)
async def test_status_without_body(stow: Make, batch: list[Attempt], status: int) -> None:
    kind, refuses_us = WITHOUT_BODY[status]
    outcome = await one(stow, batch, reply(status))
    assert type(outcome) is kind
    assert f"HTTP {status}" in outcome.message
    assert ("proxy" in outcome.message) == (status == 407)
    if isinstance(outcome, TryAgain):
        assert outcome.refuses_us is refuses_us
        assert outcome.blames_destination


# Failure Reason (0008,1197) of an instance
REASONS = {
    0xA700: (TryAgain, "out of resources"), 0xA701: (TryAgain, "A701"), 0xA900: (Refused, "does not match"),
    0xA901: (Refused, "A901"), 0xC000: (Refused, "cannot understand"), 0xC122: (Refused, "transfer syntax"),
    0x0106: (Refused, "attribute"), 0x0110: (TryAgain, "processing failure"), 0x0111: (Sent, "duplicate"),
    0x0117: (Refused, "invalid SOP instance"), 0x0118: (Refused, "no such SOP class"),
    0x0122: (Refused, "not supported"), 0x0124: (Refused, "not authorized"), 0x0210: (Refused, "duplicate invocation"),
    0x0211: (Refused, "unrecognized"), 0x0212: (Refused, "mistyped"), 0x0213: (TryAgain, "resource limitation"),
    45070: (Sent, "already stored"), 45071: (TryAgain, "being stored"),  # Azure; its 43264 and 43265 are A900 and A901
    0xB000: (Refused, "B000"), 0x0000: (Refused, "0000"), 0xFFFF: (Refused, "unknown"),
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 202, 206, 400, 409])
@pytest.mark.parametrize("reason", REASONS)
async def test_failure_reason(stow: Make, batch: list[Attempt], reason: int, status: int) -> None:
    kind, words = REASONS[reason]
    failed, stored = uids(batch)[0], uids(batch)[1:]
    async with Server(reply(status, dicom_json(stored=stored, failed={failed: reason}), **JSON)) as server:
        outcomes = await stow(server.url).send(batch)
    assert type(outcomes[0]) is kind, "the body says it, whatever the status"
    said = outcomes[0].warning if isinstance(outcomes[0], Sent) else outcomes[0].message
    assert words in said
    assert outcomes[1:] == (Sent(), Sent())


# a server that stored some writes who into the body, under whatever status it finds fitting
@pytest.mark.parametrize("status", [200, 201, 202, 206, 207, 299, 400, 409, 413, 415, 422, 500, 501, 502, 503, 507])
async def test_the_body_goes_before_the_status(stow: Make, batch: list[Attempt], status: int) -> None:
    first, second, third = uids(batch)
    body = dicom_json(stored=[first], failed={second: 0xA900, third: 0xA700})
    async with Server(reply(status, body, **JSON)) as server:
        outcomes = await stow(server.url).send(batch)
        assert len(server.requests) == 1
    assert [type(outcome) for outcome in outcomes] == [Sent, Refused, TryAgain]


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [(201, Sent, 2), (409, Refused, 2), (413, Sent, 2), (422, Refused, 2), (500, TryAgain, 1), (503, TryAgain, 1)],
)
async def test_whom_the_body_leaves_out(
    stow: Make, batch: list[Attempt], status: int, kind: type, requests: int
) -> None:
    """Asked about alone, where the status is about the request; later, where the server is in trouble."""
    first, second, third = uids(batch)
    again = reply(200, dicom_json(stored=[third]), **JSON) if kind is Sent else reply(status)
    async with Server(reply(status, dicom_json(stored=[first, second]), **JSON), again) as server:
        outcomes = await stow(server.url).send(batch)
        assert len(server.requests) == requests
    assert [type(outcome) for outcome in outcomes] == [Sent, Sent, kind]


@pytest.mark.parametrize("status", [503, 507])
async def test_a_busy_server_says_when_to_come_back_for_those_it_left(
    stow: Make, batch: list[Attempt], status: int
) -> None:
    first, second, _ = uids(batch)
    body = dicom_json(stored=[first], failed={second: 0xA700})
    async with Server(reply(status, body, Retry_After="17", **JSON)) as server:
        outcomes = await stow(server.url).send(batch)
    assert outcomes[0] == Sent()
    assert [outcome.retry_after for outcome in outcomes[1:] if isinstance(outcome, TryAgain)] == [17.0, 17.0]


async def test_who_stored_some_says_when_to_come_back_for_the_others(stow: Make, batch: list[Attempt]) -> None:
    first, second, third = uids(batch)
    body = dicom_json(stored=[first], failed={second: 0xA700, third: 0xA900})
    async with Server(reply(202, body, Retry_After="17", **JSON)) as server:
        sent, later, never = await stow(server.url).send(batch)
    assert (sent, type(never)) == (Sent(), Refused)
    assert isinstance(later, TryAgain)
    assert later.retry_after == 17.0


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 429])
async def test_who_is_not_let_in_has_stored_nothing(stow: Make, batch: list[Attempt], status: int) -> None:
    async with Server(reply(status, dicom_json(stored=uids(batch)), **JSON)) as server:
        outcomes = await stow(server.url).send(batch)
    assert {type(outcome) for outcome in outcomes} == {TryAgain}


@pytest.mark.parametrize("reason", [0xB000, 0xB006, 0xB007])
async def test_stored_with_a_warning(stow: Make, batch: list[Attempt], reason: int) -> None:
    outcome = await one(stow, batch, reply(202, dicom_json(warned={uids(batch)[0]: reason}), **JSON))
    assert isinstance(outcome, Sent)
    assert f"{reason:04X}" in outcome.warning


async def test_stored_and_failed_at_once_is_not_stored(stow: Make, batch: list[Attempt]) -> None:
    uid = uids(batch)[0]
    outcome = await one(stow, batch, reply(202, dicom_json(stored=[uid], failed={uid: 0xA900}), **JSON))
    assert isinstance(outcome, Refused)


async def test_who_is_not_mentioned_is_asked_about_alone(stow: Make, batch: list[Attempt]) -> None:
    first, second, third = uids(batch)
    answers = [
        reply(200, dicom_json(stored=[first, second]), **JSON),
        reply(200, dicom_json(stored=[third]), **JSON),
    ]
    async with Server(*answers) as server:
        assert await stow(server.url).send(batch) == (Sent(), Sent(), Sent())
    assert [len(request.parts) for request in server.requests] == [3, 1]


async def test_others_uid_is_no_success(stow: Make, batch: list[Attempt]) -> None:
    """Orthanc checks that as many are stored as were sent; we check which."""
    outcome = await one(stow, batch, reply(200, dicom_json(stored=["1.2.3"]), **JSON))
    assert isinstance(outcome, TryAgain)
    assert "does not mention" in outcome.message


async def test_other_failures_name_no_instance(stow: Make, batch: list[Attempt]) -> None:
    first, second, _ = uids(batch)
    answers = [
        reply(202, dicom_json(stored=[first, second], others=[0xC000]), **JSON),
        reply(409, dicom_json(others=[0xC000]), **JSON),
    ]
    async with Server(*answers) as server:
        outcomes = await stow(server.url).send(batch)
    assert outcomes[:2] == (Sent(), Sent())
    assert isinstance(outcomes[2], Refused)
    assert "C000" in outcomes[2].message


@pytest.mark.parametrize("status", [400, 409, 415, 501])
async def test_one_bad_instance_does_not_condemn_the_batch(stow: Make, batch: list[Attempt], status: int) -> None:
    """Without a body the answer is about all of them, so that they are sent in halves."""

    async def judge(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers["Content-Length"]))
        here = [uid for uid in uids(batch) if uid.encode() in request.body]
        bad = uids(batch)[1] in here
        writer.write(reply(status) if bad else reply(200, dicom_json(stored=here), **JSON))
        await writer.drain()

    async with Server(judge) as server:
        outcomes = await stow(server.url).send(batch)
    assert [type(outcome) for outcome in outcomes] == [Sent, Refused, Sent]


@pytest.mark.parametrize("status", [202, 206])
async def test_who_stored_some_and_does_not_say_which_is_asked_in_halves(
    stow: Make, batch: list[Attempt], status: int
) -> None:
    """Orthanc as it is set up at first: only an answer that is about one instance says enough."""

    async def judge(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers["Content-Length"]))
        good = [uid for number, uid in enumerate(uids(batch)) if uid.encode() in request.body and number != 1]
        bad = uids(batch)[1].encode() in request.body
        told = reply(200, dicom_json(stored=good), **JSON) if not bad else reply(status if good else 409)
        writer.write(told)
        await writer.drain()

    async with Server(judge) as server:
        outcomes = await stow(server.url).send(batch)
    assert [type(outcome) for outcome in outcomes] == [Sent, Refused, Sent]


async def test_who_never_says_is_not_asked_in_halves_again(stow: Make, batch: list[Attempt]) -> None:
    async with Server(reply(202)) as server:
        client = stow(server.url)
        outcomes = await client.send(batch)
    assert all(isinstance(outcome, TryAgain) and outcome.refuses_us for outcome in outcomes)
    assert client.most_instances == 1


async def test_413_makes_batches_smaller(stow: Make, batch: list[Attempt]) -> None:
    async def small_only(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.headers["Content-Length"]))
        here = [uid for uid in uids(batch) if uid.encode() in request.body]
        writer.write(reply(413) if len(here) > 1 else reply(200, dicom_json(stored=here), **JSON))
        await writer.drain()

    async with Server(small_only) as server:
        client = stow(server.url)
        before = client.most_bytes
        assert await client.send(batch) == (Sent(), Sent(), Sent())
    assert client.most_bytes < before, "the next batches are no larger than what the server takes"


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds(stow: Make, batch: list[Attempt], status: int) -> None:
    outcome = await one(stow, batch, reply(status, Retry_After="17"))
    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after == 17.0


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_as_a_date(stow: Make, batch: list[Attempt], status: int) -> None:
    """Compared with the server's own clock, which is an hour wrong here."""
    now = 1_800_000_000
    dates = {"Date": formatdate(now, usegmt=True), "Retry_After": formatdate(now + 90, usegmt=True)}
    outcome = await one(stow, batch, reply(status, **dates))
    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after == 90.0


@pytest.mark.parametrize("said", ["soon", "-5", "", "99999999999999"])
async def test_retry_after_is_not_believed_blindly(stow: Make, batch: list[Attempt], said: str) -> None:
    outcome = await one(stow, batch, reply(503, Retry_After=said))
    assert isinstance(outcome, TryAgain)
    assert outcome.retry_after in (None, 86400.0)


HTML = "<!DOCTYPE html><html><body>Please log in</body></html>"
BODIES = {
    "html": HTML,
    "empty object": "{}",
    "empty list": "[]",
    "not json": "{",
    "deep": "[" * 100_000,
    "number": "7",
    "nested": '{"00081199":{"vr":"SQ","Value":[' * 20,
    "entities": '<!DOCTYPE l [<!ENTITY a "aa">]><NativeDicomModel>&a;</NativeDicomModel>',
    "xml, no data set": "<a/>",
    "large": "x" * (5 * 1024 * 1024),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [200, 202])
async def test_a_body_that_is_no_store_response(stow: Make, batch: list[Attempt], status: int, body: str) -> None:
    outcome = await one(stow, batch, reply(status, BODIES[body], Content_Type="text/html"))
    assert isinstance(outcome, TryAgain), "unknown outcome: never taken for stored"
    assert outcome.refuses_us


async def test_compressed_body_is_not_unpacked(stow: Make, batch: list[Attempt]) -> None:
    """Nobody asked for one, and ten kilobytes may become ten megabytes."""
    import gzip

    body = gzip.compress(dicom_json(stored=uids(batch)[:1]).encode())
    outcome = await one(stow, batch, reply(200, body, Content_Encoding="gzip", **JSON))
    assert isinstance(outcome, TryAgain)


XML = """<?xml version="1.0"?><NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM">
<DicomAttribute tag="00081198" vr="SQ" keyword="FailedSOPSequence"><Item number="1">
<DicomAttribute tag="00081155" vr="UI"><Value number="1">{failed}</Value></DicomAttribute>
<DicomAttribute tag="00081197" vr="US"><Value number="1">43264</Value></DicomAttribute></Item></DicomAttribute>
<DicomAttribute tag="00081199" vr="SQ" keyword="ReferencedSOPSequence">
<Item number="1"><DicomAttribute tag="00081155" vr="UI"><Value number="1">{one}</Value></DicomAttribute></Item>
<Item number="2"><DicomAttribute tag="00081155" vr="UI"><Value number="1">{two}</Value></DicomAttribute>
<DicomAttribute tag="00081196" vr="US"><Value number="1">45056</Value></DicomAttribute></Item>
</DicomAttribute></NativeDicomModel>"""


async def test_body_in_xml(stow: Make, batch: list[Attempt]) -> None:
    failed, one_, two = uids(batch)
    body = XML.format(failed=failed, one=one_, two=two)
    async with Server(reply(202, body, Content_Type="application/dicom+xml")) as server:
        outcomes = await stow(server.url).send(batch)
    assert isinstance(outcomes[0], Refused)
    assert "A900" in outcomes[0].message
    assert outcomes[1] == Sent()
    assert outcomes[2] == Sent("warning reason B000 coercion of data elements")


async def test_lower_case_tags_in_a_list(stow: Make, batch: list[Attempt]) -> None:
    body = '[{"0008119a":{"vr":"SQ"},"00081199":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["%s"]}}]}}]'
    assert await one(stow, batch, reply(200, body % uids(batch)[0], **JSON)) == Sent()


async def test_kheops_names_the_attributes(stow: Make, batch: list[Attempt]) -> None:
    body = (
        '{"00081198":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["%s"]},"00081197":{"vr":"US","Value":[262]},'
        '"00001005":{"vr":"AT","Value":["00100010","00100040","Nobody^Test"]}}]}}'
    )
    outcome = await one(stow, batch, reply(409, body % uids(batch)[0], **JSON))
    assert isinstance(outcome, Refused)
    assert outcome.message.endswith("attributes 00100010, 00100040"), "tags, never values"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://other.example:8443/studies?token=hush", "to https://other.example:8443: not followed"),
        ("/elsewhere/hush", "to another path of the same server: not followed"),
        ("http://a b hush/", "to somewhere: not followed"),
        ("http://ü-hush.example/", "to somewhere: not followed"),
        ("file://hush/etc/passwd", "to somewhere: not followed"),
        ("http://hush:hush@other.example/", "to http://other.example: not followed"),
    ],
)
async def test_where_a_redirect_leads_is_shown_and_nothing_else_of_it(
    stow: Make, batch: list[Attempt], location: str, words: str
) -> None:
    outcome = await one(stow, batch, reply(302, Location=location))
    assert isinstance(outcome, TryAgain)
    assert words in outcome.message
    assert "hush" not in outcome.message
