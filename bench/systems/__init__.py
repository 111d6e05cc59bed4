# SPDX-License-Identifier: Apache-2.0
"""The forwarders that are compared, each as its users would run it."""
