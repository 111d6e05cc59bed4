# SPDX-License-Identifier: Apache-2.0
"""STOW-RS servers in pods: Orthanc behind nginx with TLS, an OAuth 2.0 server, what stands in for Kheops."""

from __future__ import annotations

import base64
import json
from typing import Any

import trustme

from tests.cluster.kubectl import Kubectl, Manifest
from tests.cluster.peers import ORTHANC_CONFIGURATION, listening, pod_of, served

PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
HTTP = 8042
_NGINX = """\
daemon off; pid /data/nginx.pid; error_log stderr; worker_processes 1;
events {}
http {
  access_log off; client_max_body_size 0;
  client_body_temp_path /data/b; proxy_temp_path /data/p; fastcgi_temp_path /data/f; uwsgi_temp_path /data/u; scgi_temp_path /data/s;
  server {
    listen 8443 ssl; server_name archive;
    ssl_certificate /tls/tls.crt; ssl_certificate_key /tls/tls.key;
    location / { proxy_pass http://127.0.0.1:8042; proxy_http_version 1.1; proxy_request_buffering off; GUARD }
    MORE
  }
}
"""
_BASIC = "auth_basic DICOM; auth_basic_user_file /configuration/htpasswd; if ($http_x_department != radiology) { return 403; }"
_VERIFY = (
    "location = /verify { internal; proxy_pass http://127.0.0.1:8080/verify; proxy_pass_request_body off; "
    "proxy_set_header Content-Length ''; } location = /token { proxy_pass http://127.0.0.1:8080/token; }"
)


def archive(*, password: str = "", client_secret: str = "") -> list[Manifest]:
    """`archive`: Orthanc behind nginx, for a password, or for tokens that a client secret gets."""
    guard, more = ("auth_request /verify;", _VERIFY) if client_secret else (_BASIC, "")
    orthanc = ORTHANC_CONFIGURATION | {
        "Plugins": [PLUGIN], "DicomWeb": {"Enable": True}, "DicomServerEnabled": False, "HttpPort": HTTP,
        "StorageDirectory": "/data/storage", "IndexDirectory": "/data/index",
    }  # fmt: skip
    files = {
        "orthanc.json": json.dumps(orthanc),
        "nginx.conf": _NGINX.replace("GUARD", guard).replace("MORE", more),
        "htpasswd": f"dromos:{{PLAIN}}{password}\n",
    }
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "configuration", "configMap": {"name": "archive-server"}},
        {"name": "tls", "secret": {"secretName": "archive-server"}},
    ]
    mounts = {"data": "/data", "configuration": "/configuration", "tls": "/tls"}
    pod = pod_of(["Orthanc", "/configuration/orthanc.json"], volumes, mounts)
    pod["containers"].append(_beside(pod, "nginx", ["nginx", "-p", "/data", "-c", "/configuration/nginx.conf"]))
    if client_secret:
        environment = {"CLIENT_SECRET": client_secret, "HOST": "127.0.0.1", "PORT": "8080"}
        pod["containers"].append(_beside(pod, "oauth2", ["node", "/opt/oidc/server.js"], environment))
        pod["containers"][-1]["readinessProbe"] = listening(8080)
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "archive-server"}, "data": files}
    return [config, *served("archive", pod, port=443, target=8443)]


def kheops(tokens: dict[str, dict[str, str]]) -> list[Manifest]:
    """`kheops`, with these tokens."""
    pod = pod_of(["python3", "/opt/kheops.py", "0.0.0.0:8080", json.dumps(tokens)], [], {})
    return served("kheops", pod, port=8080, target=8080)


def certify(kubectl: Kubectl) -> None:
    """A certificate for `archive`, and its authority where the examples have theirs."""
    authority = trustme.CA()
    issued = authority.issue_cert("archive")
    pair = {
        "tls.crt": issued.cert_chain_pems[0].bytes(),
        "tls.key": issued.private_key_pem.bytes(),
    }
    data = {key: base64.b64encode(value).decode() for key, value in pair.items()}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "archive-server"}, "data": data},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "archive-ca"},
            "data": {"ca.crt": authority.cert_pem.bytes().decode()},
        },
    )


def held(kubectl: Kubectl, pod: str) -> set[str]:
    """SOP Instance UIDs in the archive."""
    script = f"import urllib.request;print(urllib.request.urlopen('http://127.0.0.1:{HTTP}/instances?expand').read().decode())"
    found = json.loads(kubectl.exec(pod, "python3", "-c", script).stdout)
    return {item["MainDicomTags"]["SOPInstanceUID"] for item in found}


def kheops_state(kubectl: Kubectl, pod: str) -> dict[str, Any]:
    """What the stand-in has."""
    script = "import urllib.request;print(urllib.request.urlopen('http://127.0.0.1:8080/state').read().decode())"
    state: dict[str, Any] = json.loads(kubectl.exec(pod, "python3", "-c", script).stdout)
    return state


def _beside(
    pod: dict[str, Any], name: str, command: list[str], environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Another container of the pod."""
    first = pod["containers"][0]
    env = [{"name": key, "value": value} for key, value in (environment or {}).items()]
    return {**first, "name": name, "command": command, "env": env}
