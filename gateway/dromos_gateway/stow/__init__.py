# SPDX-License-Identifier: Apache-2.0
"""STOW-RS as a client (PS3.18 §10.5): bodies streamed from the spool, a verdict for each instance."""
