# SPDX-License-Identifier: Apache-2.0
"""Optional OpenTelemetry traces: an association, the instances stored in it, the attempts to deliver each of them.

Off unless an OTLP endpoint is named in the environment; then nothing of it is imported, and the gateway is made of the
plain parts. No patient data: AE titles, names of nodes and destinations, verdicts, sizes, numbers of attempts.
"""
