# SPDX-License-Identifier: Apache-2.0
"""Proof that nothing is left: generated corpora, the standard's validator, the ten checks of MIDI-B, odd files."""
