# SPDX-License-Identifier: Apache-2.0
"""The cluster's certificate authority, certificates and kubeconfigs, made by openssl for thirty days."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.cluster.provider.layout import FIRST_SERVICE, NODE, NODE_ADDRESS, Layout
from tests.cluster.provider.process import run

DAYS = "30"
NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
API_NAMES = (
    "kubernetes.default.svc.cluster.local",
    "kubernetes.default.svc",
    "kubernetes.default",
    "kubernetes",
    "localhost",
)


def make_keys(layout: Layout) -> None:
    """Everything in pki/, and the kubeconfigs beside it."""
    layout.pki.mkdir(mode=0o700, parents=True)
    folder = layout.pki
    authority = ("-days", DAYS, "-subj", "/CN=dromos-test-cluster")
    run("openssl", "req", "-x509", *NEW_KEY, "-keyout", "ca.key", "-out", "ca.crt", *authority, cwd=folder)
    addresses = f"IP:127.0.0.1,IP:{NODE_ADDRESS},IP:{FIRST_SERVICE}"
    names = ",".join(f"DNS:{name}" for name in API_NAMES)
    _certificate(folder, "apiserver", "/CN=kube-apiserver", f"{names},{addresses}")
    _certificate(folder, "admin", "/O=system:masters/CN=admin", "DNS:admin")
    _certificate(folder, "kubelet", f"/O=system:nodes/CN=system:node:{NODE}", f"DNS:{NODE},IP:{NODE_ADDRESS}")
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "sa.key", cwd=folder)
    run("openssl", "ec", "-in", "sa.key", "-pubout", "-out", "sa.pub", cwd=folder)
    for user, file in (("admin", layout.kubeconfig), ("kubelet", layout.state / "kubelet.kubeconfig")):
        file.touch(mode=0o600)
        file.write_text(json.dumps(_kubeconfig(folder, user)))


def _certificate(folder: Path, name: str, subject: str, alternatives: str) -> None:
    request = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    run("openssl", "req", *NEW_KEY, *request, cwd=folder)
    extensions = folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n")
    signing = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS, "-extfile", extensions)
    run("openssl", "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signing, cwd=folder)


def _kubeconfig(folder: Path, user: str) -> dict[str, object]:
    def text(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    cluster = {"server": f"https://{NODE_ADDRESS}:6443", "certificate-authority-data": text("ca.crt")}
    keys = {"client-certificate-data": text(f"{user}.crt"), "client-key-data": text(f"{user}.key")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "dromos",
        "clusters": [{"name": "dromos", "cluster": cluster}],
        "users": [{"name": user, "user": keys}],
        "contexts": [{"name": "dromos", "context": {"cluster": "dromos", "user": user}}],
    }
