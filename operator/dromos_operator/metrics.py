# SPDX-License-Identifier: Apache-2.0
"""The operator's own metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

# every request to the API server but kopf's watches; verbs `patch` and `post` are all the writes there are
API_REQUESTS = Counter("dromos_operator_api_requests_total", "Requests to the API server.", ("verb", "code"))
API_SECONDS = Histogram("dromos_operator_api_request_seconds", "Duration of requests to the API server.", ("verb",))
RECONCILIATIONS = Counter("dromos_operator_reconciliations_total", "Reconciliations.", ("outcome",))
RECONCILE_SECONDS = Histogram("dromos_operator_reconcile_seconds", "Duration of a reconciliation.")
QUEUE = Gauge("dromos_operator_queue", "Keys waiting for work.")
OBJECTS = Gauge("dromos_operator_objects", "Objects in the store.", ("kind",))
RESYNC_FOUND = Counter("dromos_operator_resync_found_total", "Differences found by lists.", ("what",))
UNACKNOWLEDGED = Gauge("dromos_operator_unacknowledged_pods", "Gateway pods yet to acknowledge the configuration.")
