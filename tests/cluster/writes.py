# SPDX-License-Identifier: Apache-2.0
"""How often the API server was written to by the operator: counted by the API server, not by the operator."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.cluster.kubectl import Kubectl

WRITES = {"APPLY", "POST", "PUT", "PATCH", "DELETE", "DELETECOLLECTION"}
# What the chart lets the operator apply; the API server applies objects of other kinds to itself.
APPLIED = {
    ("", "configmaps"),
    ("", "persistentvolumeclaims"),
    ("", "pods"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "statefulsets"),
    ("networking.k8s.io", "networkpolicies"),
    ("policy", "poddisruptionbudgets"),
}


def operator_writes(cluster: Kubectl) -> dict[tuple[str, ...], int]:
    """Write requests that only the operator makes on a quiet cluster, by verb and resource; refused ones count too.

    Nothing else applies server-side, writes Dromos' statuses or patches pods outside their status. Requests by
    kubectl count as well: leave it alone meanwhile.
    """
    counted: dict[tuple[str, ...], int] = {}
    for family in text_string_to_metric_families(cluster.run("get", "--raw", "/metrics").stdout):
        if family.name != "apiserver_request":
            continue
        for sample in family.samples:
            of = sample.labels
            if sample.name != "apiserver_request_total" or of["verb"] not in WRITES:
                continue
            applied = of["verb"] == "APPLY" and (of["group"], of["resource"]) in APPLIED
            pods = of["resource"] == "pods" and of["verb"] == "PATCH" and not of["subresource"]
            if applied or pods or of["group"] == "dromos.dev":
                request = (of["verb"], of["group"], of["resource"], of["subresource"], of["code"])
                counted[request] = counted.get(request, 0) + int(sample.value)
    for event in cluster.items("events", "--all-namespaces"):
        author = event.get("reportingComponent") or event.get("source", {}).get("component", "")
        if author.startswith(("dromos", "kopf")):
            known = ("EVENT", event["metadata"]["namespace"], event["metadata"]["name"])
            counted[known] = int(event.get("count") or event.get("series", {}).get("count") or 1)
    return counted
