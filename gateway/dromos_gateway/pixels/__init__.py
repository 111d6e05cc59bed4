# SPDX-License-Identifier: Apache-2.0
"""Changing pixels, file to file: transcoding and masks. Runs in worker processes only (`dromos_gateway.workers`).

`plan` says what is wanted, `outcome` what came of it; both import nothing heavy. `change.change_pixels` does it.
"""
