# SPDX-License-Identifier: Apache-2.0
"""How hard hypothesis looks: quick by default, so that the tier stays under 20 seconds; HYPOTHESIS_PROFILE=thorough to search."""

import gc
import os

from hypothesis import settings

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """What is imported and collected stays until the end: the collector need not look at it after every few tests."""
    gc.collect()
    gc.freeze()
