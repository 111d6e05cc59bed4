# SPDX-License-Identifier: Apache-2.0
"""A relay for those who do not care which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.wire.notifications.relays import Mailbox, Scripted


@pytest.fixture
def relay() -> Iterator[Scripted]:
    controller = Scripted(Mailbox())
    controller.start()
    yield controller
    controller.stop()
