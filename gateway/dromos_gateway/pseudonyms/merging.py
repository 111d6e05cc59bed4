# SPDX-License-Identifier: Apache-2.0
"""An import into a CSV text: all rows or none, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from dromos_crds.pseudonyms.csvstore import CSVStore
from dromos_crds.pseudonyms.table import MOST_PROBLEMS, LineProblem, Row, TableRefused
from dromos_gateway.pseudonyms.redisstore import CONFLICTS, Imported

MOST_BYTES = 800_000  # a Secret ends at 1 MiB, and goes to the pods as a manifest, with others of its kind


def merged(store: CSVStore, rows: Sequence[Row]) -> tuple[bytes, Imported]:
    """The text with the rows, and what that changed. TableRefused, with the rows' lines."""
    problems: list[LineProblem] = []
    added: list[Row] = []
    for row in rows:
        stored, owner = store.find(row.entry.patient), store.of_pseudonym(row.entry.pseudonym)
        if stored is not None and stored != row.entry.pseudonym:
            problems.append(LineProblem(row.first_line, CONFLICTS["patient"]))
        elif owner is not None and owner.patient != row.entry.patient:
            problems.append(LineProblem(row.first_line, CONFLICTS["pseudonym"]))
        elif stored is None:
            added.append(row)
    if problems:
        raise TableRefused(problems[:MOST_PROBLEMS], max(len(problems) - MOST_PROBLEMS, 0))
    try:
        content = store.with_entries([row.entry for row in added])
    except ValueError as error:
        raise TableRefused([LineProblem(rows[0].first_line, str(error))]) from None
    if added and len(content) > MOST_BYTES:
        hint = f"{MOST_BYTES} are possible in a Secret; keep them in Redis, with spec.pseudonyms.redis"
        raise TableRefused([LineProblem(added[-1].first_line, f"the table would have {len(content)} bytes; {hint}")])
    return content, Imported(len(added), len(rows) - len(added))
