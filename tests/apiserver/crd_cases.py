# SPDX-License-Identifier: Apache-2.0
"""Every rule of the API with manifests it takes and manifests it refuses, and what the refusal must say.

The same table is put to a real API server (test_crds.py) and to `dromos validate` (tests/unit/crds): they must agree.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API_VERSION = "dromos.dev/v1alpha1"
DELETE = object()

STOW = {"url": "https://pacs.example/dicomweb/studies"}
DICOM = {"aeTitle": "PACS", "hostname": "pacs.example", "port": 104}
SECRET_KEY = {"secretKeyRef": {"name": "s", "key": "k"}}
PROFILE = {"name": "p", "profileElements": [{"name": "base", "codename": "basic.dicom.profile"}]}
STORED = {"projectRef": {"name": "study-a"}, "pseudonym": {"stored": {}}}
OAUTH2 = {"tokenURL": "https://idp.example/token", "secretRef": {"name": "s"}}

VALUE = ("spec.stow.headers[0].value", "no spaces at its ends")

BASES: Mapping[str, tuple[str, dict[str, Any]]] = {
    "node": ("ForwardNode", {"aeTitle": "DROMOS"}),
    "dicom": ("Destination", {"forwardNodeRef": {"name": "radiology"}, "dicom": DICOM}),
    "stow": ("Destination", {"forwardNodeRef": {"name": "radiology"}, "stow": STOW}),
    "project": ("Project", {"profile": PROFILE}),
}


@dataclass(frozen=True)
class Case:
    """A base with changes at dotted paths; `says` is what a refusal names, () when the manifest is taken."""

    title: str
    base: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    says: tuple[str, ...] = ()

    def manifest(self, name: str = "case") -> dict[str, Any]:
        """The manifest."""
        kind, spec = copy.deepcopy(BASES[self.base])
        document = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        for path, value in self.changes.items():
            _put(document, path.split("."), value)
        return document

    def __str__(self) -> str:
        return f"{self.base}: {self.title}"


def _put(document: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        document = document.setdefault(step, {})
    if value is DELETE:
        del document[path[-1]]
    else:
        document[path[-1]] = copy.deepcopy(value)


AE, NAME = "no backslash or control character", "lower-case letters"
NO_USER = "no user information"

CASES = (
    # ForwardNode
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
    # Destination
    Case("the least there can be", "dicom"),
    Case("the least there can be", "stow"),
    Case("both", "dicom", {"spec.stow": STOW}, ("spec", "exactly one of dicom and stow")),
    Case("neither", "dicom", {"spec.dicom": DELETE}, ("spec", "exactly one of dicom and stow")),
    Case("no ForwardNode", "dicom", {"spec.forwardNodeRef": DELETE}, ("spec.forwardNodeRef", "equired")),
    Case("port 1", "dicom", {"spec.dicom.port": 1}),
    Case("port 65535", "dicom", {"spec.dicom.port": 65535}),
    Case("port 0", "dicom", {"spec.dicom.port": 0}, ("spec.dicom.port", "1")),
    Case("port 70000", "dicom", {"spec.dicom.port": 70000}, ("spec.dicom.port", "65535")),
    Case("port as text", "dicom", {"spec.dicom.port": "104"}, ("spec.dicom.port",)),
    Case("17 characters", "dicom", {"spec.dicom.aeTitle": "A" * 17}, ("spec.dicom.aeTitle", "16")),
    Case("no host", "dicom", {"spec.dicom.hostname": DELETE}, ("spec.dicom.hostname", "equired")),
    Case("host by IPv6", "dicom", {"spec.dicom.hostname": "2001:db8::1"}),
    Case("host by IPv4", "dicom", {"spec.dicom.hostname": "192.0.2.1"}),
    Case("host with a dot at its end", "dicom", {"spec.dicom.hostname": "pacs_1.example."}),
    Case("host with port", "dicom", {"spec.dicom.hostname": "pacs.example:104"}, ("spec.dicom.hostname", "a host is")),
    Case("host with scheme", "dicom", {"spec.dicom.hostname": "dicom://pacs"}, ("spec.dicom.hostname", "a host is")),
    Case("host in brackets", "dicom", {"spec.dicom.hostname": "[::1]"}, ("spec.dicom.hostname", "a host is")),
    Case("host with path", "dicom", {"spec.dicom.hostname": "pacs.example/104"}, ("spec.dicom.hostname", "a host is")),
    Case("concurrency 0", "dicom", {"spec.dicom.concurrency": 0}, ("spec.dicom.concurrency", "1")),
    Case("concurrency 65", "dicom", {"spec.dicom.concurrency": 65}, ("spec.dicom.concurrency", "64")),
    Case("tls", "dicom", {"spec.dicom.tls": {"caRef": {"kind": "ConfigMap", "name": "ca"}, "serverName": "a"}}),
    Case("CA of another kind", "dicom", {"spec.dicom.tls": {"caRef": {"kind": "File", "name": "a"}}}, ("caRef.kind",)),
    Case("condition", "dicom", {"spec.condition": 'tagValueIsPresent(#Tag.Modality, "CT")'}),
    Case("condition, 4096 characters", "dicom", {"spec.condition": "a" * 4096}),
    Case("condition, 4097 characters", "dicom", {"spec.condition": "a" * 4097}, ("spec.condition", "4096")),
    Case("transfer syntax", "dicom", {"spec.transferSyntax": {"uid": "1.2.840.10008.1.2.4.80"}}),
    Case("leading zero", "dicom", {"spec.transferSyntax": {"uid": "1.02"}}, ("spec.transferSyntax.uid", "a UID is")),
    Case("SOP classes", "dicom", {"spec.authorizedSOPClasses": ["1.2.840.10008.5.1.4.1.1.2"]}),
    Case("no SOP classes", "dicom", {"spec.authorizedSOPClasses": []}, ("spec.authorizedSOPClasses", "at least 1")),
    Case("SOP class by name", "dicom", {"spec.authorizedSOPClasses": ["CT"]}, ("authorizedSOPClasses[0]", "a UID is")),
    Case("stored pseudonym", "dicom", {"spec.deidentification": STORED}),
    Case("tag morphing", "dicom", {"spec.tagMorphing": {"projectRef": {"name": "study-a"}}}),
    Case(
        "de-identification and tag morphing",
        "dicom",
        {"spec.deidentification": STORED, "spec.tagMorphing": {"projectRef": {"name": "study-a"}}},
        ("spec", "deidentification and tagMorphing"),
    ),
    Case("no pseudonym", "dicom", {"spec.deidentification": {"projectRef": {"name": "a"}}}, ("pseudonym", "equired")),
    Case(
        "no way to a pseudonym",
        "dicom",
        {"spec.deidentification": {"projectRef": {"name": "a"}, "pseudonym": {}}},
        ("spec.deidentification.pseudonym", "exactly one of stored, tag and api"),
    ),
    Case(
        "two ways to a pseudonym",
        "dicom",
        {
            "spec.deidentification": {
                "projectRef": {"name": "a"},
                "pseudonym": {"stored": {}, "tag": {"tag": "(0012,0040)"}},
            }
        },
        ("spec.deidentification.pseudonym", "exactly one of stored, tag and api"),
    ),
    Case(
        "pseudonym in a tag",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.tag": {"tag": "(0012,0040)", "delimiter": "-", "position": 1},
        },
    ),
    Case(
        "pseudonym from a service",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.api": {"url": "https://x/{{getString(#Tag.PatientID)}}"},
        },
    ),
    Case(
        "pseudonym from a service, user information",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.api": {"url": "https://u:p@x/"},
        },
        ("spec.deidentification.pseudonym.api.url", NO_USER),
    ),
    Case(
        "position before the first",
        "dicom",
        {
            "spec.deidentification.projectRef": {"name": "a"},
            "spec.deidentification.pseudonym.tag": {"tag": "(0012,0040)", "position": -1},
        },
        ("pseudonym.tag.position", "0"),
    ),
    Case("notifications", "dicom", {"spec.notifications": {"recipients": ["a@example"]}}),
    Case("recipient", "dicom", {"spec.notifications": {"recipients": ["nobody"]}}, ("recipients[0]", "name@domain")),
    Case("webhook", "dicom", {"spec.notifications": {"webhook": {"url": "ftp://x/"}}}, ("webhook.url", "http://")),
    Case("retry", "dicom", {"spec.retry.maxAge": "30d"}, ("spec.retry.maxAge", "168h")),
    Case("no time to try", "dicom", {"spec.retry.maxAge": "0s"}, ("spec.retry.maxAge", "at least 1s")),
    Case("hardly time to try", "stow", {"spec.retry.maxAge": "999ms"}, ("spec.retry.maxAge", "at least 1s")),
    Case("the least time to try", "stow", {"spec.retry.maxAge": "1s"}),
    Case("URL without scheme", "stow", {"spec.stow.url": "pacs.example/studies"}, ("spec.stow.url", "http://")),
    Case("URL of another scheme", "stow", {"spec.stow.url": "ftp://pacs.example/"}, ("spec.stow.url", "http://")),
    Case("URL without a host", "stow", {"spec.stow.url": "https://:8443/dicomweb"}, ("spec.stow.url", "a host and")),
    Case(
        "URL with a port that cannot be",
        "stow",
        {"spec.stow.url": "https://pacs.example:65536/"},
        ("spec.stow.url", "a host and"),
    ),
    Case(
        "URL with an open bracket", "stow", {"spec.stow.url": "https://[::1/dicomweb"}, ("spec.stow.url", "a host and")
    ),
    Case("URL with an IPv6 address and a port", "stow", {"spec.stow.url": "https://[2001:db8::1]:65535/dicomweb?a=b"}),
    Case("URL of a host alone", "stow", {"spec.stow.url": "http://pacs_1"}),
    Case(
        "URL with user information", "stow", {"spec.stow.url": "https://u:p@pacs.example/"}, ("spec.stow.url", NO_USER)
    ),
    Case("URL with an @ in its path", "stow", {"spec.stow.url": "https://pacs.example/a@b/studies"}),
    Case("URL with a port", "stow", {"spec.stow.url": "http://[2001:db8::1]:8042/dicom-web/studies"}),
    Case(
        "headers",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": ""}, {"name": "X-K", "valueFrom": SECRET_KEY}]},
    ),
    Case(
        "header without value", "stow", {"spec.stow.headers": [{"name": "X-A"}]}, ("headers[0]", "value and valueFrom")
    ),
    Case(
        "header with two values",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a", "valueFrom": SECRET_KEY}]},
        ("spec.stow.headers[0]", "exactly one of value and valueFrom"),
    ),
    Case(
        "header with a line break",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a\r\nX-B: b"}]},
        ("spec.stow.headers[0].value", "no line breaks"),
    ),
    Case(
        "header's name",
        "stow",
        {"spec.stow.headers": [{"name": "X A", "value": "a"}]},
        ("headers[0].name", "no spaces"),
    ),
    Case(
        "authorisation by header", "stow", {"spec.stow.headers": [{"name": "Authorization", "valueFrom": SECRET_KEY}]}
    ),
    *(
        Case(
            f"header {name}",
            "stow",
            {"spec.stow.headers": [{"name": "X-A", "value": "a"}, {"name": name, "value": "a"}]},
            ("spec.stow.headers[1].name", "says this by itself"),
        )
        for name in ("Content-Type", "content-length", "HOST", "Transfer-Encoding", "Accept", "Connection")
    ),
    Case("header like one of ours", "stow", {"spec.stow.headers": [{"name": "Accept-Language", "value": "de"}]}),
    Case(
        "a header twice",
        "stow",
        {"spec.stow.headers": [{"name": "X-A", "value": "a b"}, {"name": "X-A", "value": "c"}]},
    ),
    *(
        Case(f"header value {value!r}", "stow", {"spec.stow.headers": [{"name": "X-A", "value": value}]}, VALUE)
        for value in (" a", "a ", "a\x0bb", "a\x7f", "é", "\t")
    ),
    Case(
        "URL with a fragment", "stow", {"spec.stow.url": "https://pacs.example/dicomweb#a"}, ("spec.stow.url", "no #")
    ),
    Case("basic", "stow", {"spec.stow.auth": {"basic": {"secretRef": {"name": "s"}}}}),
    Case("bearer", "stow", {"spec.stow.auth": {"bearer": SECRET_KEY}}),
    Case(
        "key of a Secret with a slash",
        "stow",
        {"spec.stow.auth": {"bearer": {"secretKeyRef": {"name": "s", "key": "a/b"}}}},
        ("spec.stow.auth.bearer.secretKeyRef.key", "a key has letters"),
    ),
    Case("oauth2", "stow", {"spec.stow.auth": {"oauth2": OAUTH2}}),
    Case(
        "two authorisations",
        "stow",
        {"spec.stow.auth": {"bearer": SECRET_KEY, "oauth2": OAUTH2}},
        ("spec.stow.auth", "at most one of basic, bearer and oauth2"),
    ),
    Case(
        "an authorisation header beside another",
        "stow",
        {"spec.stow": {**STOW, "auth": {"bearer": SECRET_KEY}, "headers": [{"name": "authorization", "value": "x"}]}},
        ("spec.stow", "Authorization header and auth exclude each other"),
    ),
    Case(
        "Kheops",
        "stow",
        {
            "spec.stow.kheopsAlbums": [
                {"url": "https://kheops.example/api", "destinationToken": SECRET_KEY, "sourceToken": SECRET_KEY}
            ]
        },
    ),
    Case(
        "Kheops without token",
        "stow",
        {"spec.stow.kheopsAlbums": [{"url": "https://kheops.example/api", "sourceToken": SECRET_KEY}]},
        ("kheopsAlbums[0].destinationToken", "equired"),
    ),
    # Project
    Case("the least there can be", "project"),
    Case(
        "profile from elsewhere",
        "project",
        {"spec": {"profileFrom": {"configMapKeyRef": {"name": "p", "key": "p.yaml"}}}},
    ),
    Case("no profile", "project", {"spec.profile": DELETE}, ("spec", "exactly one of profile and profileFrom")),
    Case(
        "two profiles",
        "project",
        {"spec.profileFrom": {"configMapKeyRef": {"name": "p", "key": "p.yaml"}}},
        ("spec", "exactly one of profile and profileFrom"),
    ),
    Case(
        "profile with numbers",
        "project",
        {
            "spec.profile": {
                "name": "demo",
                "version": 1,
                "profileElements": [
                    {
                        "name": "ages",
                        "codename": "action.on.dates",
                        "option": "shift_range",
                        "arguments": {"max_days": 200, "retainUIDs": True, "value": "x"},
                        "tags": ["(0008,002X)", "00100020"],
                    },
                ],
                "masks": [{"stationName": "*", "color": "000000", "imageWidth": 512, "rectangles": ["0 0 300 40"]}],
            }
        },
    ),
    Case(
        "tag without quotes",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tags": ["00080020", 32784]}]},
        ("spec.profile.profileElements[0].tags[1]", "quote it"),
    ),
    Case(
        "excluded tag without quotes",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "excludedTags": [32784]}]},
        ("spec.profile.profileElements[0].excludedTags[0]", "quote it"),
    ),
    Case("colour without quotes", "project", {"spec.profile.masks": [{"color": 0}]}, ("masks[0].color", "quote it")),
    Case("element without codename", "project", {"spec.profile.profileElements": [{"name": "a"}]}, ("codename",)),
    Case(
        "unknown field in an element",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tag": "00100020"}]},
        ("unknown field", "tag"),
    ),
    Case("512 elements", "project", {"spec.profile.profileElements": [{"codename": "a"}] * 512}),
    Case(
        "513 elements",
        "project",
        {"spec.profile.profileElements": [{"codename": "a"}] * 513},
        ("profileElements", "512"),
    ),
    Case("2048 tags", "project", {"spec.profile.profileElements": [{"codename": "a", "tags": ["00100020"] * 2048}]}),
    Case(
        "2049 tags",
        "project",
        {"spec.profile.profileElements": [{"codename": "a", "tags": ["00100020"] * 2049}]},
        ("spec.profile.profileElements[0].tags", "2048"),
    ),
    Case("1024 masks", "project", {"spec.profile.masks": [{"stationName": "*"}] * 1024}),
    Case(
        "1025 masks", "project", {"spec.profile.masks": [{"stationName": "*"}] * 1025}, ("spec.profile.masks", "1024")
    ),
    Case("compatibility", "project", {"spec.compatibility": "Loose"}, ("spec.compatibility", "Strict")),
    Case("uncleanable", "project", {"spec.uncleanable": "Drop"}, ("spec.uncleanable", "Hold")),
    Case("pseudonyms in a Secret", "project", {"spec.pseudonyms": SECRET_KEY}),
    Case("pseudonyms in Redis", "project", {"spec.pseudonyms": {"redis": {"url": "redis://redis.example:6379/0"}}}),
    Case("pseudonyms nowhere", "project", {"spec.pseudonyms": {}}, ("spec.pseudonyms", "secretKeyRef and redis")),
    Case(
        "pseudonyms in two places",
        "project",
        {"spec.pseudonyms": {**SECRET_KEY, "redis": {"url": "redis://a"}}},
        ("spec.pseudonyms", "exactly one of secretKeyRef and redis"),
    ),
    Case(
        "Redis with user information",
        "project",
        {"spec.pseudonyms": {"redis": {"url": "redis://u:p@a"}}},
        ("spec.pseudonyms.redis.url", NO_USER),
    ),
    Case("authorisations", "project", {"spec.authConfigs": [{"name": n, "oauth2": OAUTH2} for n in ("a", "b")]}),
    Case(
        "two authorisations of a name",
        "project",
        {"spec.authConfigs": [{"name": "a", "oauth2": OAUTH2}] * 2},
        ("spec.authConfigs",),
    ),
)
