# SPDX-License-Identifier: Apache-2.0
"""`python -m dromos_operator` is `dromos operator`."""

from __future__ import annotations

import argparse
import sys

from dromos_operator.commands import operator

parser = argparse.ArgumentParser(prog="dromos operator", description=operator.__doc__)
operator.add_arguments(parser)
sys.exit(operator.run(parser.parse_args()))
