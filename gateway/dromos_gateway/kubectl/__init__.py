# SPDX-License-Identifier: Apache-2.0
"""`kubectl dromos`: kubectl finds the program `kubectl-dromos` and runs it as a command of its own."""
