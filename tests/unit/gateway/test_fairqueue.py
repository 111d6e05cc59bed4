# SPDX-License-Identifier: Apache-2.0
"""Studies take turns; transfers of one instance stay in order; nothing falls out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from dromos_gateway.delivery.fairqueue import FairQueue
from tests.unit.gateway.records import CT, EXPLICIT, delivery


def drain(queue: FairQueue, now: float = 0.0) -> list[int]:
    taken = []
    while (item := queue.take(now)) is not None:
        taken.append(item.id)
        queue.done(item, now)
    return taken


def test_a_backlog_does_not_starve_a_small_study():
    queue = FairQueue()
    for number in range(1000):
        queue.add(delivery(number, study="huge"), 0)
    for number in range(1000, 1003):
        queue.add(delivery(number, study="small"), 0)
    assert {1000, 1001, 1002} <= set(drain(queue)[:7])


def test_the_same_instance_twice_goes_in_order_and_never_at_once():
    queue = FairQueue()
    queue.add(delivery(1, uid="1.2"), 0)
    queue.add(delivery(2, uid="1.2", study="other"), 0)
    first = queue.take(0)
    assert first is not None
    assert first.id == 1
    assert queue.take(0) is None  # the second waits while the first is in flight
    queue.give_back(replace(first, due=5.0), 0)
    assert queue.take(0) is None  # and while it sleeps after a failure
    assert drain(queue, 6.0) == [1, 2]


def test_transfers_stay_in_order_when_the_first_of_them_expires():
    queue = FairQueue()
    for number in (1, 2, 3):
        queue.add(delivery(number, uid="1.2", since=float(number)), 0)
    for old in queue.expired(1.5, 4.0):
        queue.done(old, 4.0)
    first = queue.take(4.0)
    assert first is not None
    assert first.id == 2
    assert queue.take(4.0) is None  # the third waits for the second
    queue.add(delivery(4, uid="1.2"), 4.0)
    assert queue.take(4.0) is None
    queue.done(first, 4.0)
    assert drain(queue, 4.0) == [3, 4]


def test_sleepers_wake_when_due_or_all_at_once():
    queue = FairQueue()
    queue.add(delivery(1, due=10.0), 0)
    queue.add(delivery(2, due=900.0), 0)
    assert queue.take(9.9) is None
    assert queue.next_due() == 10.0
    assert drain(queue, 10.0) == [1]
    queue.wake_all(11.0)
    assert drain(queue, 11.0) == [2]


def test_kinds_are_those_of_what_waits():
    queue = FairQueue()
    assert queue.kinds() == []
    queue.add(delivery(1), 0)
    assert queue.kinds() == [(CT, EXPLICIT)]
    queue.take(0)
    assert queue.kinds() == []


def test_expired_are_taken_out_and_the_rest_keeps_its_order():
    queue = FairQueue()
    queue.add(replace(delivery(1, uid="1.2"), since=10.0), 0)
    queue.add(replace(delivery(2, uid="1.2"), since=500.0), 0)
    queue.add(replace(delivery(3), since=10.0), 0)
    assert sorted(item.id for item in queue.expired(100.0, 0)) == [1, 3]
    assert drain(queue) == [2]
    assert len(queue) == 0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["1", "2", "3", None]), st.floats(0, 20)), max_size=30),
    st.integers(0, 2**32),
)
def test_nothing_is_lost_doubled_or_overtaken(items, seed):
    chance = Random(seed)  # a draw for each step would make hypothesis take seconds
    queue = FairQueue()
    for number, (study, uid, due) in enumerate(items):
        queue.add(delivery(number, study=study, uid=uid, due=due), 0)
    order: list[int] = []
    in_flight: list = []
    now = 0.0
    while len(order) < len(items):
        item = queue.take(now)
        if item is not None:
            assert item.instance.sop_instance_uid not in {other.instance.sop_instance_uid for other in in_flight}
            in_flight.append(item)
        if in_flight and chance.random() < 0.5:
            other = in_flight.pop()
            if chance.random() < 0.25:
                queue.give_back(replace(other, due=now + 1), now)
            else:
                order.append(other.id)
                queue.done(other, now)
        now += 1.0
    assert sorted(order) == list(range(len(items)))
    for uid in "123":
        same = [number for number in order if items[number][1] == uid]
        assert same == sorted(same)
