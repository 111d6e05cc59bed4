# SPDX-License-Identifier: Apache-2.0
"""Kheops: series that were stored there are shared into albums."""
