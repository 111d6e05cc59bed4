# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms in a real Redis: atomic imports, both look-ups, expiry, listing without KEYS, and Redis being away."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_crds.pseudonyms.table import Row, TableRefused
from dromos_gateway.pseudonyms.redisstore import Imported, RedisStore
from dromos_gateway.pseudonyms.resolution import Held, Pseudonym, StoredResolver
from dromos_gateway.pseudonyms.store import StoreUnavailable
from tests.wire.pseudonyms.redisserver import PASSWORD, RedisServer


def rows(*entries: tuple[str, str, str]) -> list[Row]:
    return [Row(line, line, Entry(Patient(i, issuer), p)) for line, (i, issuer, p) in enumerate(entries, 2)]


def content(store: RedisStore) -> set[Entry]:
    return set(store.entries())


def test_look_ups_both_ways_and_projects_apart(redis: RedisServer) -> None:
    store, other = RedisStore(redis.settings, "a"), RedisStore(redis.settings, "b")
    assert store.revision() == "0"
    assert store.add(
        rows(("P1", "HUG", "ONE"), ("P1", "CHUV", "É^Two"), ("1", "23", "X"), ("12", "3", "Y"))
    ) == Imported(4, 0)
    assert store.find(Patient("P1", "HUG")) == "ONE"
    assert store.find(Patient("P1")) is None
    assert (store.find(Patient("1", "23")), store.find(Patient("12", "3"))) == ("X", "Y")
    assert store.of_pseudonym("É^Two") == Entry(Patient("P1", "CHUV"), "É^Two")
    assert store.of_pseudonym("é^two") is None
    assert {entry.pseudonym for entry in store.of_patient_id("P1")} == {"ONE", "É^Two"}
    assert len(content(store)) == 4
    assert content(other) == set()
    assert other.find(Patient("P1", "HUG")) is None
    assert store.revision() == "1"
    assert redis.client.get('dromos:{a}:pseudonym:["a","HUG","P1"]') == "ONE"


def test_an_import_is_all_or_nothing(redis: RedisServer) -> None:
    store = RedisStore(redis.settings, "a")
    store.add(rows(("P1", "", "ONE"), ("P2", "", "TWO")))
    before = content(store)
    with pytest.raises(TableRefused) as refused:
        store.add(rows(("P3", "", "TRI"), ("P1", "", "UNO"), ("P4", "", "TWO")))
    said = [(problem.line, problem.message.split(";")[0]) for problem in refused.value.problems]
    assert said == [
        (3, "this patient has another pseudonym already"),
        (4, "another patient has this pseudonym already"),
    ]
    assert content(store) == before
    assert redis.client.keys("*import*") == []
    assert store.revision() == "1"
    assert store.add(rows(("P1", "", "ONE"), ("P3", "", "TRI"))) == Imported(1, 1), "the same again is no mistake"
    assert store.add(rows(("P1", "", "ONE"))) == Imported(0, 1)
    assert store.revision() == "2"


def test_two_imports_at_once_leave_no_pseudonym_twice(redis: RedisServer) -> None:
    tables = [rows(*((f"{who}-{n}", "", f"S{n}") for n in range(3000))) for who in "ab"]
    outcomes: list[object] = []

    def run(table: list[Row]) -> None:
        try:
            outcomes.append(RedisStore(redis.settings, "a").add(table))
        except TableRefused as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=(table,)) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Imported", "TableRefused"]
    refusal = next(outcome for outcome in outcomes if isinstance(outcome, TableRefused))
    assert (len(refusal.problems), refusal.more) == (50, 2950)
    found = content(RedisStore(redis.settings, "a"))
    assert len(found) == len({entry.pseudonym for entry in found}) == 3000


