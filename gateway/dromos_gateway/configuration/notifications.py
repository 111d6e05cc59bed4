# SPDX-License-Identifier: Apache-2.0
"""From a Destination's notifications and its ForwardNode's mail relay to settings."""

from __future__ import annotations

from collections.abc import Mapping

from dromos_crds.destination import Notifications
from dromos_crds.forwardnode import SMTP
from dromos_crds.quantities import parse_duration
from dromos_gateway.configuration.references import References, text_of
from dromos_gateway.configuration.settings import NotificationSettings, SMTPSettings, WebhookSettings


def smtp_settings(namespace: str, smtp: SMTP, references: References) -> SMTPSettings:
    """The relay and its credentials. Unresolved."""
    username = password = ""
    if smtp.secret_ref is not None:
        name, field = smtp.secret_ref.name, "spec.smtp.secretRef.name"
        username = references.secret_text(namespace, name, "username", field)
        password = references.secret_text(namespace, name, "password", field)
    return SMTPSettings(smtp.host, smtp.port, smtp.security, smtp.sender, username, password)


def notification_settings(
    namespace: str, wanted: Notifications, smtp: SMTPSettings | None, references: References
) -> NotificationSettings | None:
    """Who is told; None when nobody is. Unresolved."""
    webhook = None
    if wanted.webhook is not None:
        held: Mapping[str, bytes] = {}
        name, field = "", "spec.notifications.webhook.secretRef.name"
        if wanted.webhook.secret_ref is not None:
            name = wanted.webhook.secret_ref.name
            held = references.whole_secret(namespace, name, field)
        texts = {key: text_of(held.get(key, b""), name, key, field) for key in ("token", "username", "password")}
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
