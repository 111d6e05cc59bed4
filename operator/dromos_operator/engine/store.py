# SPDX-License-Identifier: Apache-2.0
"""What the operator knows of the cluster: objects by key, fed by watches, mended by lists.

A list that is read while events arrive is older than they are. So every change carries the moment it was made, and
`replace` leaves alone what changed after its list began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dromos_operator.kinds import Key, Object, key_of


@dataclass(frozen=True, slots=True)
class Differences:
    """What a list found that the watches had not told; ghosts are objects that were gone."""

    added: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    ghosts: tuple[Key, ...] = ()


class Store:
    """Objects by key."""

    def __init__(self) -> None:
        self._objects: dict[Key, Object] = {}
        self._touched: dict[Key, int] = {}
        self._gone: dict[Key, str] = {}
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Take it before a list begins, and hand it to `replace`."""
        return self._epoch

    def get(self, key: Key) -> Object | None:
        """One object, or None."""
        return self._objects.get(key)

    def select(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        """Objects of a kind, in the order of their names."""
        keys = [key for key in self._objects if key.kind == kind and namespace in {None, key.namespace}]
        return (self._objects[key] for key in sorted(keys))

    def put(self, obj: Object, kind: str | None = None) -> bool:
        """Remember an object; False when that very version, or a newer one, was known already."""
        key = key_of(obj, kind)
        known = self._objects.get(key)
        if known is not None and _is_stale(obj, known):
            return False
        if self._gone.get(key) == obj["metadata"].get(
            "uid", ""
        ):  # an answer to our own write, overtaken by its deletion
            return False
        self._gone.pop(key, None)
        self._objects[key] = slim(obj, key.kind)
        self._touch(key)
        return True

    def remove(self, key: Key) -> bool:
        """Forget an object; False when it was not known."""
        self._touch(key)
        known = self._objects.pop(key, None)
        if known is not None:
            self._gone[key] = known["metadata"].get("uid", "-")
        return known is not None

    def replace(self, kind: str, items: Iterable[Object], since: int, namespaces: Iterable[str] = ()) -> Differences:
        """Make a complete list of a kind the truth, except for what events touched after epoch `since`."""
        listed = {key_of(item, kind): item for item in items}
        scope = set(namespaces)
        known = {key for key in self._objects if key.kind == kind and (not scope or key.namespace in scope)}
        added: list[Key] = []
        changed: list[Key] = []
        ghosts: list[Key] = []
        for key, item in sorted(listed.items()):
            if self._touched.get(key, 0) > since:
                continue
            is_new = key not in self._objects
            if self.put(item, kind):
                (added if is_new else changed).append(key)
        for key in sorted(known - listed.keys()):
            if self._touched.get(key, 0) <= since:
                self.remove(key)
                ghosts.append(key)
        for key in [key for key, epoch in self._touched.items() if epoch <= since and key not in self._objects]:
            del self._touched[key]
            self._gone.pop(key, None)
        return Differences(tuple(added), tuple(changed), tuple(ghosts))

    def _touch(self, key: Key) -> None:
        self._epoch += 1
        self._touched[key] = self._epoch


def slim(obj: Object, kind: str) -> Object:
    """The object without managedFields, which weigh more than it does, and with its kind."""
    metadata: Mapping[str, Any] = obj["metadata"]
    return {
        **obj,
        "kind": kind,
        "metadata": {name: value for name, value in metadata.items() if name != "managedFields"},
    }


def _is_stale(obj: Object, known: Object) -> bool:
    """Whether `obj` is no news; resource versions are comparable within a kind (KEP-5504)."""
    if obj["metadata"].get("uid") != known["metadata"].get("uid"):
        return False
    new, old = (str(version["metadata"].get("resourceVersion", "")) for version in (obj, known))
    return int(new) <= int(old) if new.isdigit() and old.isdigit() else new == old != ""
