# SPDX-License-Identifier: Apache-2.0
"""What the operator is told by its environment; the chart's Deployment sets it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dromos_crds.forwardnode import SMTP
from dromos_operator import relay
from dromos_operator.errors import SettingsError

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; a field's comment names its variable."""

    gateway_image: str  # DROMOS_GATEWAY_IMAGE
    gateway_image_pull_policy: str = "IfNotPresent"  # DROMOS_GATEWAY_IMAGE_PULL_POLICY
    watch_namespaces: tuple[str, ...] = ()  # DROMOS_WATCH_NAMESPACES (or WATCH_NAMESPACES), comma separated; empty: all
    operator_namespace: str = ""  # DROMOS_OPERATOR_NAMESPACE: from where gateways may be asked
    log_level: str = "info"  # DROMOS_LOG_LEVEL
    listen: tuple[str, int] = ("", 8081)  # DROMOS_OPERATOR_LISTEN
    # DROMOS_GATEWAY_HTTP_PROXY, DROMOS_GATEWAY_HTTPS_PROXY, DROMOS_GATEWAY_NO_PROXY: what gateway pods find without
    # the prefix. The operator's own variables of these names are about the operator, and go no further.
    gateway_proxy: tuple[tuple[str, str], ...] = ()
    gateway_traces: str = ""  # DROMOS_GATEWAY_TRACES: the OTLP endpoint of gateway pods; never the operator's own
    metrics_from: tuple[Mapping[str, Any], ...] = ()  # DROMOS_METRICS_FROM: JSON, NetworkPolicyPeers that read metrics
    smtp: SMTP | None = None  # DROMOS_SMTP: JSON, as spec.smtp; for ForwardNodes that name no relay
    smtp_login: Path | None = None  # DROMOS_SMTP_LOGIN: a folder with the files username and password

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the variables; SettingsError names the one that is wrong."""
        image = environment.get("DROMOS_GATEWAY_IMAGE", "").strip()
        if not image:
            raise SettingsError("DROMOS_GATEWAY_IMAGE is not set: it names the image that gateway pods run")
        policy = environment.get("DROMOS_GATEWAY_IMAGE_PULL_POLICY", "") or "IfNotPresent"
        if policy not in PULL_POLICIES:
            raise SettingsError(
                f"DROMOS_GATEWAY_IMAGE_PULL_POLICY is {policy!r}, not one of {', '.join(PULL_POLICIES)}"
            )
        namespaces = environment.get("DROMOS_WATCH_NAMESPACES") or environment.get("WATCH_NAMESPACES", "")
        level = environment.get("DROMOS_LOG_LEVEL", "") or "info"
        if level not in {"debug", "info", "warning", "error"}:
            raise SettingsError(f"DROMOS_LOG_LEVEL is {level!r}, not one of debug, info, warning, error")
        return cls(
            gateway_image=image,
            gateway_image_pull_policy=policy,
            watch_namespaces=tuple(sorted({name.strip() for name in namespaces.split(",") if name.strip()})),
            operator_namespace=environment.get("DROMOS_OPERATOR_NAMESPACE", ""),
            log_level=level,
            gateway_traces=_endpoint(environment.get("DROMOS_GATEWAY_TRACES", "").strip()),
            metrics_from=_peers(environment.get("DROMOS_METRICS_FROM", "")),
            smtp=relay.parse(environment.get(relay.VARIABLE, "")),
            smtp_login=Path(login) if (login := environment.get("DROMOS_SMTP_LOGIN", "")) else None,
            listen=_address(environment.get("DROMOS_OPERATOR_LISTEN", "") or ":8081"),
            gateway_proxy=_proxy(environment),
        )


def _proxy(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found = []
    for name in (*_PROXIES, "NO_PROXY"):
        variable = f"DROMOS_GATEWAY_{name}"
        value = environment.get(variable, "").strip()
        if not value:
            continue
        if name in _PROXIES and not _is_proxy(value):  # which may hold a password: the message does not show it
            raise SettingsError(f"{variable} is not http://HOST:PORT; it has no path and no user information")
        found.append((name, value))
    return tuple(found)


def _is_proxy(value: str) -> bool:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return False
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and plain


def _endpoint(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s@]+", text):
        raise SettingsError("DROMOS_GATEWAY_TRACES is not http://HOST:PORT; it has no user information")
    return text


def _peers(text: str) -> tuple[Mapping[str, Any], ...]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(peer, dict) for peer in found):
        raise SettingsError("DROMOS_METRICS_FROM is not a list of NetworkPolicyPeers")
    return tuple(found)


def _address(text: str) -> tuple[str, int]:
    """Where to listen; without a host on every address, IPv4 and IPv6."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise SettingsError(f"DROMOS_OPERATOR_LISTEN is {text!r}, not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)
