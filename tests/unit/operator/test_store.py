# SPDX-License-Identifier: Apache-2.0
"""The store: fed by events, mended by lists, never set back by what is older."""

from __future__ import annotations

from dromos_operator.engine.store import Store
from dromos_operator.kinds import Key
from tests.unit.operator.make import meta

A = Key("Secret", "imaging", "a")
B = Key("Secret", "imaging", "b")


def _secret(name: str, version: str, uid: str = "1", **more: object) -> dict[str, object]:
    return {"kind": "Secret", "metadata": meta(name, resourceVersion=version, uid=uid, **more)}


def _version(store: Store, key: Key) -> str:
    obj = store.get(key)
    assert obj is not None
    return str(obj["metadata"]["resourceVersion"])


def test_an_older_version_does_not_replace_a_newer_one() -> None:
    store = Store()
    assert store.put(_secret("a", "10"))
    assert not store.put(_secret("a", "9"))
    assert not store.put(_secret("a", "10"))
    assert _version(store, A) == "10"


def test_an_object_made_anew_replaces_its_namesake() -> None:
    store = Store()
    store.put(_secret("a", "10", uid="1"))
    assert store.put(_secret("a", "11", uid="2"))


def test_an_answer_that_its_own_deletion_overtook_brings_nothing_back() -> None:
    store = Store()
    store.put(_secret("a", "10", uid="1"))
    assert store.remove(A)
    assert not store.put(_secret("a", "11", uid="1"))
    assert store.get(A) is None
    assert store.put(_secret("a", "12", uid="2"))


def test_managed_fields_are_not_kept() -> None:
    store = Store()
    store.put(_secret("a", "1", managedFields=[{"manager": "kubectl"}]))
    assert "managedFields" not in (store.get(A) or {})["metadata"]


def test_a_list_finds_what_was_missed() -> None:
    store = Store()
    store.put(_secret("a", "1"))
    store.put(_secret("b", "2"))
    found = store.replace("Secret", [_secret("b", "3"), _secret("c", "4")], store.epoch)
    assert found.added == (Key("Secret", "imaging", "c"),)
    assert found.changed == (B,)
    assert found.ghosts == (A,)
    assert store.get(A) is None


def test_a_list_does_not_undo_what_events_told_while_it_was_read() -> None:
    store = Store()
    store.put(_secret("gone", "1"))
    since = store.epoch
    store.put(_secret("a", "5"))
    store.remove(Key("Secret", "imaging", "gone"))
    found = store.replace("Secret", [_secret("gone", "1")], since)
    assert found.ghosts == found.added == ()
    assert store.get(A) is not None, "created after the list began"
    assert store.get(Key("Secret", "imaging", "gone")) is None, "deleted after the list began"


def test_a_list_of_one_namespace_leaves_the_others_alone() -> None:
    store = Store()
    store.put({"kind": "Secret", "metadata": {**meta("a"), "namespace": "elsewhere"}})
    store.replace("Secret", [], store.epoch, ("imaging",))
    assert store.get(Key("Secret", "elsewhere", "a")) is not None


def test_selection_is_by_kind_and_namespace_in_order() -> None:
    store = Store()
    for name in ("b", "a"):
        store.put(_secret(name, "1"))
    store.put({"kind": "ConfigMap", "metadata": meta("c")})
    assert [obj["metadata"]["name"] for obj in store.select("Secret", "imaging")] == ["a", "b"]
    assert not list(store.select("Secret", "elsewhere"))
