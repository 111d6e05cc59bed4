# SPDX-License-Identifier: Apache-2.0
"""Who is told what was forwarded: windows that gather a study's instances, an outbox, mails and webhooks.

Windows and outbox stand in the ledger's file: what happened is told at least once, across restarts and outages.
"""
