# SPDX-License-Identifier: Apache-2.0
"""The mail relay of ForwardNodes that name none: from the chart's value `smtp`, its login from a mounted Secret."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from dromos_crds.forwardnode import SMTP
from dromos_crds.refusals import dotted, explain
from dromos_operator.errors import SettingsError

log = logging.getLogger(__name__)

VARIABLE = "DROMOS_SMTP"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay and how to log in."""

    host: str
    port: int
    security: str
    sender: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse(text: str) -> SMTP | None:
    """The value as JSON, in the form of a ForwardNode's spec.smtp; None when there is none. SettingsError."""
    if text.strip() in ("", "{}", "null"):
        return None
    try:
        return SMTP.model_validate_json(text)
    except ValidationError as error:
        said = "; ".join(f"{dotted(each.path)}: {each.sentence}" for each in explain(error, SMTP))
        raise SettingsError(f"{VARIABLE} (the chart's value smtp) is no relay: {said}") from None


def current(smtp: SMTP | None, login: Path | None) -> Relay | None:
    """The relay with its login as it is now: a mounted Secret changes while the operator runs."""
    if smtp is None:
        return None
    username, password = ("", "") if login is None else (_read(login / name) for name in ("username", "password"))
    return Relay(smtp.host, smtp.port, smtp.security, smtp.sender, username, password)


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError) as error:  # images do not wait for a mail relay: only mails do
        log.warning(
            "the login of the mail relay cannot be read", extra={"key": path.name, "type": type(error).__name__}
        )
        return ""
