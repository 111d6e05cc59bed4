# SPDX-License-Identifier: Apache-2.0
"""A running gateway: listener, spool, delivery and configuration put together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from ssl import SSLContext
from typing import Any

from dromos_crds.folders import sentence
from dromos_crds.problems import Problem
from dromos_gateway import descriptors
from dromos_gateway.clock import SteadyClock
from dromos_gateway.configuration.documents import from_rows, to_rows
from dromos_gateway.configuration.folder import Folder, Loaded
from dromos_gateway.configuration.lastusable import KeptTls
from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.configuration.tls import listener_tls
from dromos_gateway.delivery.dispatcher import Dispatcher
from dromos_gateway.delivery.figures import Figures
from dromos_gateway.dimse.acceptor import Acceptor, AcceptorLimits
from dromos_gateway.dimse.connection import Connection
from dromos_gateway.dimse.policy import Admission
from dromos_gateway.dimse.session import Session
from dromos_gateway.hosts import Hosts
from dromos_gateway.notifications.notifier import Notifier
from dromos_gateway.receiving import Receiving
from dromos_gateway.spool.spool import Spool
from dromos_gateway.tracing.setup import Traces
from dromos_gateway.transferlog.log import TransferLog

log = logging.getLogger(__name__)

POLL = 1.0  # seconds between looks at the manifests
_MOST_SAID = 5  # mistakes that are told in one line
_FEW = 32  # connections that may be open without an association, however few files may be
_OTHER_FILES = 512  # open files that are no connection of a sender's: slots, the ledger, the admin port, workers


class CannotStart(Exception):
    """The configuration as a whole does not make a gateway."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    paths: tuple[Path, ...]
    host: str
    port: int
    spool: Path
    drain_timeout: float
    token_file: Path | None = None


class Listener(Acceptor):
    """An acceptor whose certificate may be rotated, and whose associations may be traced."""

    over: Callable[[Admission | None], None] | None = None  # told of each that ends

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""
        super().closed(connection)
        if self.over is not None and isinstance(connection, Session):
            self.over(connection.admission)

    def secure(self, context: SSLContext | None, *, locked: bool) -> None:
        """Use this context from the next connection on, or take none while it is locked."""
        self._ssl, self.locked = context, locked


