# SPDX-License-Identifier: Apache-2.0
"""DICOM TLS in and out, from Secrets among the manifests, and a certificate that is rotated."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from tests.wire.dimse.certificates import authority, issued
from tests.wire.gateway.peers import data_sets, eventually, make_study, storescu, successes


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for localhost and its key."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return certificate, key


def secret(name: str, **entries: Path) -> str:
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData:\n"
    for key, path in entries.items():
        body = "".join(f"    {line}\n" for line in path.read_text().splitlines())
        text += f"  {key.replace('_', '.')}: |\n{body}"
    return text


def test_tls_on_both_sides_and_rotation_while_running(gateway, receiver, tmp_path):
    ours, ours_key = certificate(tmp_path, "gateway")
    theirs, theirs_key = certificate(tmp_path, "receiver")
    a = receiver("a", "+tls", str(theirs_key), str(theirs), "-ic").start()
    gateway.write("node-tls", secret("node-tls", tls_crt=ours, tls_key=ours_key))
    gateway.write("ca", secret("ca", ca_crt=theirs))
    gateway.node("tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}")
    gateway.destination("a", a.port, dicom=", tls: {caRef: {name: ca}}")
    gateway.start()
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study, "+tls", str(theirs_key), str(theirs), "-ic")
    a.has(5)
    eventually(lambda: data_sets(a.folder) == data_sets(study), "all are complete")
    assert successes(storescu(gateway.port, study, check=False)) == 0  # never in the clear

    fresh, fresh_key = certificate(tmp_path, "fresh")
    gateway.write("node-tls", secret("node-tls", tls_crt=fresh, tls_key=fresh_key))
    gateway.applied()
    shown = ssl.get_server_certificate(("127.0.0.1", gateway.port))
    assert ssl.PEM_cert_to_DER_cert(shown) == ssl.PEM_cert_to_DER_cert(fresh.read_text())


def test_a_receiver_with_another_certificate_gets_nothing(gateway, receiver, tmp_path):
    theirs, theirs_key = certificate(tmp_path, "receiver")
    other, _ = certificate(tmp_path, "other")
    a = receiver("a", "+tls", str(theirs_key), str(theirs), "-ic").start()
    gateway.write("ca", secret("ca", ca_crt=other))
    gateway.destination("a", a.port, dicom=", tls: {caRef: {name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    eventually(lambda: "certificate" in (gateway.queue("a")["lastError"] or ""), "the error names the certificate")
    assert gateway.queue("a")["waiting"] == 2
    assert list(a.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [({"days": -1}, "certificate has expired"), ({"dns": "pacs.example"}, "IP address mismatch")],
)
def test_the_reason_why_a_certificate_is_not_good_is_shown(gateway, receiver, tmp_path, options, words):
    ca = authority(tmp_path, "ca")
    pair = issued(tmp_path, ca, "receiver", **options)
    a = receiver("a", "+tls", str(pair.key), str(pair.certificate), "-ic").start()
    gateway.write("ca", secret("ca", ca_crt=ca.certificate))
    gateway.destination("a", a.port, dicom=", tls: {caRef: {name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    eventually(lambda: words in (gateway.queue("a")["lastError"] or ""), "the reason is shown")
    assert gateway.queue("a")["waiting"] == 2


def has_tls(gateway, shown: Path) -> bool:
    pem = ssl.get_server_certificate(("127.0.0.1", gateway.port), timeout=10)
    return ssl.PEM_cert_to_DER_cert(pem) == ssl.PEM_cert_to_DER_cert(shown.read_text())


@pytest.mark.parametrize("broken", ["absent", "another's key", "no PEM"])
def test_a_certificate_that_cannot_be_used_stops_nothing_and_the_last_one_stays(gateway, receiver, tmp_path, broken):
    ours, ours_key = certificate(tmp_path, "gateway")
    _, other_key = certificate(tmp_path, "other")
    nonsense = tmp_path / "nonsense"
    nonsense.write_text("-----BEGIN CERTIFICATE-----\nnone\n")
    a, b = receiver("a").start(), receiver("b").start()
    gateway.write("node-tls", secret("node-tls", tls_crt=ours, tls_key=ours_key))
    gateway.node("tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}")
    gateway.destination("a", a.port)
    gateway.start()

    if broken == "absent":
        (gateway.manifests / "node-tls.yaml").unlink()
    elif broken == "another's key":
        gateway.write("node-tls", secret("node-tls", tls_crt=ours, tls_key=other_key))
    else:
        gateway.write("node-tls", secret("node-tls", tls_crt=nonsense, tls_key=ours_key))
    gateway.destination("b", b.port)
    gateway.applied()
    for _ in range(2):  # as it is, and after a restart
        problems = gateway.get("/v1/configuration")["problems"]
        (told,) = (each for each in problems if "what was used before stays in use" in each["message"])
        assert (told["kind"], told["name"], told["field"].startswith("spec.tls")) == ("ForwardNode", "radiology", True)
        assert has_tls(gateway, ours)
        gateway.kill()
        gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study, "+tls", str(ours_key), str(ours), "-ic")
    a.has(3)
    b.has(3)
    assert successes(storescu(gateway.port, study, check=False)) == 0  # never in the clear


def test_without_any_certificate_nobody_is_let_in_and_the_rest_goes_on(gateway, receiver, tmp_path):
    ours, ours_key = certificate(tmp_path, "gateway")
    a = receiver("a")
    gateway.destination("a", a.start().port)
    a.stop()
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    gateway.node("tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}")
    gateway.applied()
    for _ in range(2):
        assert gateway.get("/readyz") == 503
        assert successes(storescu(gateway.port, study, check=False)) == 0
        gateway.kill()
        gateway.launch()
        gateway.port = eventually(lambda: gateway.listens("listening"), "the gateway listens")
        gateway.admin = eventually(lambda: gateway.listens("admin port open"), "the admin port listens")
    a.start()
    a.has(3)  # what came in before is delivered all the same
    gateway.write("node-tls", secret("node-tls", tls_crt=ours, tls_key=ours_key))
    gateway.applied()
    assert gateway.get("/readyz") == "ok\n"
    storescu(gateway.port, study, "+tls", str(ours_key), str(ours), "-ic")
    eventually(lambda: gateway.queue("a")["delivered"] == 6, "the second lot too")
