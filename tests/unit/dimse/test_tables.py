# SPDX-License-Identifier: Apache-2.0
"""Statuses, UIDs and what is accepted."""

from typing import Any

import pytest
from pynetdicom import sop_class

from dromos_gateway.dimse import pdu, uids
from dromos_gateway.dimse.negotiation import negotiate, objection
from dromos_gateway.dimse.policy import OfferedContext, Rejection
from dromos_gateway.dimse.rejections import explain
from dromos_gateway.dimse.sockets import host_of
from dromos_gateway.dimse.status import Verdict, classify, describe

EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (0x0000, Verdict.Delivered),
        (0xB000, Verdict.DeliveredWithWarning),
        (0xB006, Verdict.DeliveredWithWarning),
        (0xB007, Verdict.DeliveredWithWarning),
        (0x0111, Verdict.DeliveredWithWarning),
        (0xA700, Verdict.Retry),
        (0xA7FF, Verdict.Retry),
        (0x0110, Verdict.Retry),
        (0x0213, Verdict.Retry),
        (0xA900, Verdict.Permanent),
        (0xC000, Verdict.Permanent),
        (0xCFFF, Verdict.Permanent),
        (0x0117, Verdict.Permanent),
        (0x0122, Verdict.Permanent),
        (0x0210, Verdict.Permanent),
        (0x0124, Verdict.Park),
        (0x1234, Verdict.Permanent),
    ],
)
def test_statuses_are_read_as_the_standard_means_them(status, verdict):
    assert classify(status) is verdict


def test_statuses_have_names() -> None:
    assert describe(0xA701) == "A701 out of resources"
    assert describe(0xC123) == "C123 cannot understand"
    assert describe(0x1234) == "1234 unknown status"
    assert "called AE title" in explain(1, 1, 7)


def test_every_storage_class_pynetdicom_knows_is_storage_and_nothing_else_is() -> None:
    storage = {str(uid) for uid in sop_class._STORAGE_CLASSES.values()}
    storage |= {str(uid) for uid in sop_class._NON_PATIENT_OBJECT_CLASSES.values()}
    assert [uid for uid in storage if not uids.is_storage(uid)] == []
    others = {
        str(uid)
        for name in dir(sop_class)
        if name.startswith("_") and name.endswith("_CLASSES") and name != "_SERVICE_CLASSES"
        for uid in getattr(sop_class, name).values()
        if isinstance(uid, str)
    } - storage
    assert len(others) > 50
    assert [uid for uid in others if uids.is_storage(uid)] == []
    assert uids.is_storage("1.3.12.2.1107.5.9.1")  # private
    assert not uids.is_storage("1.2.840.10008.1.3.10")  # DICOMDIR


@pytest.mark.parametrize("uid", ["1.2", "2.25.0", "1.02.3", "1." * 31 + "12"])
def test_uids(uid):
    assert uids.is_valid(uid)


@pytest.mark.parametrize("uid", ["", "1", "1.", ".1", "1..2", "1.2 ", "../../x", "1.2/3", "1.2\x00", "1.x", "1.2" * 30])
def test_what_is_no_uid(uid):
    assert not uids.is_valid(uid)


def test_our_implementation_class_uid_is_a_uid() -> None:
    assert uids.is_valid(uids.IMPLEMENTATION_CLASS_UID)
    assert len(uids.IMPLEMENTATION_VERSION_NAME) <= 16


@pytest.mark.parametrize(
    ("abstract", "syntaxes", "result", "syntax"),
    [
        ("1.2.840.10008.5.1.4.1.1.2", (JPEG, EXPLICIT), pdu.ACCEPTANCE, JPEG),
        ("1.2.840.113619.4.30", ("1.2.840.113619.5.2",), pdu.ACCEPTANCE, "1.2.840.113619.5.2"),
        ("1.2.840.10008.1.1", (EXPLICIT,), pdu.ACCEPTANCE, EXPLICIT),
        ("1.2.840.10008.5.1.4.1.2.2.1", (EXPLICIT,), pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, EXPLICIT),  # find
        ("1.2.840.10008.3.1.2.3.3", (EXPLICIT,), pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, EXPLICIT),  # MPPS
        ("1.2.840.10008.1.3.10", (EXPLICIT,), pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, EXPLICIT),  # DICOMDIR
        ("rubbish", (EXPLICIT,), pdu.ABSTRACT_SYNTAX_NOT_SUPPORTED, EXPLICIT),
        ("1.2.840.10008.5.1.4.1.1.2", ("rubbish", EXPLICIT), pdu.ACCEPTANCE, EXPLICIT),
        ("1.2.840.10008.5.1.4.1.1.2", ("rubbish",), pdu.TRANSFER_SYNTAXES_NOT_SUPPORTED, "1.2.840.10008.1.2"),
    ],
)
def test_what_is_negotiated(abstract, syntaxes, result, syntax):
    assert negotiate([OfferedContext(5, abstract, syntaxes)]) == ((5, result, syntax),)


@pytest.mark.parametrize(
    ("changes", "numbers"),
    [
        ({"protocol_version": 2}, (1, 2, 2)),
        ({"application_context": "1.2.3"}, (1, 1, 2)),
        ({"called_ae_title": ""}, (1, 1, 7)),
        ({"called_ae_title": "A\\B"}, (1, 1, 7)),
        ({"calling_ae_title": "A\nB"}, (1, 1, 3)),
        ({"calling_ae_title": "A\ufffdB"}, (1, 1, 3)),
    ],
)
def test_requests_nobody_can_serve(changes, numbers):
    good: dict[str, Any] = {
        "protocol_version": 1,
        "called_ae_title": "A",
        "calling_ae_title": "B C",
        "application_context": "1.2.840.10008.3.1.1.1",
        "contexts": (),
        "max_length": 0,
    }
    assert objection(pdu.AssociateRequest(**good)) is None
    refused = objection(pdu.AssociateRequest(**(good | changes)))
    assert isinstance(refused, Rejection)
    assert (refused.result, refused.source, refused.reason) == numbers


def test_addresses_are_written_as_people_do() -> None:
    assert host_of(("192.0.2.1", 104)) == "192.0.2.1"
    assert host_of(("::ffff:192.0.2.1", 104, 0, 0)) == "192.0.2.1"
    assert host_of(("2001:db8::1", 104, 0, 0)) == "2001:db8::1"
    assert host_of(None) == ""
