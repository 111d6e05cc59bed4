# SPDX-License-Identifier: Apache-2.0
"""Data sets without decoding: where each element of a header begins and ends, and the values that somebody asks for.

Nothing here builds a tree. `encoding` reads one element's head, `walking` finds ends, `view` answers questions about
root-level values; whoever changes a data set copies the ranges that stay as they are.
"""

from dromos_gateway.header.errors import MalformedDataSet
from dromos_gateway.header.view import HeaderView

__all__ = ["HeaderView", "MalformedDataSet"]