class Gateway:
    """Everything but the admin port, which only looks at it."""

    def __init__(
        self,
        options: Options,
        spool: Spool,
        folder: Folder,
        loaded: Loaded,
        kept_tls: KeptTls,
        traces: Traces | None = None,
    ) -> None:
        self._options = options
        self._folder = folder
        self._kept_tls = kept_tls
        self._clock = SteadyClock()
        self._tasks: list[asyncio.Task[None]] = []
        self._hosts = Hosts()
        self.spool = spool
        self.loaded = loaded
        self.reload_problem: str | None = None
        self.ready = False
        self._traces = traces
        receiving, figures = traces.parts() if traces is not None else (Receiving, Figures)
        self.receiving = receiving(spool, loaded.configuration, self._hosts, self._clock)
        self.transfer_log = TransferLog(spool, loaded.configuration, self._clock)
        self.notifier = Notifier(spool, self.transfer_log.recorder, loaded.configuration, self._clock, Random())  # noqa: S311
        self.dispatcher = Dispatcher(spool, self._clock, figures=figures)
        self.acceptor = Listener(self.receiving, _limits(loaded.configuration))
        self.acceptor.secure(_listener_tls(loaded.configuration), locked=loaded.configuration.locked)
        self.acceptor.over = traces.spans.association_over if traces is not None else None
        self.receiving.senders = self.acceptor.senders

    def now(self) -> float:
        """The time that everything here goes by; the wall clock may jump."""
        return self._clock()

    @property
    def configuration(self) -> Configuration:
        """What is in force."""
        return self.loaded.configuration

    @classmethod
    async def open(cls, options: Options, traces: Traces | None = None) -> Gateway:
        """Read manifests and spool. OSError: unreadable paths; CannotStart, SpoolBusy, SpoolIncompatible."""
        folder = Folder(options.paths)
        folder.digest()  # unreadable paths end here, before a spool is made
        spool = Spool(options.spool, limit=None)
        try:
            kept_tls = KeptTls(options.spool / "listener-tls", _token(options.token_file))
            folder = Folder(options.paths, from_rows(spool.accepted()), kept_tls.read())
            loaded = await asyncio.to_thread(folder.load)
            _check(loaded.configuration)
            spool.space.limit = sum(node.spool_size for node in loaded.configuration.nodes.values())
            gateway = cls(options, spool, folder, loaded, kept_tls, traces)  # who keeps a log hears what is recovered
            spool.recover(time.time())
            folder.accept(loaded)
            await gateway.remember(loaded)
            return gateway
        except BaseException:
            await spool.close()
            raise

    async def start(self) -> None:
        """Serve. OSError when the address cannot be bound."""
        await self._hosts.want(_hostnames(self.configuration))
        await self.dispatcher.start(self.configuration)
        await self.acceptor.start(self._options.host, self._options.port)
        self._tasks = [
            _spawn(self._watch()),
            _spawn(self._hosts.keep_fresh()),
            _spawn(self.transfer_log.keep_small()),
            _spawn(self.notifier.run()),
        ]
        self.ready = True
        nodes = sorted(self.configuration.nodes)
        log.info("listening", extra={"host": self._options.host, "port": self.acceptor.port, "ae_titles": nodes})

    async def stop(self) -> None:
        """Refuse new associations, finish open ones, leave the rest on disk."""
        self.ready = False
        self.receiving.draining = True
        for task in self._tasks:
            task.cancel()
        # receiving may take most of the time there is: what is not sent is safe on the disk
        async with asyncio.TaskGroup() as group:
            group.create_task(self.acceptor.drain(self._options.drain_timeout))
            group.create_task(self.dispatcher.stop(self._options.drain_timeout))
        await self.spool.close()
        self.transfer_log.close()
        self.notifier.close()
        if self._traces is not None:
            await self._traces.close()
        log.info("stopped")

    async def _watch(self) -> None:
        """Follow the manifests; whatever is wrong with them, the gateway goes on with what it has."""
        while True:
            await asyncio.sleep(POLL)
            try:
                await self._reload()
            except OSError as error:
                self._report(f"the manifests cannot be read: {sentence(error)}")
            except Exception:
                log.exception("reloading failed")
                self._report("reloading failed; the log says why")

    async def _reload(self) -> None:
        digest = await asyncio.to_thread(self._folder.digest)
        if digest == self.configuration.hash:
            self.reload_problem = None
            return
        loaded = await asyncio.to_thread(self._folder.load)
        if not self._folder.believes(loaded):
            return
        try:
            _check(loaded.configuration)
        except CannotStart as error:
            self._report(str(error))
            return
        await self._hosts.want(_hostnames(loaded.configuration))
        self._folder.accept(loaded)
        await self.remember(loaded)
        self.spool.space.limit = sum(node.spool_size for node in loaded.configuration.nodes.values())
        self.acceptor.limits = _limits(loaded.configuration)
        self.acceptor.secure(_listener_tls(loaded.configuration), locked=loaded.configuration.locked)
        self.receiving.configuration = loaded.configuration
        self.transfer_log.apply(loaded.configuration)
        self.notifier.apply(loaded.configuration)
        await self.dispatcher.apply(loaded.configuration)
        self.loaded, self.reload_problem = loaded, None
        log.info("configuration in force", extra={"hash": loaded.configuration.hash})
        for problem in loaded.configuration.problems:
            log.warning("problem in the manifests", extra={"problem": str(problem)})

    async def remember(self, loaded: Loaded) -> None:
        """Keep for a restart what broken documents and unusable certificates fall back on."""
        await self.spool.remember_accepted(to_rows(loaded.documents))
        try:
            await asyncio.to_thread(self._kept_tls.keep, tuple(loaded.configuration.nodes.values()))
        except OSError as error:
            log.warning("the listener's certificate is not kept for a restart", extra={"error": sentence(error)})

    def _report(self, problem: str) -> None:
        if problem != self.reload_problem:
            log.error("the last good configuration stays in force", extra={"problem": problem})
        self.reload_problem = problem

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong now."""
        if self.reload_problem is None:
            return self.configuration.problems
        return (*self.configuration.problems, Problem(self.reload_problem, "ReloadFailed"))


def _check(configuration: Configuration) -> None:
    if not configuration.nodes:
        wrong = [str(problem) for problem in configuration.problems[:_MOST_SAID]]
        raise CannotStart("; ".join(["there is no valid ForwardNode, so nobody could send anything here", *wrong]))
    clashes = [problem for problem in configuration.problems if problem.reason == "Conflict"]
    if clashes:
        raise CannotStart("; ".join(str(problem) for problem in clashes))


def _limits(configuration: Configuration) -> AcceptorLimits:
    nodes = configuration.nodes.values()
    associations = sum(node.associations for node in nodes)
    files = descriptors.provide() - 2 * associations - _OTHER_FILES  # an association has a socket and an object's file
    return AcceptorLimits(
        associations=associations,
        connections=max(_FEW, min(AcceptorLimits().connections, files)),
        idle_timeout=max(node.idle_timeout for node in nodes),
    )


def _listener_tls(configuration: Configuration) -> SSLContext | None:
    material = next((node.tls for node in configuration.nodes.values() if not node.locked), None)
    return listener_tls(material) if material is not None else None


def _token(file: Path | None) -> bytes:
    try:
        return file.read_bytes().strip() if file is not None else b""
    except OSError:
        return b""


def _hostnames(configuration: Configuration) -> set[str]:
    return {
        source.hostname
        for node in configuration.nodes.values()
        for source in node.sources
        if source.hostname is not None
    }


def _spawn(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(coroutine)
