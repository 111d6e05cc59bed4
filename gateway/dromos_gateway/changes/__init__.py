# SPDX-License-Identifier: Apache-2.0
"""Changing an instance before it is sent: de-identification, tag morphing, masks, transcoding.

`stage.Stage` makes the file that a destination gets, in a worker process; `making.make` is what the worker does.
"""
