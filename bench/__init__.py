# SPDX-License-Identifier: Apache-2.0
"""Dromos beside other forwarders, in one run on one machine. Ratios count, absolute times do not."""
