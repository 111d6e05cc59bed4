# SPDX-License-Identifier: Apache-2.0
"""`dromos run` with STOW-RS destinations: storescu sends, Orthanc behind nginx holds."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.identity import lossy_uid
from tests.wire.dimse.certificates import Pair, authority, issued
from tests.wire.gateway.peers import (
    ENVIRONMENT,
    GatewayProcess,
    Receiver,
    data_sets,
    eventually,
    make_study,
    storescu,
)
from tests.wire.stow.servers import Guarded, Nginx, OAuth2Server, Orthanc, Program, Tinyproxy


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Program], Program]]:
    started: list[Program] = []

    def start(program: Program) -> Program:
        started.append(program.start())
        return program

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def orthanc(tmp_path: Path, run: Callable[[Program], Program]) -> Orthanc:
    server = Orthanc(tmp_path / "orthanc")
    run(server)
    return server


@pytest.fixture
def ca(tmp_path: Path) -> Pair:
    return authority(tmp_path, "ca")


def stow(gateway: GatewayProcess, name: str, url: str, *lines: str, spec: str = "") -> None:
    """Write a Destination."""
    inner = "".join(f"    {line}\n" for line in (f"url: {url}", *lines))
    gateway.write(
        f"destination-{name}",
        f"apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {{name: {name}}}\n"
        f"spec:\n  forwardNodeRef: {{name: radiology}}\n{spec}  stow:\n{inner}",
    )


def secret(gateway: GatewayProcess, name: str, **data: str | bytes) -> None:
    lines = "".join(
        f"  {key.replace('_', '.') if key.startswith(('tls', 'ca')) else key}: "
        f"{base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()}\n"
        for key, value in data.items()
    )
    gateway.write(f"secret-{name}", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ndata:\n{lines}")


def delivered(gateway: GatewayProcess, name: str, count: int) -> None:
    # a destination that was down is asked once a minute at the latest, and a busy machine takes its time
    eventually(
        lambda: gateway.queue(name).get("delivered") == count, f"{count} delivered; {gateway.queue(name)}", timeout=180
    )


def test_many_instances_arrive_byte_for_byte(gateway: GatewayProcess, orthanc: Orthanc, tmp_path: Path) -> None:
    stow(gateway, "archive", orthanc.url)
    gateway.start()
    studies = [make_study(tmp_path / f"study-{n}", 40, pixels=30_000) for n in range(3)]
    for study in studies:
        storescu(gateway.port, study)
    delivered(gateway, "archive", 120)
    held = orthanc.files()
    for study in studies:
        for uid, data_set in data_sets(study).items():
            assert held[uid].endswith(data_set)
    eventually(gateway.is_empty, "the spool is empty")
    assert gateway.queue("archive")["failed"] == 0


def test_a_destination_that_is_down_gets_everything_later(
    gateway: GatewayProcess, receiver: Callable[..., Receiver], tmp_path: Path
) -> None:
    """And the other one does not wait for it. Orthanc is killed and started again in between."""
    server = Orthanc(tmp_path / "orthanc")
    other = receiver("other").start()
    stow(gateway, "archive", server.url)
    gateway.destination("other", other.port)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 30))
    other.has(30)
    eventually(lambda: "onnect" in (gateway.queue("archive").get("lastError") or ""), "the reason is shown")
    assert gateway.queue("archive")["waiting"] == 30
    gateway.kill()
    gateway.start()
    server.start()
    try:
        delivered(gateway, "archive", 30)
        assert len(server.uids()) == 30
    finally:
        server.stop()


def test_tls_basic_and_a_rotated_password(
    gateway: GatewayProcess, orthanc: Orthanc, ca: Pair, run: Callable[[Program], Program], tmp_path: Path
) -> None:
    """A wrong password keeps the images; the right one, put into the Secret, sends them without a restart."""
    password = tmp_path / "htpasswd"

    def set_password(text: str) -> None:
        hashed = subprocess.run(["openssl", "passwd", "-6", text], capture_output=True, text=True, check=True).stdout
        password.write_text(f"dromos:{hashed}")

    set_password("planted-secret-1")
    location = f"auth_basic DICOM; auth_basic_user_file {password};"
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server"), location=location)
    run(nginx)
    secret(gateway, "login", username="dromos", password="planted-secret-wrong")
    secret(gateway, "ca", ca_crt=ca.certificate.read_bytes())
    stow(gateway, "archive", nginx.url, "auth: {basic: {secretRef: {name: login}}}", "tls: {caRef: {name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "one", 5))
    eventually(lambda: "HTTP 401" in (gateway.queue("archive").get("lastError") or ""), "the reason is shown")
    assert gateway.queue("archive")["waiting"] == 5
    secret(gateway, "login", username="dromos", password="planted-secret-1\n")
    delivered(gateway, "archive", 5)
    set_password("planted-secret-2")
    secret(gateway, "login", username="dromos", password="planted-secret-2")
    gateway.applied()
    storescu(gateway.port, make_study(tmp_path / "two", 5))
    delivered(gateway, "archive", 10)
    _nothing_shows(gateway, "planted-secret", base64.b64encode(b"dromos:planted-secret").decode()[:24])


def _nothing_shows(gateway: GatewayProcess, *planted: str) -> None:
    """Neither the log nor any answer of the admin port nor any file of the spool has one of these texts."""
    shown = [
        gateway.log(),
        *(str(gateway.get(path)) for path in ("/metrics", "/v1/status", "/v1/configuration", "/v1/failures")),
    ]
    for text in planted:
        assert not any(text in each for each in shown)
        assert not any(text.encode() in path.read_bytes() for path in gateway.spool.rglob("*") if path.is_file())


def test_oauth2_end_to_end_with_a_rotated_secret(
    gateway: GatewayProcess, orthanc: Orthanc, ca: Pair, run: Callable[[Program], Program], tmp_path: Path
) -> None:
    issuer = OAuth2Server(tmp_path / "oidc", "planted-secret-1")
    run(issuer)
    nginx = Guarded(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server"), issuer.port)
    run(nginx)
    secret(gateway, "client", client_id="dromos", client_secret="planted-secret-wrong")
    gateway.write("ca", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca}\ndata:\n  ca.crt: |\n" + "".join(
        f"    {line}\n" for line in ca.certificate.read_text().splitlines()))  # fmt: skip
    oauth2 = f"auth: {{oauth2: {{tokenURL: '{issuer.token_url}', scopes: [dicomweb], secretRef: {{name: client}}}}}}"
    stow(gateway, "archive", nginx.url, oauth2, "tls: {caRef: {kind: ConfigMap, name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "one", 5))
    words = f"token endpoint http://localhost:{issuer.port} answered 401 invalid_client"
    eventually(lambda: words in (gateway.queue("archive").get("lastError") or ""), "the endpoint's reason is shown")
    secret(gateway, "client", client_id="dromos", client_secret="planted-secret-1")
    delivered(gateway, "archive", 5)
    issuer.stop()
    issuer.secret = "planted-secret-2"
    issuer.start()
    secret(gateway, "client", client_id="dromos", client_secret="planted-secret-2")
    gateway.applied()
    storescu(gateway.port, make_study(tmp_path / "two", 5))
    delivered(gateway, "archive", 10)
    _nothing_shows(gateway, "planted-secret")
    assert "access_token" not in gateway.log()


def test_headers_from_a_secret(
    gateway: GatewayProcess, orthanc: Orthanc, ca: Pair, run: Callable[[Program], Program], tmp_path: Path
) -> None:
    location = 'if ($http_x_tenant != "north") { return 403; } if ($http_x_key != "planted-key") { return 403; }'
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server"), location=location)
    run(nginx)
    secret(gateway, "s", key="planted-key", ca_crt=ca.certificate.read_bytes())
    headers = "headers: [{name: X-Tenant, value: north}, {name: X-Key, valueFrom: {secretKeyRef: {name: s, key: key}}}]"
    stow(gateway, "archive", nginx.url, headers, "tls: {caRef: {name: s}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 5))
    delivered(gateway, "archive", 5)
    _nothing_shows(gateway, "planted-key")


@pytest.mark.parametrize("fault", ["expired", "unknown authority", "other name"])
def test_a_bad_certificate_is_a_clear_reason(
    gateway: GatewayProcess, orthanc: Orthanc, ca: Pair, run: Callable[[Program], Program], tmp_path: Path, fault: str
) -> None:
    pair, words = {
        "expired": (lambda: issued(tmp_path, ca, "server", days=-1), "certificate has expired"),
        "unknown authority": (lambda: issued(tmp_path, authority(tmp_path, "other"), "server"), "unable to get local issuer"),
        "other name": (lambda: issued(tmp_path, ca, "server", dns="pacs.example"), "Hostname mismatch"),
    }[fault]  # fmt: skip
    nginx = Nginx(tmp_path / "nginx", orthanc.port, pair())
    run(nginx)
    secret(gateway, "ca", ca_crt=ca.certificate.read_bytes())
    stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    eventually(lambda: words in (gateway.queue("archive").get("lastError") or ""), "the reason is shown")
    assert gateway.queue("archive")["waiting"] == 3
    if fault == "other name":
        stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}, serverName: pacs.example}")
        delivered(gateway, "archive", 3)


def test_a_refused_instance_is_a_dead_letter_and_the_others_arrive(
    gateway: GatewayProcess, ca: Pair, run: Callable[[Program], Program], tmp_path: Path
) -> None:
    """nginx takes no more than a megabyte."""
    server = Orthanc(tmp_path / "orthanc")
    run(server)
    nginx = Nginx(tmp_path / "nginx", server.port, issued(tmp_path, ca, "server"), location="client_max_body_size 1m;")
    run(nginx)
    secret(gateway, "ca", ca_crt=ca.certificate.read_bytes())
    stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "large", 1, pixels=1_500_000))
    storescu(gateway.port, make_study(tmp_path / "small", 20, pixels=300_000))
    delivered(gateway, "archive", 20)
    eventually(lambda: gateway.queue("archive")["failed"] == 1, "a dead letter")
    (failure,) = gateway.get("/v1/failures")["failures"]
    assert failure["reason"] == "TooLarge"
    assert "413" in failure["message"]


def test_lossy_images_are_recognised_in_the_answer_by_their_new_uids(
    gateway: GatewayProcess, orthanc: Orthanc, tmp_path: Path
) -> None:
    stow(gateway, "archive", orthanc.url, spec=f"  transferSyntax: {{uid: {ts.JPEG_2000}}}\n")
    gateway.start()
    study = make_study(tmp_path / "study", 6)
    storescu(gateway.port, study)
    delivered(gateway, "archive", 6)
    assert orthanc.uids() == {lossy_uid(uid, "default/archive", ts.JPEG_2000) for uid in data_sets(study)}
    assert gateway.queue("archive")["failed"] == 0
    eventually(gateway.is_empty, "the spool is empty")


def test_through_a_proxy_that_the_environment_names(
    gateway: GatewayProcess,
    orthanc: Orthanc,
    ca: Pair,
    run: Callable[[Program], Program],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """tinyproxy, by CONNECT; the server's name is one that only the certificate knows."""
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server", dns="pacs.example"))
    run(nginx)
    proxy = Tinyproxy(tmp_path / "proxy")
    run(proxy)
    monkeypatch.setattr(
        "tests.wire.gateway.peers.ENVIRONMENT", ENVIRONMENT | {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    )
    secret(gateway, "ca", ca_crt=ca.certificate.read_bytes())
    stow(gateway, "archive", nginx.url, "tls: {caRef: {name: ca}, serverName: pacs.example}")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 5))
    delivered(gateway, "archive", 5)
    assert f"CONNECT localhost:{nginx.port}" in (tmp_path / "proxy/proxy.log").read_text()


