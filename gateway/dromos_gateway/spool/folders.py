# SPDX-License-Identifier: Apache-2.0
"""Folders whose names survive a power cut, which the names of the files in them could not do without."""

from __future__ import annotations

import os
from pathlib import Path


def make_durably(folder: Path) -> None:
    """Make a folder and those above it where they are absent, readable for their owner only. OSError."""
    if folder.is_dir():
        return
    make_durably(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
