# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms: where they are stored, how they are imported, and which one an instance gets."""
