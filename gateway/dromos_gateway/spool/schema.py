# SPDX-License-Identifier: Apache-2.0
"""The ledger's tables, and how it is opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from dromos_gateway.spool import shares

VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS instances (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  file TEXT NOT NULL,
  size INTEGER NOT NULL,
  data_set_offset INTEGER NOT NULL,
  sop_class_uid TEXT NOT NULL,
  sop_instance_uid TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  study TEXT NOT NULL,
  calling_ae_title TEXT NOT NULL,
  called_ae_title TEXT NOT NULL,
  peer_host TEXT NOT NULL,
  node TEXT NOT NULL,
  received_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  instance INTEGER NOT NULL REFERENCES instances (id),
  destination TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('Waiting', 'Delivered', 'Excluded', 'Failed')),
  reason TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  since REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_of_instance ON deliveries (instance);
CREATE INDEX IF NOT EXISTS deliveries_failed ON deliveries (destination) WHERE state = 'Failed';
CREATE TABLE IF NOT EXISTS counters (
  destination TEXT PRIMARY KEY,
  delivered INTEGER NOT NULL DEFAULT 0,
  excluded INTEGER NOT NULL DEFAULT 0,
  last_transfer REAL,
  last_error TEXT
);
CREATE TABLE IF NOT EXISTS accepted (
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  file TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (kind, namespace, name)
);
"""


class SpoolIncompatible(Exception):
    """The ledger was written by a version that this one does not understand."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger for writing, making its tables where they are absent.

    synchronous=FULL: a commit returns only when the write-ahead log is on the disk.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        connection.close()
        raise SpoolIncompatible(f"{path} has version {version}; this Dromos reads version {VERSION}")
    connection.executescript(_TABLES)
    connection.executescript(shares.TABLE)
    connection.execute(f"PRAGMA user_version={VERSION}")
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the ledger for queries of another thread; in WAL mode a reader never waits for the writer."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, timeout=10)
