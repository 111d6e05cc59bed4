# SPDX-License-Identifier: Apache-2.0
"""Patient data and secrets are planted in every input of a gateway; logs, metrics, health, status have none of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage

from tests.wire.dimse.attacker import attacker, store
from tests.wire.discretion.planted import PROJECT_KEY, SECRETS, found_in, malformed, study
from tests.wire.gateway.conftest import receiver  # noqa: F401 - fixture
from tests.wire.gateway.peers import GatewayProcess, eventually, free_port, storescu
from tests.wire.notifications.relays import Mailbox, Scripted
from tests.wire.pseudonyms.redisserver import RedisServer
from tests.wire.stow.servers import Kheops

SECRET_MANIFESTS = f"""
apiVersion: v1
kind: Secret
metadata: {{name: all}}
stringData:
  username: dromos
  password: {SECRETS["smtp"]}
  token: {SECRETS["webhook"]}
  bearer: {SECRETS["bearer"]}
  header: {SECRETS["header"]}
  client_id: dromos
  client_secret: {SECRETS["client"]}
  log: {SECRETS["log"]}
  album: {SECRETS["album"]}
  source: {SECRETS["source"]}
  upload: upload
---
apiVersion: v1
kind: Secret
metadata: {{name: redis}}
stringData: {{password: {SECRETS["redis"]}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: keys}}
stringData: {{active: one, one: "{PROJECT_KEY}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: unusable}}
stringData: {{active: one, one: "{SECRETS["badkey"]}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: ids}}
stringData:
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    {SECRETS["pseudonym"]}-other,,{SECRETS["pseudonym"]}-1
---
apiVersion: v1
kind: Secret
metadata: {{name: broken-ids}}
stringData:
  pseudonyms.csv: |
    PatientID,IssuerOfPatientID,Pseudonym
    {SECRETS["pseudonym"]},"{SECRETS["pseudonym"]}-never closed
"""
PROFILE = "profile: {name: p, profileElements: [{name: b, codename: basic.dicom.profile}]}"


ALBUM = {"destination": "album", "source": "source"}
CONSTANT = {
    "dead letter", "tried again later", "sending pauses", "answers again", "still out of reach",
    "another transfer syntax is tried", "takes no further association", "notification sent",
    "notification not sent, tried again", "a share is tried again later",
}  # fmt: skip


class Echoing(BaseHTTPRequestHandler):
    """A server that fails, and says all it was told in its answer: body, headers and path."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (self.headers.get("Transfer-Encoding") or "") == "chunked":
            while (size := int(self.rfile.readline().split(b";")[0], 16)) > 0:
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        said = f"cannot {self.path} {self.headers} ".encode() + body[:4000]
        self.send_response(409 if self.path.startswith("/refuses") else 500, said[:60].decode("latin-1").split("\n")[0])
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def echoing() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echoing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def telling() -> Iterator[int]:
    """The port of a peer that refuses each instance, and says the patient's name in its Error Comment."""
    entity = AE("TELLING")
    entity.add_supported_context(CTImageStorage)

    def refuse(event: evt.Event) -> Dataset:
        answer = Dataset()
        answer.Status, answer.ErrorComment = 0xC123, str(event.dataset.PatientName)[:64]
        return answer

    port = free_port()
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, refuse)])
    yield port
    server.shutdown()


@pytest.fixture
def relay() -> Iterator[Scripted]:
    relay = Scripted(Mailbox(), authenticated=True)  # which knows another password
    relay.start()
    yield relay
    relay.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis").start()  # which knows another password
    yield server
    server.stop()


@pytest.fixture
def kheops(tmp_path: Path) -> Iterator[Kheops]:
    """A server that takes what is posted; its albums are elsewhere."""
    server = Kheops(tmp_path / "kheops").start()
    yield server
    server.stop()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayProcess]:
    (tmp_path / "token").write_text(SECRETS["admin"])
    process = GatewayProcess(tmp_path, "--admin-token-file", str(tmp_path / "token"))
    yield process
    process.kill()


def _project(name: str, **spec: str) -> str:
    lines = "\n".join(f"  {key}: {value}" for key, value in spec.items())
    return f"apiVersion: dromos.dev/v1alpha1\nkind: Project\nmetadata: {{name: {name}}}\nspec:\n  {PROFILE}\n{lines}\n"


