# SPDX-License-Identifier: Apache-2.0
"""The test tiers, what each needs of this machine, and the running of them: `python -m tests.tiers [TIER…]`."""
