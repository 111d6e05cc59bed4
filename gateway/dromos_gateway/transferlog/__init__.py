# SPDX-License-Identifier: Apache-2.0
"""The transfer log: for each instance and destination a row that says what became of it.

It is written inside the ledger's own transactions, in the committer's thread, and read over a connection of its own.
Original identifiers are kept encrypted, or not at all; what a destination gets anyway is kept as it got it.
"""