def test_deleting_takes_every_trace(redis: RedisServer) -> None:
    store = RedisStore(redis.settings, "a")
    store.add(rows(("P1", "HUG", "ONE"), ("P1", "", "TWO"), ("P2", "", "TRI")))
    assert store.remove([Entry(Patient("P1", "HUG"), "ONE")]) == 1
    assert store.remove([Entry(Patient("P1", "HUG"), "ONE")]) == 0
    assert (store.of_pseudonym("ONE"), store.find(Patient("P1", "HUG"))) == (None, None)
    assert [entry.pseudonym for entry in store.of_patient_id("P1")] == ["TWO"]
    assert store.remove(list(store.entries())) == 2
    assert redis.client.keys("*") == ["dromos:{a}:revision"]
    assert store.revision() == "3"
    assert store.add(rows(("P9", "", "ONE"))) == Imported(1, 0)


def test_pseudonyms_live_for_ever_unless_told_otherwise(redis: RedisServer) -> None:
    RedisStore(redis.settings, "a").add(rows(("P1", "", "ONE")))
    RedisStore(replace(redis.settings, ttl=100), "a").add(rows(("P1", "HUG", "TWO"), ("P2", "", "TRI")))
    client = redis.client
    lives = {key.partition("}:")[2]: client.ttl(key) for key in client.keys("*")}
    assert lives['pseudonym:["a","","P1"]'] == lives['patient:["a","ONE"]'] == lives['issuers:["a","P1"]'] == -1
    assert all(0 < lives[key] <= 100 for key in lives if '"P2"' in key or '"TRI"' in key or '"TWO"' in key)
    for key in client.keys('*"P2"*') + client.keys("*TRI*"):
        client.expire(key, 0)
    client.zadd("dromos:{a}:entries", {'["a","","P2"]': 1})
    store = RedisStore(redis.settings, "a")
    assert {entry.pseudonym for entry in store.entries()} == {"ONE", "TWO"}
    store.add(rows(("P3", "", "FOUR")))
    assert client.zscore("dromos:{a}:entries", '["a","","P2"]') is None


def test_a_hundred_thousand_entries_come_and_are_listed(redis: RedisServer) -> None:
    store = RedisStore(redis.settings, "a")
    heard: list[int] = []
    table = rows(*((f"P{n}", "HUG", f"S{n}") for n in range(100_000)))
    assert store.add(table, heard.append) == Imported(100_000, 0)
    assert heard == list(range(1000, 100_001, 1000))
    assert sum(1 for _ in store.entries()) == 100_000


class Instance(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)


def test_redis_away_holds_and_redis_back_gives(redis: RedisServer) -> None:
    store = RedisStore(redis.settings, "a")
    store.add(rows(("P1", "HUG", "ONE")))
    resolver, instance = StoredResolver(store, "a"), Instance({0x00100020: "P1", 0x00100021: "HUG"})
    assert resolver.resolve(instance) == Pseudonym("ONE")
    redis.stop()
    held = resolver.resolve(instance)
    assert isinstance(held, Held)
    assert (held.reason, held.message) == (
        "PseudonymStoreUnavailable",
        f"Redis at 127.0.0.1:{redis.port}: cannot be reached",
    )
    assert held.retry_after <= 10
    redis.start()
    assert resolver.resolve(instance) == Pseudonym("ONE"), "kept over the restart, and by the same connection's owner"


def test_wrong_credentials_are_said_and_not_shown(redis: RedisServer) -> None:
    for settings in (replace(redis.settings, password=None), replace(redis.settings, password="wrong-secret")):
        with pytest.raises(StoreUnavailable, match="refuses the user name or password") as refused:
            RedisStore(settings, "a").find(Patient("P1"))
        assert refused.value.__cause__ is None
        assert "secret" not in f"{refused.value} {settings}"
    assert PASSWORD not in repr(redis.settings)


def test_redis_errors_never_quote_a_key(redis: RedisServer) -> None:
    store = RedisStore(redis.settings, "a")
    redis.client.rpush("dromos:{a}:pseudonym:" + Patient("P1").key("a"), "x")
    with pytest.raises(StoreUnavailable, match=r"answers WRONGTYPE$"):
        store.find(Patient("P1"))
    redis.client.config_set("maxmemory", "1")
    with pytest.raises(StoreUnavailable, match=r"is out of memory$"):
        store.add(rows(("P1", "", "ONE")))
