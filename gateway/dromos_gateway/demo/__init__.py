# SPDX-License-Identifier: Apache-2.0
"""Parts of `dromos demo`: a study that was never of anybody, receivers, and the processes around a real gateway."""
