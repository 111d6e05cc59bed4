# SPDX-License-Identifier: Apache-2.0
"""`python -m bench.systems.unlogged PATH… …`: `dromos run` that keeps no transfer log, to see what the log costs.

Users have no such switch: a gateway always says what became of an instance.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from dromos_gateway import gateway
from dromos_gateway.commands import run
from dromos_gateway.configuration.settings import Configuration
from dromos_gateway.spool.spool import Spool
from dromos_gateway.transferlog.log import TransferLog


class Unheard(TransferLog):
    """The spool has nobody to tell."""

    def __init__(self, spool: Spool, configuration: Configuration, clock: Callable[[], float]) -> None:
        super().__init__(spool, configuration, clock)
        spool.recorder = None


def main() -> int:
    """Serve until SIGTERM."""
    setattr(gateway, "TransferLog", Unheard)  # noqa: B010 - a name it imports
    parser = argparse.ArgumentParser(description=__doc__)
    run.add_arguments(parser)
    return run.run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
