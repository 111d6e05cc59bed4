# SPDX-License-Identifier: Apache-2.0
"""Run the operator process: watch the three kinds, and keep gateways as they say.

Settings come from the environment: DROMOS_GATEWAY_IMAGE (required), DROMOS_GATEWAY_IMAGE_PULL_POLICY,
DROMOS_WATCH_NAMESPACES (comma separated, empty: all), DROMOS_OPERATOR_NAMESPACE, DROMOS_LOG_LEVEL,
DROMOS_OPERATOR_LISTEN. The cluster is that of the pod's service account or of $KUBECONFIG.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from dromos_operator.errors import SettingsError
from dromos_operator.logs import configure
from dromos_operator.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing: the environment says it all."""


def run(arguments: argparse.Namespace) -> int:
    """Run until told to stop; 1 when the operator could not go on, 2 when the environment says what cannot be."""
    try:
        settings = Settings.from_environment(os.environ)
        configure(settings.log_level)
        from dromos_operator.process import operate

        return asyncio.run(operate(settings))
    except SettingsError as error:
        print(f"dromos operator: {error}", file=sys.stderr)
        return 2
