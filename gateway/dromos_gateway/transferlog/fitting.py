# SPDX-License-Identifier: Apache-2.0
"""Which series at which destinations a question's identifiers fit, as they came in or as they went out.

A patient may be called ANON in half of the log. So of each identifier no more is read than one question may be about;
the one that says most is followed, and what it leads to is held against the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from dromos_gateway.transferlog.questions import Question
from dromos_gateway.transferlog.sealing import Seal


def fitting(
    connection: sqlite3.Connection, question: Question, seals: Mapping[str, Seal], most: int
) -> tuple[list[int], bool]:
    """Numbers of routes, the newest first, and whether these are all."""
    named = [_routes(connection, name, value, seals, most) for name, value in question.identifiers.items()]
    routes, complete = min(named, key=lambda each: (not each[1], len(each[0])))
    return _agreeing(connection, routes, question, seals), complete


def _routes(
    connection: sqlite3.Connection, name: str, value: str, seals: Mapping[str, Seal], most: int
) -> tuple[list[int], bool]:
    """The newest routes that one identifier fits."""
    found = [
        connection.execute(
            f"SELECT id FROM log_routes WHERE {name} = ? AND {name} <> '' ORDER BY id DESC LIMIT ?",  # noqa: S608
            (value, most + 1),
        ).fetchall()
    ]
    column = _hash_of(name)
    for node, seal in seals.items():
        found.append(
            connection.execute(
                "SELECT r.id FROM log_series s CROSS JOIN log_routes r ON r.series = s.id "  # noqa: S608
                f"WHERE s.{column} = ? AND s.{column} IS NOT NULL AND s.node = ? ORDER BY s.id DESC LIMIT ?",
                (seal.lookup(name, value), node, most + 1),
            ).fetchall()
        )
    routes = sorted({number for rows in found for (number,) in rows}, reverse=True)
    return routes[:most], len(routes) <= most


def _agreeing(
    connection: sqlite3.Connection, routes: list[int], question: Question, seals: Mapping[str, Seal]
) -> list[int]:
    """Those routes that the question's other identifiers and its destination fit too."""
    where, values = [f"r.id IN ({','.join('?' * len(routes))})"], list[object](routes)
    for name, value in question.identifiers.items():
        any_of, column = [f"r.{name} = ?"], _hash_of(name)
        values.append(value)
        for node, seal in seals.items():
            any_of.append(f"(s.node = ? AND s.{column} = ?)")
            values += (node, seal.lookup(name, value))
        where.append(f"({' OR '.join(any_of)})")
    if question.destination:
        where.append("r.destination = ?")
        values.append(question.destination)
    rows = connection.execute(
        "SELECT r.id FROM log_routes r CROSS JOIN log_series s ON s.id = r.series "  # noqa: S608
        f"WHERE {' AND '.join(where)} ORDER BY r.id DESC",
        values,
    )
    return [number for (number,) in rows]


def _hash_of(name: str) -> str:
    return f"{name.split('_')[0]}_hash"
