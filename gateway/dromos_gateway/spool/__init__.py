# SPDX-License-Identifier: Apache-2.0
"""The spool: Part 10 files and one SQLite ledger. Whatever has a row here survives a power cut."""
