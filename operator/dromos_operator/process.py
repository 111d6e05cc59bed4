# SPDX-License-Identifier: Apache-2.0
"""The operator's process: puts the parts together, starts them in order, stops them in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Coroutine

from dromos_operator.engine import resync
from dromos_operator.engine.acks import Acknowledgements
from dromos_operator.engine.queue import WorkQueue
from dromos_operator.engine.store import Store
from dromos_operator.engine.watch import Intake, watch
from dromos_operator.engine.worker import Worker
from dromos_operator.kinds import Key
from dromos_operator.kube.official import OfficialClient
from dromos_operator.kube.writer import Writer
from dromos_operator.server import serve
from dromos_operator.settings import Settings

log = logging.getLogger(__name__)

WORKERS = 4
END_ATTEMPTS = 5


async def operate(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; 1 when a part ended by itself."""
    loop = asyncio.get_running_loop()
    stop, watching = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):  # kopf takes them over once it runs, and does the same
        loop.add_signal_handler(number, stop.set)
    store, queue = Store(), WorkQueue[Key]()
    client = await OfficialClient.connect()
    acks = Acknowledgements(queue.add, time.monotonic)
    writer = Writer(client, store.put, time.monotonic)
    worker = Worker(settings, store, queue, client, writer, acks)
    tasks: list[asyncio.Task[None]] = []

    def is_alive() -> bool:
        return not any(task.done() for task in tasks)

    server = await serve(settings.listen, is_alive, lambda: watching.is_set() and is_alive())
    try:
        if not await _unless(stop, resync.seed(store, client, settings.watch_namespaces)):
            return 0
        for key in resync.everything(store):
            queue.add(key)
        intake = Intake(store, queue, writer.forget)
        tasks += [asyncio.create_task(worker.run(), name=f"worker {number}") for number in range(WORKERS)]
        tasks.append(asyncio.create_task(resync.resync(store, client, queue, settings.watch_namespaces), name="resync"))
        tasks.append(asyncio.create_task(watch(intake, settings.watch_namespaces, watching, stop), name="watch"))
        log.info("started")
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return _verdict(tasks)
    finally:
        stop.set()
        await _end(tasks)
        await acks.close()
        await client.close()
        await server.cleanup()


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do the work unless told to stop; whether it was done."""
    doing = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((doing, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if doing.done():
        await doing
        return True
    doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing
    return False


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel what still runs, again if need be: libraries below may lose a cancellation."""
    for _ in range(END_ATTEMPTS):
        running = [task for task in tasks if not task.done()]
        if not running:
            return
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=2)
    log.error("not everything ended")


def _verdict(tasks: list[asyncio.Task[None]]) -> int:
    for task in tasks:
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None or (task.done() and task.get_name() != "watch"):
            log.error("a part of the operator ended", exc_info=error, extra={"object": task.get_name()})
            return 1
    log.info("stopped")
    return 0
