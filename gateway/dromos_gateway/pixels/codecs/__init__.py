# SPDX-License-Identifier: Apache-2.0
"""Codecs: a frame's code stream to an array and back. `registry` knows which codec is for which transfer syntax."""
