# SPDX-License-Identifier: Apache-2.0
"""The API server: reading, server-side apply, events."""
