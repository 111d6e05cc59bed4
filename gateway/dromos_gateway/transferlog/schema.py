# SPDX-License-Identifier: Apache-2.0
"""The log's tables. They stand in the ledger's file, so that a row and what it tells of are committed together."""

from __future__ import annotations

import sqlite3
from os import urandom

# What a destination gets of a series by one profile and secret; nothing of it is ever changed, so that each row goes on
# saying what was true of it
_ROUTES = """
CREATE TABLE IF NOT EXISTS log_routes (
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL REFERENCES log_series (id),
  destination TEXT NOT NULL,
  profile TEXT NOT NULL DEFAULT '',
  secret_fingerprint TEXT NOT NULL DEFAULT '',
  patient_id TEXT NOT NULL DEFAULT '',
  accession_number TEXT NOT NULL DEFAULT '',
  study_instance_uid TEXT NOT NULL DEFAULT '',
  study_description TEXT NOT NULL DEFAULT '',
  study_date TEXT NOT NULL DEFAULT '',
  study_time TEXT NOT NULL DEFAULT '',
  series_instance_uid TEXT NOT NULL DEFAULT '',
  series_description TEXT NOT NULL DEFAULT '',
  series_date TEXT NOT NULL DEFAULT '',
  modality TEXT NOT NULL DEFAULT ''
);
"""
_ROWS = """
CREATE TABLE IF NOT EXISTS log_transfers (
  id INTEGER PRIMARY KEY,
  route INTEGER NOT NULL REFERENCES log_routes (id),
  destination INTEGER NOT NULL REFERENCES log_destinations (id),
  at REAL NOT NULL,
  received_at REAL NOT NULL,
  size INTEGER NOT NULL,
  sop_class_uid TEXT NOT NULL,
  transfer_syntax_uid TEXT NOT NULL,
  sop_instance_uid TEXT NOT NULL DEFAULT '',
  original BLOB,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  changes TEXT NOT NULL DEFAULT '',
  original_hash BLOB
);
"""
# Rows are put into `log_recent` first, which has no index, and moved many at a time: an index of a million rows has its
# pages anywhere, and each transaction would write a handful of them for each of its rows.
_TABLES = f"""
CREATE TABLE IF NOT EXISTS log_secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS log_series (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  study BLOB NOT NULL,
  node TEXT NOT NULL,
  source TEXT NOT NULL,
  first_at REAL NOT NULL,
  original BLOB,
  patient_hash BLOB,
  accession_hash BLOB,
  study_hash BLOB,
  series_hash BLOB
);
CREATE INDEX IF NOT EXISTS log_series_study ON log_series (study);
CREATE INDEX IF NOT EXISTS log_series_patient_hash ON log_series (patient_hash) WHERE patient_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS log_series_accession_hash ON log_series (accession_hash) WHERE accession_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS log_series_study_hash ON log_series (study_hash) WHERE study_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS log_series_series_hash ON log_series (series_hash) WHERE series_hash IS NOT NULL;
{_ROUTES}CREATE INDEX IF NOT EXISTS log_routes_of_series ON log_routes (series, destination);
CREATE INDEX IF NOT EXISTS log_routes_patient ON log_routes (patient_id) WHERE patient_id <> '';
CREATE INDEX IF NOT EXISTS log_routes_accession ON log_routes (accession_number) WHERE accession_number <> '';
CREATE INDEX IF NOT EXISTS log_routes_study ON log_routes (study_instance_uid) WHERE study_instance_uid <> '';
CREATE INDEX IF NOT EXISTS log_routes_series ON log_routes (series_instance_uid) WHERE series_instance_uid <> '';
CREATE TABLE IF NOT EXISTS log_destinations (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
{_ROWS}{_ROWS.replace("log_transfers", "log_recent")}CREATE INDEX IF NOT EXISTS log_transfers_at ON log_transfers (at);
CREATE INDEX IF NOT EXISTS log_transfers_at_destination ON log_transfers (destination, verdict, at);
CREATE INDEX IF NOT EXISTS log_transfers_on_route ON log_transfers (route, verdict, at);
CREATE INDEX IF NOT EXISTS log_transfers_of_instance ON log_transfers (sop_instance_uid, at)
  WHERE sop_instance_uid <> '';
CREATE INDEX IF NOT EXISTS log_transfers_of_original ON log_transfers (original_hash, at)
  WHERE original_hash IS NOT NULL;
DROP INDEX IF EXISTS log_transfers_route;
DROP INDEX IF EXISTS log_transfers_destination;
DROP INDEX IF EXISTS log_transfers_not_delivered;
DROP INDEX IF EXISTS log_transfers_sop;
DROP TRIGGER IF EXISTS log_counts_insert;
CREATE TABLE IF NOT EXISTS log_instances (instance INTEGER PRIMARY KEY, series INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS log_instances_series ON log_instances (series);
"""
_MORE = """
INSERT INTO log_counts VALUES (new.route, new.verdict, new.reason, 1, new.size, new.at)
  ON CONFLICT DO UPDATE SET number = number + 1, bytes = bytes + excluded.bytes, last = max(last, excluded.last);
"""
_FEWER = """
UPDATE log_counts SET number = number - 1, bytes = bytes - old.size,
  last = CASE WHEN old.at < last THEN last ELSE coalesce(
    (SELECT at FROM log_transfers WHERE route = old.route AND verdict = old.verdict AND reason = old.reason
     ORDER BY at DESC LIMIT 1), last) END
  WHERE route = old.route AND verdict = old.verdict AND reason = old.reason;
DELETE FROM log_counts WHERE route = old.route AND verdict = old.verdict AND reason = old.reason AND number = 0;
"""
_COUNT = """
INSERT INTO log_counts
  SELECT route, verdict, reason, count(*), sum(size), max(at) FROM log_transfers GROUP BY route, verdict, reason;
"""
# What a row says anew counts in place of what it said before, which the triggers forget.
_MOVE = (
    "DELETE FROM log_transfers WHERE id IN (SELECT id FROM log_recent)",
    "INSERT INTO log_transfers SELECT * FROM log_recent ORDER BY id",
    (
        "INSERT INTO log_counts SELECT route, verdict, reason, count(*), sum(size), max(at) FROM log_recent WHERE TRUE "
        "GROUP BY route, verdict, reason ON CONFLICT DO UPDATE SET number = number + excluded.number, "
        "bytes = bytes + excluded.bytes, last = max(last, excluded.last)"
    ),
    "DELETE FROM log_recent",
)
# How many rows each route has, by verdict and reason: counting them again would take a second for a million. Triggers
# see to those that change and go; those that come are counted when they are moved.
_COUNTS = f"""
CREATE TABLE log_counts (
  route INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  number INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  last REAL NOT NULL,
  PRIMARY KEY (route, verdict, reason)
) WITHOUT ROWID;
{_COUNT}
CREATE TRIGGER log_counts_delete AFTER DELETE ON log_transfers BEGIN {_FEWER} END;
CREATE TRIGGER log_counts_update AFTER UPDATE ON log_transfers BEGIN {_FEWER} {_MORE} END;
"""
_ONE_EACH = "SELECT 1 FROM sqlite_master WHERE name = 'log_routes' AND sql LIKE '%UNIQUE (series, destination)%'"
_REBUILD = f"""
{_ROUTES.replace("log_routes", "log_routes_anew")}
INSERT INTO log_routes_anew SELECT * FROM log_routes;
DROP TABLE log_routes;
ALTER TABLE log_routes_anew RENAME TO log_routes;
"""  # noqa: S608
_HASHED = "SELECT 1 FROM pragma_table_info('{}') WHERE name = 'original_hash'"


