# SPDX-License-Identifier: Apache-2.0
"""`dromos run` whose pauses between attempts are fractions of a second: for tests of what comes after many attempts."""

from __future__ import annotations

import runpy

from dromos_gateway.delivery import backoff, breaker

backoff.BASE, backoff.CAP = 0.05, 0.4
breaker.FIRST_PROBE, breaker.LAST_PROBE = 0.1, 0.5

if __name__ == "__main__":
    runpy.run_module("dromos_gateway.commands.run", run_name="__main__")
