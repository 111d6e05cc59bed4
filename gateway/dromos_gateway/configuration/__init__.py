# SPDX-License-Identifier: Apache-2.0
"""From manifests on disk to what the gateway does, and the next change of them."""
