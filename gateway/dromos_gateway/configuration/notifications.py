# SPDX-License-Identifier: Apache-2.0
"""From a Destination's notifications and its ForwardNode's mail relay to settings."""

from __future__ import annotations

from collections.abc import Mapping

from dromos_crds.destination import Notifications
from dromos_crds.forwardnode import SMTP
from dromos_crds.quantities import parse_duration
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import NotificationSettings, SMTPSettings, WebhookSettings


def smtp_settings(namespace: str, smtp: SMTP, references: References) -> SMTPSettings:
    """The relay and its credentials. Unresolved."""
    username = password = ""
    if smtp.secret_ref is not None:
        name, field = smtp.secret_ref.name, "spec.smtp.secretRef.name"
        username = references.secret(namespace, name, "username", field).decode()
        password = references.secret(namespace, name, "password", field).decode()
    return SMTPSettings(smtp.host, smtp.port, smtp.security, smtp.sender, username, password)


def notification_settings(
    namespace: str, wanted: Notifications, smtp: SMTPSettings | None, references: References
) -> NotificationSettings | None:
    """Who is told; None when nobody is. Unresolved."""
    webhook = None
    if wanted.webhook is not None:
        held: Mapping[str, bytes] = {}
        if wanted.webhook.secret_ref is not None:
            field = "spec.notifications.webhook.secretRef.name"
            held = references.whole_secret(namespace, wanted.webhook.secret_ref.name, field)
        texts = {name: held.get(name, b"").decode().strip() for name in ("token", "username", "password")}
        webhook = WebhookSettings(wanted.webhook.url, **texts)
    if not wanted.recipients and webhook is None:
        return None
    return NotificationSettings(
        recipients=wanted.recipients,
        error_subject_prefix=wanted.error_subject_prefix,
        rejection_subject_prefix=wanted.rejection_subject_prefix,
        subject_pattern=wanted.subject_pattern,
        subject_values=wanted.subject_values,
        interval=parse_duration(wanted.interval),
        smtp=smtp,
        webhook=webhook,
    )
