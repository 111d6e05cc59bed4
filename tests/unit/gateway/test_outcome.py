# SPDX-License-Identifier: Apache-2.0
"""Statuses and failures as a queue reads them."""

from __future__ import annotations

import pytest

from dromos_gateway.delivery.outcome import Refused, Sent, TryAgain, in_our_words, read_error, read_response
from dromos_gateway.dimse.errors import AssociationRejected, ContextRefused, PeerUnreachable, UnreadableObject
from dromos_gateway.dimse.requestor import StoreResponse


@pytest.mark.parametrize(
    ("status", "kind"),
    [(0x0000, Sent), (0xB000, Sent), (0x0111, Sent), (0xA700, TryAgain), (0x0110, TryAgain), (0x0124, TryAgain),
     (0xA900, Refused), (0xC123, Refused), (0x0122, Refused), (0x0213, TryAgain)],
)  # fmt: skip
def test_statuses(status, kind):
    assert isinstance(read_response(StoreResponse(status)), kind)


def test_the_peer_is_quoted():
    outcome = read_response(StoreResponse(0xC001, "no such patient class"))
    assert isinstance(outcome, Refused)
    assert outcome.message == "C001 cannot understand; the peer says: no such patient class"
    assert in_our_words(outcome.message) == "C001 cannot understand"


def test_not_authorized_and_permanent_rejection_refuse_us_as_such():
    assert read_response(StoreResponse(0x0124)).refuses_us
    for reason in (3, 7):  # calling, called AE title not recognized
        assert read_error(AssociationRejected("", result=1, source=1, reason=reason), 1).refuses_us
    assert not read_error(AssociationRejected("", result=2, source=3, reason=2), 1).refuses_us


def test_a_refused_context_is_a_dead_letter_and_a_dead_peer_is_not():
    assert isinstance(read_error(ContextRefused("x"), 1), Refused)
    assert isinstance(read_error(PeerUnreachable("x"), 1000), TryAgain)


def test_an_unreadable_file_is_tried_a_few_times_and_never_blamed_on_the_peer():
    first = read_error(UnreadableObject("x"), 1)
    assert isinstance(first, TryAgain)
    assert not first.blames_destination
    assert isinstance(read_error(UnreadableObject("x"), 5), Refused)
