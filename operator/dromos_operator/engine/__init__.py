# SPDX-License-Identifier: Apache-2.0
"""What turns: store, queue, workers, polling of pods."""