def _stow(name: str, url: str, *lines: str) -> str:
    more = "\n".join(f"    {line}" for line in lines)
    return (
        f"apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {{name: {name}}}\nspec:\n"
        f"  forwardNodeRef: {{name: radiology}}\n  stow:\n    url: {url}\n{more}\n"
    )


def _plant_elsewhere(gateway: GatewayProcess, echoing: str, redis: RedisServer, kheops: Kheops) -> None:
    """A Redis that refuses the password, and an album whose server says what it was told."""
    store = f"{{redis: {{url: '{redis.url}', secretRef: {{name: redis}}}}}}"
    gateway.write("project-t", _project("t", secretRef="{name: keys}", pseudonyms=store))
    stored = "deidentification: {projectRef: {name: t}, pseudonym: {stored: {}}}"
    gateway.destination("nobody-t", free_port(), stored)
    tokens = ", ".join(f"{name}Token: {{secretKeyRef: {{name: all, key: {key}}}}}" for name, key in ALBUM.items())
    upload = "auth: {bearer: {secretKeyRef: {name: all, key: upload}}}"
    gateway.write("shared", _stow("shared", kheops.url, upload, f"kheopsAlbums: [{{url: {echoing}/album, {tokens}}}]"))


def _plant(gateway: GatewayProcess, echoing: str, relay: Scripted, port: int, telling: int) -> None:
    """Destinations that fail in every way there is, and secrets in all of them."""
    gateway.write("secrets", SECRET_MANIFESTS)
    gateway.write(
        "secret-broken", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\nstringData: {{a: [{SECRETS['basic']}"
    )
    _misplace(gateway, SECRETS["inline"])
    smtp = f"smtp: {{host: 127.0.0.1, port: {relay.port}, security: 'None', sender: d@example.org, secretRef: {{name: all}}}}"
    gateway.node(f"{smtp}\ntransferLog: {{key: {{secretKeyRef: {{name: all, key: log}}}}}}", ae_title="STORE")
    told = f"notifications: {{recipients: [a@example.org], interval: 1s, webhook: {{url: '{echoing}/hook', secretRef: {{name: all}}}}}}"
    gateway.destination("works", port, told)
    gateway.destination("telling", telling, told)
    gateway.destination("down", free_port(), told)
    gateway.destination("failing", port, f"condition: \"'CT'.substring(3) == ''\"\n{told}")
    ids = "{secretKeyRef: {name: ids, key: pseudonyms.csv}}"
    gateway.write("project-p", _project("p", secretRef="{name: keys}", pseudonyms=ids))
    broken = "{secretKeyRef: {name: broken-ids, key: pseudonyms.csv}}"
    gateway.write("project-q", _project("q", secretRef="{name: keys}", pseudonyms=broken))
    gateway.write("project-r", _project("r", secretRef="{name: unusable}"))
    for project in "pqr":
        stored = f"deidentification: {{projectRef: {{name: {project}}}, pseudonym: {{stored: {{}}}}}}"
        gateway.destination(f"nobody-{project}", port, f"{stored}\n{told}")
    tag = 'pseudonym: {tag: {tag: "(0008,1030)", delimiter: "|", position: 7}}'
    gateway.destination("tagged", port, f"deidentification: {{projectRef: {{name: p}}, {tag}}}\n{told}")
    api = f'pseudonym: {{api: {{url: "{echoing}/{{{{getString(#Tag.PatientID)}}}}", responsePath: /a}}}}'
    gateway.destination("asking", port, f"deidentification: {{projectRef: {{name: p}}, {api}}}\n{told}")
    header = "headers: [{name: X-Key, valueFrom: {secretKeyRef: {name: all, key: header}}}]"
    bearer = "auth: {bearer: {secretKeyRef: {name: all, key: bearer}}}"
    oauth2 = f"auth: {{oauth2: {{tokenURL: '{echoing}/token', scopes: [a], secretRef: {{name: all}}}}}}"
    gateway.write("stow-a", _stow("stow-a", f"{echoing}/studies", header, bearer))
    gateway.write("stow-b", _stow("stow-b", f"{echoing}/studies", header, oauth2))
    gateway.write("stow-c", _stow("stow-c", f"{echoing}/refuses", header, "auth: {basic: {secretRef: {name: all}}}"))


def _misplace(gateway: GatewayProcess, secret: str) -> None:
    """Credentials where their references belong, and in what is no YAML."""
    gateway.write(
        "inline",
        _stow(
            "inline",
            f"bob:{secret}@pacs/{secret}?token={secret}",
            f"headers: [{{name: 'X-Key {secret}', value: \"{secret}\\r\\nX: {secret}\"}}]",
            f"auth: {{bearer: {secret}, basic: {{secretRef: {secret}}}}}",
            f"tls: {{certificateSecretRef: {secret}}}",
            f"kheopsAlbums: [{{url: 'k/{secret}', destinationToken: {secret}, sourceToken: [{secret}]}}]",
        ),
    )
    for name, line in (
        ("twice", f"{{{secret}: a, {secret}: b}}"),
        ("tagged", f"{{a: !{secret} b}}"),
        ("alias", f"{{a: *{secret}}}"),
    ):
        gateway.write(
            f"secret-{name}", f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {line}\n"
        )


async def _attack(port: int) -> None:
    """What breaks the standard, each on an association of its own."""
    for uid, content in malformed().items():
        async with attacker(port) as peer:
            await peer.associate()
            peer.send(store(content, uid=uid))
            await peer.response()


def _open_pages(gateway: GatewayProcess) -> dict[str, str]:
    """Every page as somebody without a token gets it."""
    shown = {}
    for path in ("/healthz", "/readyz", "/metrics", "/v1/status", "/v1/configuration", "/v1/failures", "/v1/transfers"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin}{path}", timeout=10) as answer:
                shown[path] = answer.read().decode() + str(answer.headers)
        except urllib.error.HTTPError as error:
            shown[path] = str(error.code) + error.read().decode() + str(error.headers)
    return shown


def test_nothing_that_was_planted_comes_out(
    gateway,
    receiver,  # noqa: F811
    echoing,
    relay,
    telling,
    redis,
    kheops,
    tmp_path,
):
    works = receiver("works").start()
    _plant(gateway, echoing, relay, works.port, telling)
    _plant_elsewhere(gateway, echoing, redis, kheops)
    gateway.start()
    asyncio.run(_attack(gateway.port))
    storescu(gateway.port, study(tmp_path / "study"), called="STORE")
    works.has(3)

    def status() -> str:
        return json.dumps(gateway.get("/v1/status", token=SECRETS["admin"]))

    def busy() -> bool:
        state = {each["name"]: each for each in json.loads(status())["destinations"]}
        unlucky = ("down", "stow-a", "stow-b", "asking", "nobody-p", "nobody-t", "tagged", "shared")
        tried = all(state[name]["lastError"] for name in unlucky)
        shared = (
            state["shared"]["delivered"] >= 3 and state["shared"]["failed"] >= 1
        )  # what is malformed is in no series
        return tried and shared and all(state[name]["failed"] >= 3 for name in ("failing", "telling", "stow-c"))

    eventually(busy, "every destination has failed in its way", timeout=15)
    eventually(lambda: "not sent" in gateway.log() and "535" in gateway.log(), "the relay refuses the password")
    gateway.write("secrets", SECRET_MANIFESTS.replace("kind: Secret", "kind: Secret # and again", 1))
    configuration = eventually(lambda: gateway.get("/v1/configuration", token=SECRETS["admin"]), "it is shown")
    assert configuration["problems"]
    shown = {**_open_pages(gateway), "status": status()}
    dead = gateway.get("/v1/failures", token=SECRETS["admin"])["failures"]
    assert found_in(json.dumps(dead))  # whoever has the token may see what the peer said
    assert gateway.terminate() == 0
    shown |= {"configuration": json.dumps(configuration), "log": gateway.log()}
    assert all(shown[path].startswith("401") for path in shown if path.startswith("/v1/"))
    lines = [json.loads(line) for line in gateway.log().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    letters = [line["delivery"] for line in lines if line["message"] == "dead letter"]
    assert len(letters) == len(set(letters)) >= len(dead)  # one line for each
    told = {line["message"] for line in lines if line["logger"].startswith(("delivery.", "notifications."))}
    assert told <= CONSTANT
    assert {name: marks for name, text in shown.items() if (marks := found_in(text))} == {}


def test_validate_says_where_and_not_what(gateway, echoing, relay):
    _plant(gateway, echoing, relay, 104, 104)
    command = [Path(sys.executable).with_name("dromos"), "validate", gateway.manifests]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "secret-broken.yaml" in done.stdout + done.stderr
    assert found_in(done.stdout + done.stderr) == []