def test_echo(
    gateway: GatewayProcess, orthanc: Orthanc, ca: Pair, run: Callable[[Program], Program], tmp_path: Path
) -> None:
    """`dromos echo`: 0 where the server takes our credentials, 1 with the reason, 2 for manifests that do not do."""
    hashed = subprocess.run(["openssl", "passwd", "-6", "planted"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "htpasswd").write_text(f"dromos:{hashed}")
    location = f"auth_basic DICOM; auth_basic_user_file {tmp_path}/htpasswd;"
    nginx = Nginx(tmp_path / "nginx", orthanc.port, issued(tmp_path, ca, "server"), location=location)
    run(nginx)

    def echo() -> tuple[int, str]:
        command = [
            sys.executable,
            "-m",
            "dromos_gateway.cli",
            "echo",
            str(gateway.manifests),
            "--destination",
            "archive",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert "planted" not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    stow(gateway, "archive", nginx.url, "auth: {basic: {secretRef: {name: s}}}", "tls: {caRef: {name: s}}")
    code, said = echo()
    assert (code, "spec.stow.auth.basic.secretRef.name: Secret s does not exist" in said) == (2, True)
    secret(gateway, "s", username="dromos", password="planted", ca_crt=ca.certificate.read_bytes())
    code, said = echo()
    assert (code, f"STOW-RS at https://localhost:{nginx.port} answered OPTIONS with " in said) == (0, True)
    secret(gateway, "s", username="dromos", password="planted-wrong", ca_crt=ca.certificate.read_bytes())
    code, said = echo()
    assert (code, "does not accept the credentials" in said) == (1, True)
    secret(
        gateway, "s", username="dromos", password="planted", ca_crt=authority(tmp_path, "b").certificate.read_bytes()
    )
    code, said = echo()
    assert (code, "the server's certificate is not accepted" in said) == (1, True)
    nginx.stop()
    code, said = echo()
    assert (code, "no answer" in said) == (1, True)
