# SPDX-License-Identifier: Apache-2.0
"""Who sends just now: those that said something lately, counted now and then."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from dromos_gateway.dimse.acceptor import Acceptor


class Quiet(SimpleNamespace):
    """An association that has been silent for a while."""

    __hash__ = object.__hash__


async def test_idle_associations_do_not_send(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    acceptor: Any = Acceptor(None)  # type: ignore[arg-type]
    acceptor._associations = {Quiet(idle_for=seconds): 0.0 for seconds in (0.0, 0.01, 0.2, 30.0)}
    assert acceptor.senders() == 2
    acceptor._associations = {}
    now[0] += 0.01
    assert acceptor.senders() == 2
    now[0] += 0.1
    assert acceptor.senders() == 0
