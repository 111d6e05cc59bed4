# SPDX-License-Identifier: Apache-2.0
"""Gateways and receivers for what a gateway must survive."""

from __future__ import annotations

from tests.wire.gateway.conftest import gateway, receiver

__all__ = ["gateway", "receiver"]
