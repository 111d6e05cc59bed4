# SPDX-License-Identifier: Apache-2.0
"""Asking a running gateway at its admin port, for the commands that do.

In a pod nothing has to be given: the pod's environment names the file with its token.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dromos_gateway.admin.headers import NEXT
from dromos_gateway.commands.calling import address

TOKEN_FILE_VARIABLE = "DROMOS_ADMIN_TOKEN_FILE"  # noqa: S105 - the name of a variable
_TIMEOUT = 30.0


class NoGateway(Exception):
    """Nobody answers, or not as a gateway does."""


class Refused(Exception):
    """The gateway says no; the message is its own."""


def add_admin_arguments(parser: argparse.ArgumentParser) -> None:
    """--admin and --admin-token-file."""
    parser.add_argument(
        "--admin", metavar="HOST:PORT", type=address, default=("127.0.0.1", 8080),
        help="the gateway's admin port (default 127.0.0.1:8080)",
    )  # fmt: skip
    file = os.environ.get(TOKEN_FILE_VARIABLE)
    parser.add_argument(
        "--admin-token-file", metavar="FILE", type=Path, default=Path(file) if file else None,
        help=f"its bearer token, where it wants one (default ${TOKEN_FILE_VARIABLE})",
    )  # fmt: skip


def answered(command: str, act: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """The exit code of what asks; where nobody answers 2, where the gateway refuses 1, and why on standard error."""
    try:
        return act(arguments)
    except (NoGateway, Refused) as error:
        print(f"dromos {command}: {error}", file=sys.stderr)
        return 2 if isinstance(error, NoGateway) else 1


def ask(arguments: argparse.Namespace, method: str, path: str) -> Any:
    """What the gateway answers, as JSON. NoGateway, Refused."""
    try:
        return json.loads(ask_text(arguments, method, path))
    except ValueError as error:
        raise _nobody(arguments, error) from None


def ask_text(arguments: argparse.Namespace, method: str, path: str) -> str:
    """What the gateway answers, as it is. NoGateway, Refused."""
    return _answer(arguments, method, path)[0]


def ask_table(arguments: argparse.Namespace, path: str) -> tuple[str, str | None]:
    """A table, and where the next one begins if there is more. NoGateway, Refused."""
    return _answer(arguments, "GET", path, NEXT)


def _answer(arguments: argparse.Namespace, method: str, path: str, header: str = "") -> tuple[str, str | None]:
    host, port = arguments.admin
    headers = {}
    if arguments.admin_token_file is not None:
        try:
            headers["Authorization"] = f"Bearer {arguments.admin_token_file.read_text().strip()}"
        except OSError as error:
            raise NoGateway(f"{arguments.admin_token_file}: {error.strerror}") from None
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise _nobody(arguments, error) from None
    finally:
        connection.close()
    if response.status != 200:
        raise Refused(_objection(body) or f"the gateway answered {response.status}")
    return body, response.headers.get(header)


def _objection(body: str) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _nobody(arguments: argparse.Namespace, error: Exception) -> NoGateway:
    host, port = arguments.admin
    reason = getattr(error, "strerror", None) or error
    return NoGateway(f"no gateway answers at {host}:{port}: {reason}; is `dromos run` up, and is that its --admin?")
