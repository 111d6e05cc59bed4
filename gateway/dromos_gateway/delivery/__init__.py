# SPDX-License-Identifier: Apache-2.0
"""Delivery: a queue per destination; what is slow or down there delays nobody else."""
