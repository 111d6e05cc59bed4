# SPDX-License-Identifier: Apache-2.0
"""From a Destination's notifications and its ForwardNode's mail relay to settings."""

from __future__ import annotations

from collections.abc import Iterable

from dromos_crds import credentials
from dromos_crds.destination import Notifications, Webhook
from dromos_crds.forwardnode import SMTP
from dromos_crds.quantities import parse_duration
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import NotificationSettings, SMTPSettings, WebhookSettings


def smtp_settings(namespace: str, smtp: SMTP, references: References) -> SMTPSettings:
    """The relay and its credentials. Unresolved."""
    username = password = ""
    if smtp.secret_ref is not None:
        name, field = smtp.secret_ref.name, "spec.smtp.secretRef.name"
        username = references.credential(namespace, name, "username", field, credentials.line)
        password = references.credential(namespace, name, "password", field, credentials.line)
    return SMTPSettings(smtp.host, smtp.port, smtp.security, smtp.sender, username, password)


def notification_settings(
    namespace: str, wanted: Notifications, smtp: SMTPSettings | None, references: References
) -> NotificationSettings | None:
    """Who is told; None when nobody is. Unresolved."""
    webhook = None
    if wanted.webhook is not None:
        webhook = WebhookSettings(wanted.webhook.url, **_held(namespace, wanted.webhook, references))
    if not wanted.recipients and webhook is None:
        return None
    return NotificationSettings(
        recipients=_once(wanted.recipients),
        error_subject_prefix=wanted.error_subject_prefix,
        rejection_subject_prefix=wanted.rejection_subject_prefix,
        subject_pattern=wanted.subject_pattern,
        subject_values=wanted.subject_values,
        interval=parse_duration(wanted.interval),
        smtp=smtp,
        webhook=webhook,
    )


def _once(addresses: Iterable[str]) -> tuple[str, ...]:
    """Each mailbox once. How a domain is written makes no other one (RFC 5321 2.4)."""
    known: dict[tuple[str, str], str] = {}
    for address in addresses:
        name, _, domain = address.rpartition("@")
        known.setdefault((name, domain.lower()), address)
    return tuple(known.values())


def _held(namespace: str, webhook: Webhook, references: References) -> dict[str, str]:
    """Those credentials that a webhook's Secret has. Unresolved."""
    if webhook.secret_ref is None:
        return {}
    name, field = webhook.secret_ref.name, "spec.notifications.webhook.secretRef.name"
    held = references.whole_secret(namespace, name, field)
    return {
        key: references.credential(namespace, name, key, field, rule)
        for key, rule in credentials.WEBHOOK.items()
        if key in held
    }
