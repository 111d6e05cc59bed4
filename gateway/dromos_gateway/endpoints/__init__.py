# SPDX-License-Identifier: Apache-2.0
"""Calls to services outside: `action.replace.api` of a profile, and pseudonyms that a service gives.

`call.compile_call` checks a call when manifests are read; `service.Endpoints` makes it, synchronously, in the process
that changes instances: what a profile's next rule sees may depend on the answer. Each call has a deadline of seconds,
and a service that is down is not asked again for a while, so that it delays nobody else's instances for long.
"""
