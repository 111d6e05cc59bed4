# SPDX-License-Identifier: Apache-2.0
"""Tables of pseudonyms, read with line numbers: `validate`, the command and the gateway refuse the same ones."""
