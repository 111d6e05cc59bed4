# SPDX-License-Identifier: Apache-2.0
"""Names of what the operator makes for a ForwardNode, and of the files in its pods.

Example: ForwardNode ``radiology`` gives StatefulSet ``radiology``, ConfigMap ``radiology-config``, pod ``radiology-0``.
"""

from __future__ import annotations

import hashlib
import re

# A Service's name is a DNS-1035 label; a StatefulSet's ends in a label value with a hash of ten digits and a dash.
LONGEST = 52
LONGEST_IN_FILE = 200


def workload(node: str) -> str:
    """Name of the StatefulSet, Service, ServiceAccount, NetworkPolicy and PodDisruptionBudget."""
    if len(node) <= LONGEST and re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", node):
        return node
    text = re.sub(r"[^a-z0-9-]", "-", node)
    text = text if text[:1].isalpha() else f"n-{text}"
    return f"{text[: LONGEST - 9].rstrip('-')}-{_digest(node)}"


def pods_service(node: str) -> str:
    """Name of the headless Service."""
    return f"{workload(node)}-pods"


def configuration(node: str) -> str:
    """Name of the ConfigMap with the manifests."""
    return f"{workload(node)}-config"


def credentials(node: str) -> str:
    """Name of the Secret with everything secret that the pods may see."""
    return f"{workload(node)}-credentials"


def pseudonyms(node: str) -> str:
    """Name of the Secret with the pseudonyms that its Projects store: apart, because they can be many."""
    return f"{workload(node)}-pseudonyms"


def pod(node: str, ordinal: int) -> str:
    """Name of one pod."""
    return f"{workload(node)}-{ordinal}"


def log_key(node: str) -> str:
    """Name of the Secret with the key of a ForwardNode's transfer log, where the ForwardNode names none."""
    return f"{workload(node)}-transfer-log"


def file(kind: str, name: str = "") -> str:
    """Name of a manifest's file: ``destination-archive.yaml``."""
    if len(name) > LONGEST_IN_FILE:
        name = f"{name[: LONGEST_IN_FILE - 9]}-{_digest(name)}"
    return f"{kind.lower()}-{name}.yaml" if name else f"{kind.lower()}.yaml"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
