# SPDX-License-Identifier: Apache-2.0
"""Headers that both ends of the admin port know."""

from __future__ import annotations

from typing import Final

NEXT: Final = "Dromos-Next"  # of a table that does not have all rows: what the next question says as `before`
