# SPDX-License-Identifier: Apache-2.0
"""Conditions: when they were last another, and for which generation."""

from __future__ import annotations

from dromos_operator.plan.conditions import LONGEST_MESSAGE, dated, no, ready, unknown, yes

EARLIER, NOW = "2026-11-24T07:00:00Z", "2026-11-24T08:00:00Z"


def test_the_time_stays_while_the_status_does() -> None:
    first = dated([no("Programmed", "Pending", "one")], (), 1, EARLIER)
    second = dated([no("Programmed", "NotAcknowledged", "another")], first, 2, NOW)
    assert second[0]["lastTransitionTime"] == EARLIER
    assert (second[0]["reason"], second[0]["observedGeneration"]) == ("NotAcknowledged", 2)


def test_the_time_moves_with_the_status() -> None:
    first = dated([no("Programmed", "Pending", "one")], (), 1, EARLIER)
    assert dated([yes("Programmed", "done")], first, 1, NOW)[0]["lastTransitionTime"] == NOW


def test_ready_repeats_the_first_condition_that_does_not_hold() -> None:
    summary = ready(
        [yes("Accepted", "a"), no("ResolvedRefs", "SecretNotFound", "b"), no("Programmed", "Pending", "c")], ""
    )
    assert (summary.status, summary.reason, summary.message) == ("False", "SecretNotFound", "b")


def test_an_unknown_condition_is_not_ready_either() -> None:
    assert ready([unknown("ResolvedRefs", "why")], "").status == "False"


def test_long_messages_are_cut() -> None:
    message = dated([no("Accepted", "Invalid", "x" * 5000)], (), 1, NOW)[0]["message"]
    assert len(message) == LONGEST_MESSAGE
    assert message.endswith("…")
