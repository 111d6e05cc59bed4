# SPDX-License-Identifier: Apache-2.0
"""Every wire test runs in both event loops."""

import asyncio

import uvloop


def pytest_asyncio_loop_factories(config, item):
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
