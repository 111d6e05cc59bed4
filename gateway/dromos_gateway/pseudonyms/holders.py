# SPDX-License-Identifier: Apache-2.0
"""Where `dromos pseudonyms` reads and writes: a Secret in a manifest file, a Secret in a cluster, or Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from dromos_crds.pseudonyms.csvstore import CSVStore
from dromos_crds.pseudonyms.identity import Entry
from dromos_crds.pseudonyms.table import Row
from dromos_gateway.pseudonyms import secretfile
from dromos_gateway.pseudonyms.cluster import Cluster
from dromos_gateway.pseudonyms.merging import merged
from dromos_gateway.pseudonyms.redisstore import Imported, RedisStore
from dromos_gateway.pseudonyms.store import Store


class Holder(Protocol):
    """A project's store, for people who keep it. StoreUnavailable, TableRefused, OSError from all of them."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def store(self) -> Store:
        """What is there now."""

    def add(self, rows: Sequence[Row], progress: Callable[[int], None]) -> Imported:
        """Import all rows or none."""

    def remove(self, entries: Sequence[Entry]) -> int:
        """Delete these; how many there were."""


class RedisHolder:
    """A Redis server."""

    def __init__(self, store: RedisStore, place: str) -> None:
        self._store = store
        self.place = place

    def store(self) -> Store:
        """The store itself."""
        return self._store

    def add(self, rows: Sequence[Row], progress: Callable[[int], None]) -> Imported:
        """Import in one step."""
        return self._store.add(rows, progress)

    def remove(self, entries: Sequence[Entry]) -> int:
        """Delete these."""
        return self._store.remove(entries)


class ManifestHolder:
    """A Secret's key in a manifest file, which is edited in place."""

    def __init__(self, file: Path, namespace: str, secret: str, key: str, read: Callable[[], bytes]) -> None:
        self._file = file
        self._identity = ("Secret", namespace, secret)
        self._key = key
        self._read = read  # the value as it is in the file now
        self.place = f"Secret {secret} in {file}"

    def store(self) -> CSVStore:
        """What the file says."""
        return CSVStore(self._read())

    def add(self, rows: Sequence[Row], progress: Callable[[int], None]) -> Imported:
        """Add the rows to the file."""
        with secretfile.locked(self._file):
            content, imported = merged(self.store(), rows)
            if imported.added:
                secretfile.replace_value(self._file, self._identity, self._key, content)
        progress(len(rows))
        return imported

    def remove(self, entries: Sequence[Entry]) -> int:
        """Take their lines out of the file."""
        with secretfile.locked(self._file):
            store = self.store()
            patients = {entry.patient for entry in entries if store.find(entry.patient) == entry.pseudonym}
            if patients:
                secretfile.replace_value(self._file, self._identity, self._key, store.without(patients))
        return len(patients)


class ClusterHolder:
    """A Secret's key in a cluster."""

    def __init__(self, cluster: Cluster, secret: str, key: str) -> None:
        self._cluster = cluster
        self._secret = secret
        self._key = key
        self.place = f"Secret {secret} in namespace {cluster.namespace}"

    def store(self) -> CSVStore:
        """What the Secret says."""
        return CSVStore(self._cluster.read_value(self._secret, self._key).content)

    def add(self, rows: Sequence[Row], progress: Callable[[int], None]) -> Imported:
        """Add the rows to the Secret."""

        def change(content: bytes) -> tuple[bytes, Imported]:
            return merged(CSVStore(content), rows)

        imported = self._cluster.change_value(self._secret, self._key, change)
        progress(len(rows))
        return imported

    def remove(self, entries: Sequence[Entry]) -> int:
        """Take their lines out of the Secret."""

        def change(content: bytes) -> tuple[bytes, int]:
            store = CSVStore(content)
            patients = {entry.patient for entry in entries if store.find(entry.patient) == entry.pseudonym}
            return store.without(patients), len(patients)

        return self._cluster.change_value(self._secret, self._key, change)
