# SPDX-License-Identifier: Apache-2.0
"""Run a gateway from manifests: files or folders with ForwardNodes, Destinations, Projects, Secrets and ConfigMaps.

Reloads when they change. SIGTERM drains: open associations are finished, what is not delivered stays in the spool.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import NoReturn

import uvloop

from dromos_crds.folders import sentence
from dromos_gateway import logs
from dromos_gateway.admin.server import AdminServer
from dromos_gateway.collecting import collect_seldom
from dromos_gateway.gateway import CannotStart, Gateway, Options
from dromos_gateway.hosts import LOOKUPS
from dromos_gateway.spool.schema import SpoolIncompatible
from dromos_gateway.spool.spool import SpoolBusy
from dromos_gateway.tracing.setup import from_environment

log = logging.getLogger(__name__)

_SWITCH = 0.0005  # seconds; the committer, back from a sync, must not wait 5 ms for its turn


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="manifest file or folder")
    parser.add_argument(
        "--listen", metavar="HOST:PORT", type=_address, default=("", 11112),
        help="DICOM listener; without HOST on every address, port 0 chooses a free one (default :11112)",
    )  # fmt: skip
    parser.add_argument(
        "--admin", metavar="HOST:PORT", type=_address, default=("127.0.0.1", 8080),
        help="health, metrics, queues (default 127.0.0.1:8080)",
    )  # fmt: skip
    parser.add_argument("--admin-token-file", metavar="FILE", type=Path, help="bearer token; without one loopback only")
    parser.add_argument("--spool", metavar="DIR", type=Path, default=Path("dromos-spool"), help="made when absent")
    parser.add_argument("--drain-timeout", metavar="SECONDS", type=_seconds, default=30.0, help="(default 30)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    logs.set_up()
    sys.setswitchinterval(_SWITCH)
    for name, value in LOOKUPS.items():
        os.environ.setdefault(name, value)
    try:
        return uvloop.run(_serve(arguments))
    except KeyboardInterrupt:
        return 0


async def _serve(arguments: argparse.Namespace) -> int:
    host, port = arguments.listen
    paths, token_file = tuple(arguments.paths), arguments.admin_token_file
    options = Options(paths, host, port, arguments.spool, arguments.drain_timeout, token_file)
    try:
        gateway = await Gateway.open(options, from_environment(os.environ))
    except (CannotStart, SpoolBusy, SpoolIncompatible) as error:
        return _fail(str(error), 1)
    except sqlite3.Error as error:
        return _fail(_unusable(arguments.spool, error), 1)
    except OSError as error:
        return _fail(sentence(error), 2)
    admin = AdminServer(gateway, arguments.admin_token_file)
    for problem in gateway.configuration.problems:
        log.warning("problem in the manifests", extra={"problem": str(problem)})
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    option, address = "--listen", arguments.listen
    try:
        await gateway.start()
        option, address = "--admin", arguments.admin
        await admin.start(*address)
    except sqlite3.Error as error:
        return _fail(_unusable(arguments.spool, error), 1)
    except OSError as error:
        await gateway.stop()
        return _fail(f"cannot listen on {address[0]}:{address[1]}, see {option}: {error.strerror or error}", 1)
    collect_seldom()
    log.info("admin port open", extra={"host": arguments.admin[0], "port": admin.port})
    await stopping.wait()
    log.info("stopping", extra={"seconds": arguments.drain_timeout})
    await gateway.stop()
    await admin.close()
    return _leave()


def _leave() -> NoReturn:
    """End now, with all written: a thread that asks a dead name server or mail relay would keep us for a minute."""
    logging.shutdown()
    os._exit(0)


def _unusable(spool: Path, error: sqlite3.Error) -> str:
    return (
        f"the ledger of the spool {spool} cannot be used: {error}. Mend the disk or bring back a copy; to begin anew, "
        f"move the whole folder away: what it held is not forwarded then"
    )


def _fail(message: str, code: int) -> int:
    log.error("cannot start", extra={"error": message})
    if sys.stderr.isatty():
        print(f"dromos run: {message}", file=sys.stderr)
    return code


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 0.0.0.0:11112")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


if __name__ == "__main__":  # how the demo and the tests start a gateway of this very environment
    _parser = argparse.ArgumentParser(prog="dromos run", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
