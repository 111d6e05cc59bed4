# SPDX-License-Identifier: Apache-2.0
"""The pure part: what is, to what shall be. Imports no kopf, no HTTP, no clock."""
