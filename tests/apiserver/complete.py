# SPDX-License-Identifier: Apache-2.0
"""One manifest of each kind with every field there is; what excludes each other is spread over several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

API_VERSION = "dromos.dev/v1alpha1"
SECRET_KEY = {"secretKeyRef": {"name": "s", "key": "k"}}
OAUTH2 = {"tokenURL": "https://idp.example/token", "scopes": ["a"], "secretRef": {"name": "s"}}
TLS = {
    "serverName": "pacs.example",
    "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"},
    "certificateSecretRef": {"name": "own"},
}
NODE = {
    "aeTitle": "DROMOS",
    "description": "x",
    "sources": [{"aeTitle": "CT1", "hostname": "ct1.example", "checkHostname": True, "description": "x"}],
    "tls": {
        "certificateSecretRef": {"name": "tls"},
        "clientCARef": {"name": "ca"},
        "clientAuthentication": "Request",
    },
    "replicas": 2,
    "spool": {"size": "1Gi", "storageClassName": "fast", "retentionPolicy": "Delete"},
    "limits": {"associations": 5, "idleTimeout": "30s"},
    "service": {
        "type": "LoadBalancer",
        "port": 11112,
        "externalTrafficPolicy": "Cluster",
        "nodePort": 30104,
        "loadBalancerClass": "x",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
        "annotations": {"a-key": "b"},
    },
    "smtp": {
        "host": "mail.example",
        "port": 25,
        "security": "TLS",
        "sender": "dromos@example",
        "secretRef": {"name": "smtp"},
    },
    "transferLog": {
        "maxAge": "24h",
        "maxRows": 5000,
        "originalIdentifiers": "Off",
        "outgoingIdentifiers": "Off",
        "key": SECRET_KEY,
    },
    "workload": {
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "nodeSelector": {"a-key": "b"},
        "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "pull"}],
    },
    "suspend": True,
}
DESTINATION = {
    "forwardNodeRef": {"name": "radiology"},
    "description": "x",
    "enabled": False,
    "suspend": True,
    "condition": "true",
    "transferSyntax": {"uid": "1.2.840.10008.1.2.4.80", "onlyUncompressed": False},
    "authorizedSOPClasses": ["1.2.840.10008.5.1.4.1.1.2"],
    "notifications": {
        "recipients": ["a@example"],
        "errorSubjectPrefix": "E",
        "rejectionSubjectPrefix": "R",
        "subjectPattern": "%s",
        "subjectValues": ["PatientID"],
        "interval": "45s",
        "webhook": {"url": "https://hook.example/", "secretRef": {"name": "s"}},
    },
    "retry": {"maxAge": "24h"},
}
DICOM = {
    "aeTitle": "PACS",
    "hostname": "pacs.example",
    "port": 104,
    "useDestinationAETitle": True,
    "concurrency": 4,
    "tls": TLS,
}
STOW = {
    "url": "https://pacs.example/studies",
    "headers": [{"name": "X-A", "value": "a"}],
    "auth": {"oauth2": OAUTH2},
    "tls": TLS,
    "concurrency": 4,
    "kheopsAlbums": [
        {
            "url": "https://kheops.example/api",
            "condition": "true",
            "destinationToken": SECRET_KEY,
            "sourceToken": SECRET_KEY,
        }
    ],
}
ELEMENT = {
    "name": "rule",
    "codename": "c",
    "condition": "true",
    "action": "X",
    "option": "shift",
    "arguments": {"a-key": "b"},
    "tags": ["00100020"],
    "excludedTags": ["00100010"],
}
PROJECT = {
    "description": "x",
    "profile": {
        "name": "p",
        "version": "1",
        "minimumKarnakVersion": "1",
        "defaultIssuerOfPatientID": "HUG",
        "profileElements": [ELEMENT],
        "masks": [
            {
                "stationName": "*",
                "imageWidth": "512",
                "imageHeight": "512",
                "color": "000000",
                "rectangles": ["0 0 1 1"],
            }
        ],
    },
    "compatibility": "Karnak",
    "uncleanable": "Allow",
    "secretRef": {"name": "keys"},
    "pseudonyms": {"redis": {"url": "redis://r/0", "secretRef": {"name": "s"}, "ttl": "24h"}},
    "authConfigs": [{"name": "endpoint", "oauth2": OAUTH2}],
}


def _deidentifying(**pseudonym: Any) -> dict[str, Any]:
    use = {"projectRef": {"name": "study-a"}, "defaultIssuerOfPatientID": "HUG", "pseudonym": pseudonym}
    return {**DESTINATION, "dicom": DICOM, "deidentification": use}


def _stow(**changes: Any) -> dict[str, Any]:
    return {**DESTINATION, "stow": {**STOW, **changes}}


def _manifest(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "complete"}, "spec": dict(spec)}


COMPLETE: Mapping[str, Mapping[str, Any]] = {
    "node": _manifest("ForwardNode", NODE),
    "stored": _manifest("Destination", _deidentifying(stored={})),
    "tag": _manifest("Destination", _deidentifying(tag={"tag": "(0012,0040)", "delimiter": "-", "position": 1})),
    "api": _manifest(
        "Destination",
        _deidentifying(
            api={"url": "https://x/", "method": "POST", "body": "{}", "responsePath": "/a", "authConfig": "endpoint"}
        ),
    ),
    "morphing": _manifest("Destination", {**_stow(), "tagMorphing": {"projectRef": {"name": "study-a"}}}),
    "basic": _manifest(
        "Destination",
        _stow(auth={"basic": {"secretRef": {"name": "s"}}}, headers=[{"name": "X-A", "valueFrom": SECRET_KEY}]),
    ),
    "bearer": _manifest("Destination", _stow(auth={"bearer": SECRET_KEY})),
    "project": _manifest("Project", PROJECT),
    "elsewhere": _manifest(
        "Project",
        {"profileFrom": {"configMapKeyRef": {"name": "p", "key": "p.yaml"}}, "pseudonyms": SECRET_KEY},
    ),
}
