# SPDX-License-Identifier: Apache-2.0
"""The tables of windows and outbox."""

from __future__ import annotations

import sqlite3

_TABLES = """
CREATE TABLE IF NOT EXISTS notice_windows (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  node TEXT NOT NULL,
  source TEXT NOT NULL,
  study BLOB NOT NULL,
  opened_at REAL NOT NULL,
  last_at REAL NOT NULL,
  UNIQUE (destination, source, study)
);
CREATE TABLE IF NOT EXISTS notice_series (
  window INTEGER NOT NULL REFERENCES notice_windows (id),
  route INTEGER NOT NULL,
  delivered INTEGER NOT NULL DEFAULT 0,
  excluded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  sop_classes TEXT NOT NULL DEFAULT '[]',
  reasons TEXT NOT NULL DEFAULT '{}',
  PRIMARY KEY (window, route)
);
CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  way TEXT NOT NULL CHECK (way IN ('mail', 'webhook')),
  destination TEXT NOT NULL,
  message_id TEXT NOT NULL,
  created_at REAL NOT NULL,
  due REAL NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  content TEXT NOT NULL,
  recipients TEXT
);
CREATE INDEX IF NOT EXISTS outbox_lanes ON outbox (way, destination, due);
"""
_COLUMNS = "SELECT name FROM pragma_table_info('outbox')"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where they are absent."""
    connection.executescript(_TABLES)
    if ("recipients",) not in connection.execute(_COLUMNS).fetchall():  # once all of them got a mail, or none
        connection.execute("ALTER TABLE outbox ADD COLUMN recipients TEXT")
