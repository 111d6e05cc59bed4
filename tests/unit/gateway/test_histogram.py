# SPDX-License-Identifier: Apache-2.0
"""Durations in buckets."""

from __future__ import annotations

from dromos_gateway.histogram import Histogram


def test_each_observation_is_in_its_bucket_and_all_above() -> None:
    histogram = Histogram((0.5, 1.0))
    for seconds in (0.5, 0.6, 7.0, -1.0):
        histogram.observe(seconds)
    assert histogram.buckets() == [("0.5", 2), ("1.0", 3), ("+Inf", 4)]
    assert histogram.sum == 8.1
