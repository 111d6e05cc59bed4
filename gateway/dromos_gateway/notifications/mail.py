# SPDX-License-Identifier: Apache-2.0
"""A report as a mail: subject, text, HTML. Values come from images and are treated as hostile."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.header import Header
from email.headerregistry import BaseHeader, HeaderRegistry, UniqueUnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import cache

from jinja2 import PackageLoader
from jinja2.sandbox import SandboxedEnvironment

from dromos_crds.expressions import Mistake
from dromos_crds.javaformat import compile_format
from dromos_gateway.configuration.settings import NotificationSettings
from dromos_gateway.notifications.content import Outcome, Report, joined

_LONGEST_SUBJECT = 250
_LONGEST_VALUE = 256
_MOST_SERIES = 200  # rows of a mail, which people read and relays limit
_UID = re.compile(r"[0-9.]{1,64}", re.ASCII)
# line ends and their like, marks of direction, and halves of characters
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff]+"
)
_FALLBACK = "Dromos notification"


class _Subject(UniqueUnstructuredHeader, BaseHeader):  # type: ignore[misc]  # the stubs' types of `max_count` differ
    """A subject whose words stay apart. The library folds between words, and what lies between two encoded words is
    none of them (RFC 2047 6.2); here it is in one."""

    def fold(self, *, policy: Policy) -> str:
        text = str(self)
        if text.isascii():
            return super().fold(policy=policy)
        encoded = Header(text, "utf-8", header_name=self.name).encode(linesep=policy.linesep)
        return f"{self.name}: {encoded}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("subject", _Subject)
_POLICY = SMTP.clone(header_factory=_HEADERS)


def compose(report: Report, settings: NotificationSettings, sender: str, message_id: str, at: float) -> EmailMessage:
    """The message, the same for the same report whenever it is sent."""
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = subject(report, settings)
    message["From"] = sender
    message["To"] = ", ".join(settings.recipients)
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices, please
    message.set_content(_render("report.txt", report))
    message.add_alternative(_render("report.html", report), subtype="html")
    return message


def subject(report: Report, settings: NotificationSettings) -> str:
    """Prefix and pattern; one line of bounded length whatever the values are."""
    pattern = compile_format(settings.subject_pattern, len(settings.subject_values))
    values = [clean(report.study.get(keyword, "")) for keyword in settings.subject_values]
    text = _FALLBACK if isinstance(pattern, Mistake) else pattern.format(values)
    prefix = {
        Outcome.FAILED: settings.error_subject_prefix,
        Outcome.REJECTED: settings.rejection_subject_prefix,
        Outcome.SENT: "",
    }[report.outcome]
    line = clean(f"{prefix} {text}" if prefix else text, _LONGEST_SUBJECT)
    return line.replace("=?", "= ?")  # an encoded word (RFC 2047) would be decoded, line ends and all


def clean(text: str, longest: int = _LONGEST_VALUE) -> str:
    """Without control characters, and not longer than a person reads."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def date_time(date: str, time: str = "") -> str:
    """DA and TM as people write them: dd/MM/yyyy HH:mm:ss; what is neither stays as it is."""
    if not re.fullmatch(r"[0-9]{8}", date):
        return clean(date)
    shown = f"{date[6:]}/{date[4:6]}/{date[:4]}"
    if re.fullmatch(r"[0-9]{6}(\.[0-9]{1,6})?", time):
        shown += f" {time[:2]}:{time[2:4]}:{time[4:]}"
    return shown


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        loader=PackageLoader("dromos_gateway.notifications", "templates"),
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clean=clean, joined=joined)
    environment.globals["date_time"] = date_time
    return environment


def _render(template: str, report: Report) -> str:
    rows = report.series
    if len(rows) > _MOST_SERIES:  # the transfer log has them all: what went wrong is told first
        rows = tuple(sorted(rows, key=lambda each: (not each.failed, not each.excluded))[:_MOST_SERIES])
    named = report.study.get("StudyInstanceUID", "")
    # somebody pastes the command into a shell: what is no UID does not belong there
    asked = f"dromos transfers --study {named}" if _UID.fullmatch(named) else "dromos transfers"
    more = len(report.series) - len(rows)
    return _environment().get_template(template).render(report=report, rows=rows, more=more, asked=asked)
