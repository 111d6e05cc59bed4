# SPDX-License-Identifier: Apache-2.0
"""Work that may go wrong badly, in processes that may be killed: de-identification, pixels.

`pool.Pool` runs a `job.Job` within `job.Limits` and says what came of it, a `job.Done` or a `job.Failed`.
"""
