# SPDX-License-Identifier: Apache-2.0
"""What a ForwardNode may say."""

from __future__ import annotations

from tests.apiserver.case import AE, DELETE, NAME, SECRET_KEY, Case

FORWARDNODE_CASES = (
    Case("the least there can be", "node"),
    Case("16 characters", "node", {"spec.aeTitle": "ABCDEFGHIJKLMNOP"}),
    Case("spaces inside", "node", {"spec.aeTitle": "CT 1"}),
    Case("17 characters", "node", {"spec.aeTitle": "ABCDEFGHIJKLMNOPQ"}, ("spec.aeTitle", "16")),
    Case("no characters", "node", {"spec.aeTitle": ""}, ("spec.aeTitle", "at least 1")),
    Case("backslash", "node", {"spec.aeTitle": "A\\B"}, ("spec.aeTitle", AE)),
    Case("control character", "node", {"spec.aeTitle": "A\tB"}, ("spec.aeTitle", AE)),
    Case("beyond ASCII", "node", {"spec.aeTitle": "Ä"}, ("spec.aeTitle", AE)),
    Case("only spaces", "node", {"spec.aeTitle": "   "}, ("spec.aeTitle", "not only spaces")),
    Case("no AE title", "node", {"spec.aeTitle": DELETE}, ("spec.aeTitle", "equired")),
    Case("no spec", "node", {"spec": DELETE}, ("spec", "equired")),
    Case("AE title a number", "node", {"spec.aeTitle": 5}, ("spec.aeTitle",)),
    Case("unknown field", "node", {"spec.aeTitel": "B"}, ("unknown field", "aeTitel")),
    Case("unknown field of the metadata", "node", {"metadata.namepsace": "x"}, ("unknown field", "metadata.namepsace")),
    Case("unknown field in a list", "node", {"spec.sources": [{"aeTitle": "A", "host": "b"}]}, ("unknown field",)),
    Case("sources", "node", {"spec.sources": [{"aeTitle": "CT1", "hostname": "ct1.example", "checkHostname": True}]}),
    Case("source by IPv6 address", "node", {"spec.sources": [{"aeTitle": "CT1", "hostname": "2001:db8::1"}]}),
    Case("source without AE title", "node", {"spec.sources": [{"hostname": "a"}]}, ("spec.sources[0].aeTitle",)),
    Case("source, 17 characters", "node", {"spec.sources": [{"aeTitle": "A" * 17}]}, ("spec.sources[0].aeTitle", "16")),
    Case("256 sources", "node", {"spec.sources": [{"aeTitle": f"CT{n}"} for n in range(256)]}),
    Case("257 sources", "node", {"spec.sources": [{"aeTitle": "A"}] * 257}, ("spec.sources", "256")),
    Case(
        "a check of no host",
        "node",
        {"spec.sources": [{"aeTitle": "A", "checkHostname": True}]},
        ("spec.sources[0]", "checkHostname needs a hostname"),
    ),
    Case("no check of no host", "node", {"spec.sources": [{"aeTitle": "A", "checkHostname": False}]}),
    Case(
        "source's host is a URL", "node", {"spec.sources": [{"aeTitle": "A", "hostname": "http://a"}]}, ("a host is",)
    ),
    Case("tls", "node", {"spec.tls": {"certificateSecretRef": {"name": "node-tls"}, "clientAuthentication": "None"}}),
    Case("tls without certificate", "node", {"spec.tls": {}}, ("spec.tls.certificateSecretRef", "equired")),
    Case(
        "client authentication in lower case",
        "node",
        {"spec.tls": {"certificateSecretRef": {"name": "a"}, "clientAuthentication": "none"}},
        ("spec.tls.clientAuthentication", "Require"),
    ),
    Case("a reference with two dots", "node", {"spec.tls": {"certificateSecretRef": {"name": "a..b"}}}, (NAME,)),
    Case("a reference in capitals", "node", {"spec.tls": {"certificateSecretRef": {"name": "A"}}}, (NAME,)),
    Case("no replicas", "node", {"spec.replicas": 0}),
    Case("negative replicas", "node", {"spec.replicas": -1}, ("spec.replicas", "0")),
    Case("spool of 64Mi", "node", {"spec.spool.size": "64Mi"}),
    Case("spool in bytes", "node", {"spec.spool.size": "100000000"}),
    Case("spool of 63Mi", "node", {"spec.spool.size": "63Mi"}, ("spec.spool.size", "64Mi")),
    Case("spool without a unit it knows", "node", {"spec.spool.size": "20GB"}, ("spec.spool.size", "20Gi")),
    Case("spool, kept or not", "node", {"spec.spool.retentionPolicy": "Keep"}, ("retentionPolicy", "Retain")),
    Case("limits", "node", {"spec.limits": {"associations": 1, "idleTimeout": "1.5m"}}),
    Case("no associations", "node", {"spec.limits.associations": 0}, ("spec.limits.associations", "1")),
    Case("hasty limits", "node", {"spec.limits.idleTimeout": "0s"}, ("spec.limits.idleTimeout", "at least 1s")),
    Case("shortest limits", "node", {"spec.limits.idleTimeout": "1000ms"}),
    Case("longest limits", "node", {"spec.limits.idleTimeout": "999999h"}),
    Case("limits beyond any", "node", {"spec.limits.idleTimeout": "1000000h"}, ("spec.limits.idleTimeout", "999999h")),
    Case("duration without unit", "node", {"spec.limits.idleTimeout": "60"}, ("spec.limits.idleTimeout", "30m")),
    Case("service", "node", {"spec.service": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"]}}),
    Case("service port 0", "node", {"spec.service.port": 0}, ("spec.service.port", "1")),
    Case("service port 65536", "node", {"spec.service.port": 65536}, ("spec.service.port", "65535")),
    Case("service type", "node", {"spec.service.type": "ExternalName"}, ("spec.service.type", "ClusterIP")),
    Case("node port", "node", {"spec.service": {"type": "NodePort", "nodePort": 30104}}),
    Case("node port of a ClusterIP", "node", {"spec.service.nodePort": 30104}, ("spec.service", "type NodePort")),
    Case("networks", "node", {"spec.service.loadBalancerSourceRanges": ["10.1.2.3/8", "2001:db8::/32"]}),
    Case("network", "node", {"spec.service.loadBalancerSourceRanges": ["192.0.2.1"]}, ("192.0.2.0/24",)),
    Case("no network", "node", {"spec.service.loadBalancerSourceRanges": ["999.0.2.1/24"]}, ("192.0.2.0/24",)),
    Case("network too long", "node", {"spec.service.loadBalancerSourceRanges": ["192.0.2.1/33"]}, ("192.0.2.0/24",)),
    Case(
        "network by its mask",
        "node",
        {"spec.service.loadBalancerSourceRanges": ["192.0.2.0/255.255.255.0"]},
        ("192.0.2.0/24",),
    ),
    Case(
        "network, a zero before", "node", {"spec.service.loadBalancerSourceRanges": ["10.0.0.0/08"]}, ("192.0.2.0/24",)
    ),
    Case(
        "network of IPv4 as IPv6",
        "node",
        {"spec.service.loadBalancerSourceRanges": ["::ffff:192.0.2.0/120"]},
        ("192.0.2.0/24",),
    ),
    Case("smtp", "node", {"spec.smtp": {"host": "mail.example", "sender": "dromos@example"}}),
    Case("smtp without sender", "node", {"spec.smtp": {"host": "mail.example"}}, ("spec.smtp.sender", "equired")),
    Case("sender", "node", {"spec.smtp": {"host": "mail.example", "sender": "dromos"}}, ("spec.smtp.sender", "name@")),
    Case("transfer log", "node", {"spec.transferLog": {"outgoingIdentifiers": "Off", "key": SECRET_KEY}}),
    Case("transfer log, few rows", "node", {"spec.transferLog.maxRows": 10}, ("spec.transferLog.maxRows", "1000")),
    Case(
        "workload",
        "node",
        {
            "spec.workload": {
                "resources": {"requests": {"cpu": 1, "memory": "1Gi"}},
                "nodeSelector": {"disk": "ssd"},
                "tolerations": [{"key": "imaging", "operator": "Exists", "effect": "NoSchedule"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}},
            }
        },
    ),
    Case("toleration", "node", {"spec.workload.tolerations": [{"effect": "No"}]}, ("tolerations[0].effect",)),
    Case("suspend as text", "node", {"spec.suspend": "true"}, ("spec.suspend",)),
)
