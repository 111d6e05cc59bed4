# SPDX-License-Identifier: Apache-2.0
"""Association PDUs, with pynetdicom's classes as the independent reading."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, A_RELEASE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.presentation import build_context

from dromos_gateway.dimse import pdu
from dromos_gateway.dimse.policy import OfferedContext

uids = st.lists(st.integers(0, 99999), min_size=2, max_size=8).map(lambda parts: ".".join(map(str, parts)))
titles = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=1, max_size=16)
contexts = st.lists(st.tuples(uids, st.lists(uids, min_size=1, max_size=4, unique=True)), min_size=1, max_size=128).map(
    lambda pairs: [OfferedContext(2 * n + 1, uid, tuple(ts)) for n, (uid, ts) in enumerate(pairs)]
)


@given(titles, titles, contexts, st.integers(0, 2**32 - 1))
def test_pynetdicom_reads_our_request_as_we_meant_it(called, calling, offered, max_length):
    encoded = pdu.encode_request(called, calling, offered, max_length)
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(encoded)
    assert theirs.encode() == encoded
    assert (theirs.called_ae_title, theirs.calling_ae_title) == (called, calling)
    assert [
        (each.presentation_context_id, each.abstract_syntax, tuple(each.transfer_syntax))
        for each in theirs.presentation_context
    ] == [(each.context_id, each.abstract_syntax, each.transfer_syntaxes) for each in offered]
    assert theirs.user_information.maximum_length == max_length


@given(titles, titles, contexts, st.integers(0, 2**32 - 1))
def test_what_we_encode_we_read_again(called, calling, offered, max_length):
    request = pdu.parse_request(pdu.encode_request(called, calling, offered, max_length)[6:])
    assert request == pdu.AssociateRequest(1, called, calling, "1.2.840.10008.3.1.1.1", tuple(offered), max_length)


def pynetdicom_request():
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.called_ae_title = "STORE"
    primitive.calling_ae_title = "CT1"
    context = build_context("1.2.840.10008.5.1.4.1.1.2", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
    context.context_id = 3
    primitive.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 16382
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    primitive.user_information = [length, implementation]
    encoded = A_ASSOCIATE_RQ()
    encoded.from_primitive(primitive)
    return encoded.encode()


def test_we_read_pynetdicoms_request() -> None:
    request = pdu.parse_request(pynetdicom_request()[6:])
    assert request.called_ae_title == "STORE"
    assert request.calling_ae_title == "CT1"
    assert request.max_length == 16382
    assert request.contexts == (
        OfferedContext(3, "1.2.840.10008.5.1.4.1.1.2", ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")),
    )


@given(contexts, st.data())
def test_pynetdicom_and_we_read_our_acceptance(offered, data):
    body = pdu.encode_request("CALLED", "CALLING", offered, 0)[6:]
    results = [
        (each.context_id, data.draw(st.integers(0, 4)), data.draw(st.sampled_from(each.transfer_syntaxes)))
        for each in offered
    ]
    encoded = pdu.encode_accept(body, results, 65536)
    accept = pdu.parse_accept(encoded[6:])
    assert accept.max_length == 65536
    assert accept.contexts == {context_id: (result, syntax) for context_id, result, syntax in results}
    theirs = A_ASSOCIATE_AC()
    theirs.decode(encoded)
    assert [
        (each.presentation_context_id, each.result, each.transfer_syntax) for each in theirs.presentation_context
    ] == results


def test_short_pdus_are_those_of_pynetdicom() -> None:
    reject = A_ASSOCIATE_RJ()
    reject.decode(pdu.encode_reject(2, 3, 2))
    assert (reject.result, reject.source, reject.reason_diagnostic) == (2, 3, 2)
    abort = A_ABORT_RQ()
    abort.decode(pdu.encode_abort(2, 6))
    assert (abort.source, abort.reason_diagnostic) == (2, 6)
    assert A_RELEASE_RQ().encode() == pdu.encode_release(pdu.RELEASE_RQ)
    assert A_RELEASE_RP().encode() == pdu.encode_release(pdu.RELEASE_RP)


def item(kind: int, value: bytes) -> bytes:
    return bytes((kind, 0)) + len(value).to_bytes(2, "big") + value


def context_item(context_id: int, *, abstract: int = 1, syntaxes: int = 1) -> bytes:
    value = bytes((context_id, 0, 0, 0)) + item(0x30, b"1.2.3") * abstract + item(0x40, b"1.2.840.10008.1.2") * syntaxes
    return item(0x20, value)


def request_body(*items: bytes) -> bytes:
    fixed = b"\x00\x01\x00\x00" + b"CALLED".ljust(16) + b"CALLING".ljust(16) + bytes(32)
    return fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + b"".join(items)


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        ((), "no presentation context"),
        ((context_item(2),), "even"),
        ((context_item(1), context_item(1)), "twice"),
        ((context_item(1, abstract=0),), "one abstract syntax"),
        ((context_item(1, abstract=2),), "one abstract syntax"),
        ((context_item(1, syntaxes=0),), "one abstract syntax"),
        ((context_item(1, syntaxes=300),), "one abstract syntax"),
        ((b"\x20\x00\xff\xff\x01",), "past the end"),
        ((b"\x20\x00",), "past the end"),
        ((item(0x20, b"\x01"),), "too short"),
        ((item(0x20, b"\x01\x00\x00\x00" + b"\x30\x00\x00\x40abc"),), "past the end"),
        ((context_item(1), item(0x50, item(0x51, b"\x00"))), "four bytes"),
        ((context_item(1), item(0x50, item(0x59, b"") * 5000)), "user information"),
    ],
)
def test_a_malformed_request_is_refused_saying_why(items, complaint):
    with pytest.raises(pdu.Malformed, match=complaint):
        pdu.parse_request(request_body(*items))


def test_items_of_unknown_types_are_ignored() -> None:  # PS3.8 9.3.1
    body = request_body(item(0x77, b"later"), context_item(1), item(0x50, item(0x7F, b"x") + item(0x51, bytes(4))))
    assert len(pdu.parse_request(body).contexts) == 1


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parsers_fail_otherwise(tail):
    for parse in (pdu.parse_request, pdu.parse_accept):
        for body in (tail, request_body() + tail):
            with contextlib.suppress(pdu.Malformed):
                parse(body)


@given(st.data())
def test_nor_do_valid_requests_with_bytes_changed(data):
    body = bytearray(request_body(context_item(1), context_item(3), item(0x50, item(0x51, bytes(4)))))
    for _ in range(data.draw(st.integers(1, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(pdu.Malformed):
        pdu.parse_request(bytes(body))
