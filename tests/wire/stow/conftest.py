# SPDX-License-Identifier: Apache-2.0
"""Instances to send, and clients that end with their test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.dimse.requestor import StoredObject
from dromos_gateway.stow.client import Attempt, Endpoint, StowClient, studies_url
from dromos_gateway.web.authorization import Authorization, Fixed
from dromos_gateway.web.client import Timeouts, open_client
from tests.wire.gateway.conftest import gateway, receiver
from tests.wire.gateway.peers import make_study

__all__ = ["gateway", "receiver"]

# long enough for a machine that is busy with something else
QUICK = Timeouts(connect=15.0, send=15.0, answer=15.0, body=15.0, pool=15.0)
IMPATIENT = Timeouts(connect=2.0, send=1.0, answer=1.0, body=2.0, pool=2.0)


def attempts(folder: Path) -> list[Attempt]:
    """The files of a folder, each on its first attempt."""
    found = []
    for path in sorted(folder.iterdir()):
        head = read_head(path)
        found.append(
            Attempt(
                StoredObject(
                    path, head.data_set_offset, head.sop_class_uid, head.sop_instance_uid, head.transfer_syntax_uid
                )
            )
        )
    return found


@pytest.fixture
def batch(tmp_path: Path) -> list[Attempt]:
    """Three instances of one study."""
    return attempts(make_study(tmp_path / "study", 3, pixels=2048))


def uids(batch: list[Attempt]) -> list[str]:
    return [attempt.stored.sop_instance_uid for attempt in batch]


@pytest_asyncio.fixture
async def stow() -> AsyncIterator[Callable[..., StowClient]]:
    """Makes clients."""
    made: list[StowClient] = []

    def make(url: str, *, authorization: Authorization | None = None, timeouts: Timeouts = QUICK,
             headers: tuple[tuple[str, str], ...] = (), context: Any = None, **options: Any) -> StowClient:  # fmt: skip
        client = open_client(context=context, timeouts=timeouts)
        endpoint = Endpoint(studies_url(url), headers)
        made.append(StowClient(endpoint, client, authorization or Fixed(), lambda: secrets.token_hex(16), **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()
