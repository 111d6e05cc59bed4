# SPDX-License-Identifier: Apache-2.0
"""Keys of a Project: history, which is active, and messages that give none away."""

from __future__ import annotations

import re

import pytest

from dromos_crds.fields import NAME_PATTERN
from dromos_crds.projectkeys import InvalidKeys, ProjectKey, dashed, made_secret, read_keys

OLD, NEW = "a16056593f1baefec6cd93207e5743a4", "43243243-2134-1234-1234-111111111111"


def test_active_selects_and_history_is_kept() -> None:
    data = {"active": b"k2\n", "k1": OLD.encode(), "k2": f"{NEW}\n".encode(), "note": b"not a key"}
    keys = read_keys(data)
    assert (keys.active.name, keys.active.value.hex()) == ("k2", NEW.replace("-", ""))
    assert [key.name for key in keys.kept] == ["k1", "k2"]
    assert read_keys({**data, "active": b"k1"}).active.value.hex() == OLD


def test_the_fingerprint_tells_keys_apart_and_the_spelling_does_not_matter() -> None:
    one, same = (read_keys({"active": b"k", "k": text.encode()}).active for text in (NEW, NEW.replace("-", "").upper()))
    other = read_keys({"active": b"k", "k": OLD.encode()}).active
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 16
    assert one.fingerprint not in NEW


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "no key 'active'"),
        ({"k1": OLD.encode()}, "k1"),
        ({"active": b"k2", "k1": OLD.encode()}, "does not name"),
        ({"active": b"active"}, "does not name"),
        ({"active": OLD.encode(), "k1": OLD.encode()}, "does not name"),
        ({"active": b"k1", "k1": b"a16056593f1baefec6cd93207e5743"}, "32 hexadecimal digits"),
        ({"active": b"k1", "k1": "\uff4116056593f1baefec6cd93207e5743a4".encode()}, "32 hexadecimal digits"),
        ({"active": b"k1", "k1": b"\xff" * 32}, "32 hexadecimal digits"),
    ],
)
def test_unusable_keys_are_refused_and_not_shown(data: dict[str, bytes], said: str) -> None:
    with pytest.raises(InvalidKeys, match=said) as refused:
        read_keys(data)
    assert "a1605659" not in str(refused.value)


def test_nothing_shows_a_value() -> None:
    keys = read_keys({"active": b"k1", "k1": OLD.encode()})
    assert OLD not in f"{keys!r} {keys.active!r} {keys.active.fingerprint}"
    assert ProjectKey("k", b"\x01" * 16).value.hex() not in repr(ProjectKey("k", b"\x01" * 16))
    assert dashed(OLD) == "a1605659-3f1b-aefe-c6cd-93207e5743a4"


def test_names_of_key_secrets_are_never_too_long_and_never_the_same() -> None:
    """A Project's name may have as many characters as a Secret's, and the end is not where long names differ."""
    assert made_secret("study-a") == "study-a-key"
    assert made_secret("a" * 249) == "a" * 249 + "-key"
    long = [f"{'a' * 240}.{'b' * end}{last}" for end in range(8, 12) for last in "cd"]
    made = [made_secret(name) for name in long]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(NAME_PATTERN, name) and len(name) <= 253 for name in made)
