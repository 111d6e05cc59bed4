# SPDX-License-Identifier: Apache-2.0
"""HTTP to other people's servers: clients, credentials, tokens; deadlines and caps on everything they answer."""
