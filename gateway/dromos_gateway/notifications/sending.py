# SPDX-License-Identifier: Apache-2.0
"""Mails over SMTP (RFC 5321, RFC 3207, RFC 8314) and reports to webhooks. Errors never hold an address or a value."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping, Sequence
from email.message import EmailMessage
from typing import NamedTuple

import aiosmtplib
from aiohttp import BasicAuth, ClientError, ClientSession, ClientTimeout

from dromos_gateway.configuration.settings import SMTPSettings, WebhookSettings
from dromos_gateway.notifications.content import Report, to_json

_TIMEOUT = 30.0
_LONGEST = 120.0  # seconds for a mail with all its commands
_FOR_GOOD = 500  # codes from here on (RFC 5321 4.2.1)
_OF_CREDENTIALS = (530, 534, 535, 538)  # which are rotated (RFC 4954)
_CALL_AGAIN = (401, 403, 407, 408, 421, 425, 429)  # answers to a call that may be another one soon


class NotSent(Exception):
    """It did not arrive, and may be tried again; the message is fit for a log.

    `for_good`: whoever was asked says that there is no use in that.
    """

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good


class NobodyTook(NotSent):
    """The relay refused every recipient."""

    def __init__(self, codes: Collection[int]) -> None:
        for_good = bool(codes) and all(code >= _FOR_GOOD for code in codes)
        super().__init__(f"SMTPRecipientsRefused {min(codes, default=0)}", for_good=for_good)


class Refused(NamedTuple):
    """Recipients for whom the relay did not take a mail that it took for others."""

    for_now: Sequence[str]
    for_good: int


async def send_mail(message: EmailMessage, recipients: Sequence[str], smtp: SMTPSettings) -> Refused:
    """Hand a mail to the relay. NotSent when it took it for nobody."""
    try:
        async with asyncio.timeout(_LONGEST):
            refused = await _hand_over(message, recipients, smtp)
    except aiosmtplib.SMTPRecipientsRefused as error:
        raise NobodyTook([each.code for each in error.recipients]) from None
    except aiosmtplib.SMTPResponseException as error:
        for_good = error.code >= _FOR_GOOD and error.code not in _OF_CREDENTIALS
        raise NotSent(f"{type(error).__name__} {error.code}", for_good=for_good) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(_said(error)) from None
    for_now = [each for each in recipients if each in refused and refused[each] < _FOR_GOOD]
    return Refused(for_now, len(refused) - len(for_now))


async def _hand_over(message: EmailMessage, recipients: Sequence[str], smtp: SMTPSettings) -> Mapping[str, int]:
    """The codes of recipients that were refused."""
    refused, _ = await aiosmtplib.send(
        message,
        recipients=list(recipients),
        sender=smtp.sender,
        hostname=smtp.host,
        port=smtp.port,
        use_tls=smtp.security == "TLS",
        start_tls=smtp.security == "StartTLS",
        tls_context=ssl.create_default_context() if smtp.security != "None" else None,
        username=smtp.username or None,
        password=smtp.password or None,
        timeout=_TIMEOUT,
    )
    return {address: response.code for address, response in refused.items()}


async def post(report: Report, message_id: str, webhook: WebhookSettings) -> None:
    """Post a report as JSON. NotSent for every answer but 2xx."""
    headers = {"Idempotency-Key": message_id.strip("<>")}
    if webhook.token:
        headers["Authorization"] = f"Bearer {webhook.token}"
    login = webhook.username and not webhook.token  # a Secret may have both; the token goes first
    auth = BasicAuth(webhook.username, webhook.password) if login else None
    try:
        async with (
            ClientSession(timeout=ClientTimeout(_TIMEOUT), auth=auth, trust_env=True) as session,
            session.post(webhook.url, json=to_json(report), headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                for_good = 400 <= answer.status < 500 and answer.status not in _CALL_AGAIN
                raise NotSent(f"HTTP {answer.status}", for_good=for_good)
    except (ClientError, OSError, TimeoutError) as error:
        raise NotSent(_said(error)) from None


def _said(error: BaseException) -> str:
    """What kind of failure it was; TLS failures say why."""
    cause: BaseException | None = error
    while cause is not None:
        # aiohttp's own error is one too, and doesn't have the words of the one that it stands for
        if isinstance(cause, ssl.SSLCertVerificationError) and (why := getattr(cause, "verify_message", "")):
            return f"certificate: {why}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
