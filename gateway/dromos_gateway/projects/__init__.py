# SPDX-License-Identifier: Apache-2.0
"""A Project at work for a Destination: its profile, key, pseudonyms and services.

`use.use_of` makes a `Use` of manifests, plain data that goes from process to process; `work.carry_out` applies it to an
instance in a worker process.
"""
