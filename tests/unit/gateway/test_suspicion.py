# SPDX-License-Identifier: Apache-2.0
"""When an instance, and not its destination, is to blame."""

from __future__ import annotations

from dromos_gateway.delivery.outcome import Refused, TryAgain
from dromos_gateway.delivery.suspicion import REASON, Suspects

ABORTED = TryAgain("aborted", suspects_instance=True)


def test_failures_count_only_while_others_are_delivered():
    suspects = Suspects()
    for _ in range(100):
        assert suspects.judge(1, ABORTED) == ABORTED, "the peer may be down"
    for _ in range(3):
        suspects.delivered()
        found = suspects.judge(1, ABORTED)
        assert isinstance(found, TryAgain)
        assert not found.blames_destination
        assert suspects.judge(1, ABORTED) == found, "nothing was delivered in between"
    suspects.delivered()
    found = suspects.judge(1, ABORTED)
    assert isinstance(found, Refused)
    assert found.reason == REASON
    assert found.message.startswith("aborted; ")


def test_other_failures_and_other_instances_do_not_count():
    suspects = Suspects()
    refused = TryAgain("connection refused")
    for number in range(20):
        suspects.delivered()
        assert suspects.judge(1, refused) == refused
        assert suspects.judge(100 + number, ABORTED) == ABORTED


def test_who_is_over_begins_anew():
    suspects = Suspects()
    for _ in range(4):
        suspects.delivered()
        suspects.judge(1, ABORTED)
    suspects.forget(1)
    assert suspects.judge(1, ABORTED) == ABORTED