def prepare(connection: sqlite3.Connection) -> bytes:
    """Make the tables where they are absent; the random key by which this log tells series apart."""
    if connection.execute(_ONE_EACH).fetchone() is not None:  # a series had one route to a destination
        connection.executescript(f"BEGIN; {_REBUILD} COMMIT;")
    for table in ("log_transfers", "log_recent"):
        if _is_there(connection, table) and connection.execute(_HASHED.format(table)).fetchone() is None:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN original_hash BLOB")
    connection.executescript(_TABLES)
    if not _is_there(connection, "log_counts"):
        connection.executescript(f"BEGIN; {_COUNTS} COMMIT;")
    connection.execute("INSERT OR IGNORE INTO log_secrets VALUES ('grouping', ?)", (urandom(32),))
    (key,) = connection.execute("SELECT value FROM log_secrets WHERE name = 'grouping'").fetchone()
    return bytes(key)


def _is_there(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


def move(connection: sqlite3.Connection) -> None:
    """Put recent rows where they are found."""
    for statement in _MOVE:
        connection.execute(statement)


def count_again(connection: sqlite3.Connection) -> None:
    """Count rows that something else than the recorder has written."""
    connection.executescript(f"BEGIN; DELETE FROM log_counts; {_COUNT} COMMIT;")  # noqa: S608
