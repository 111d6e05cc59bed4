# SPDX-License-Identifier: Apache-2.0
"""The admin port: health, metrics, and what the operator and `dromos failures` ask for."""
