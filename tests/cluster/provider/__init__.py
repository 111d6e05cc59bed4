# SPDX-License-Identifier: Apache-2.0
"""A Kubernetes cluster to test on: any kubeconfig, else kind where Docker answers, else one node built from Go modules."""
