# SPDX-License-Identifier: Apache-2.0
"""The ledger's tables, and how it is opened."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from dromos_gateway.spool import promises, shares

VERSION = 4  # 2 had no journal, 3 none of objects in files: they would leave what is in there behind
_LOG_SIZE = 8 * 1024 * 1024  # bytes of write-ahead log that are on the disk before they are needed
_CHECKPOINT = 1500  # pages; a little less than the log's size

_TABLES = """
CREATE TABLE IF NOT EXISTS instances (
  id INTEGER PRIMARY KEY,
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
  id INTEGER PRIMARY KEY,
  instance INTEGER NOT NULL REFERENCES instances (id),
  destination TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('Waiting', 'Failed')),
  reason TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '',
  attempts INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL,
  since REAL NOT NULL,
  changed_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_failed ON deliveries (destination) WHERE state = 'Failed';
CREATE TABLE IF NOT EXISTS numbers (reserved INTEGER NOT NULL);
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


_FROM_1 = """
ALTER TABLE instances RENAME TO instances_1;
ALTER TABLE deliveries RENAME TO deliveries_1;
DROP INDEX IF EXISTS deliveries_of_instance;
DROP INDEX IF EXISTS deliveries_failed;
"""
_COPY_FROM_1 = """
INSERT INTO instances SELECT * FROM instances_1;
UPDATE instances SET file = 'objects/' || file;
INSERT INTO deliveries
  SELECT instance * 4096 + row_number() OVER (PARTITION BY instance ORDER BY id) - 1,
         instance, destination, state, reason, message, attempts, due, since, changed_at
  FROM deliveries_1 WHERE state IN ('Waiting', 'Failed');
DROP TABLE deliveries_1;
DROP TABLE instances_1;
"""


class SpoolIncompatible(Exception):
    """The ledger was written by a version that this one does not understand."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger for writing, making its tables where they are absent. SpoolIncompatible.

    synchronous=FULL: a commit returns only when the write-ahead log is on the disk.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT}")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in range(VERSION + 1):
        connection.close()
        raise SpoolIncompatible(f"{path} has version {version}; this Dromos reads version {VERSION}")
    if version == 0 and any(path.parent.glob("objects/*")):  # the start would sweep them all: no row knows them
        connection.close()
        raise SpoolIncompatible(
            f"{path.parent} holds objects, but its ledger is gone: bring that back, or move the folder away"
        )
    tables = _TABLES + shares.TABLE + promises.TABLE
    if version == 1:
        connection.executescript(f"BEGIN; {_FROM_1} {tables} {_COPY_FROM_1} PRAGMA user_version={VERSION}; COMMIT;")
    else:
        connection.executescript(f"BEGIN; {tables} PRAGMA user_version={VERSION}; COMMIT;")
    _lengthen_log(Path(f"{path}-wal"))
    return connection


def _lengthen_log(path: Path) -> None:
    """Write zeros behind the write-ahead log: overwriting blocks is durable sooner than adding some.

    SQLite reads a log up to the last frame whose checksum continues the one before it, and reuses the file from its
    beginning after each checkpoint. Without room for it, commits are slower, that is all.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            state = os.fstatvfs(descriptor)
            size = os.fstat(descriptor).st_size
            if size < _LOG_SIZE and state.f_bavail * state.f_frsize > 16 * _LOG_SIZE:
                os.pwrite(descriptor, bytes(_LOG_SIZE - size), size)
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the ledger for queries of another thread; in WAL mode a reader never waits for the writer."""
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, timeout=10)
