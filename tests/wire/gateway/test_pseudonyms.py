# SPDX-License-Identifier: Apache-2.0
"""Pseudonyms on the way through gateways: what waits for one, what goes by itself, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pydicom
import pytest

from tests.wire.endpoints.servers import CLIENT_ID, CLIENT_SECRET, Answer, Asked, Service, TokenEndpoint
from tests.wire.gateway.peers import GatewayProcess, Receiver, eventually, free_port, make_study, storescu
from tests.wire.pseudonyms.redisserver import PASSWORD, RedisServer

KEY = "a16056593f1baefec6cd93207e5743a4"
TABLE = "PatientID,IssuerOfPatientID,Pseudonym\n"
SOON = 40.0  # seconds: an instance that is held looks again every few


@pytest.fixture
def redis(tmp_path: Path):
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.stop()


def study(gateway: GatewayProcess, pseudonym: str, project: str = "", secrets: str = "") -> None:
    """A project with the basic profile, and its key."""
    gateway.write(
        "project",
        f"""\
apiVersion: dromos.dev/v1alpha1
kind: Project
metadata: {{name: study-a}}
spec:
  profile: {{name: p, profileElements: [{{name: all, codename: basic.dicom.profile}}]}}
{project}
---
apiVersion: v1
kind: Secret
metadata: {{name: study-a-key}}
stringData: {{active: k1, k1: {KEY}}}
{secrets}""",
    )
    use = f"deidentification: {{projectRef: {{name: study-a}}, pseudonym: {pseudonym}}}"
    gateway.destination("research", gateway.research, use)  # type: ignore[attr-defined]


def secret(name: str, **values: str) -> str:
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {json.dumps(values)}\n"


def imported(*words: str | Path, rows: str) -> None:
    command = [
        sys.executable,
        "-m",
        "dromos_gateway.cli",
        "pseudonyms",
        "import",
        "--project",
        "study-a",
        *map(str, words),
        "-",
    ]
    done = subprocess.run(command, input=TABLE + rows, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def patient_id(pseudonym: str) -> str:
    digest = hmac.digest(bytes.fromhex(KEY), pseudonym.encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:16], 'big'):X}"


def arrived(receiver: Receiver, count: int, pseudonym: str) -> dict[str, bytes]:
    """Wait for so many instances of that pseudonym; their bytes, by SOP Instance UID."""
    receiver.has(count, SOON)
    found = [pydicom.dcmread(path) for path in receiver.folder.iterdir()]
    assert {(str(data.PatientName), data.PatientID) for data in found} == {(pseudonym, patient_id(pseudonym))}
    return {data.SOPInstanceUID: path.read_bytes() for data, path in zip(found, receiver.folder.iterdir(), strict=True)}


def held(gateway: GatewayProcess, count: int) -> None:
    """Everything is in the queue, nothing has been sent."""
    eventually(lambda: gateway.queue("research").get("waiting") == count, "the instances wait")


def misses(gateway: GatewayProcess) -> float:
    """The metric, for the destination."""
    name = 'dromos_pseudonym_misses_total{destination="research",namespace="default"} '
    lines = gateway.get("/metrics").splitlines()
    return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@pytest.fixture
def to_research(gateway: GatewayProcess, receiver: Callable[..., Receiver]) -> tuple[GatewayProcess, Receiver]:
    research = receiver("research").start()
    gateway.research = research.port  # type: ignore[attr-defined]
    return gateway, research


def test_what_has_no_pseudonym_waits_and_goes_once_it_is_imported(to_research, tmp_path: Path) -> None:
    gateway, research = to_research
    stored = "  pseudonyms: {secretKeyRef: {name: ids, key: pseudonyms.csv}}"
    study(gateway, "{stored: {}}", stored, secret("ids", **{"pseudonyms.csv": TABLE}))
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    held(gateway, 3)
    assert list(research.folder.iterdir()) == []
    eventually(lambda: misses(gateway) >= 3, "each miss is counted")
    imported(gateway.manifests, rows="T-1,,PSN-0001\n")
    arrived(research, 3, "PSN-0001")
    eventually(gateway.is_empty, "the spool is empty")
    counted = misses(gateway)
    storescu(gateway.port, make_study(tmp_path / "later", 1))
    arrived(research, 4, "PSN-0001")
    assert misses(gateway) == counted
    assert "T-1" not in gateway.log()
    assert "PSN-0001" not in gateway.log()


def test_redis_away_holds_and_nothing_is_lost(to_research, redis: RedisServer, tmp_path: Path) -> None:
    gateway, research = to_research
    store = f"  pseudonyms: {{redis: {{url: '{redis.url}', secretRef: {{name: redis}}}}}}"
    study(gateway, "{stored: {}}", store, secret("redis", password=PASSWORD))
    (tmp_path / "password").write_text(PASSWORD)
    imported("--redis", redis.url, "--redis-password-file", tmp_path / "password", rows="T-1,,PSN-0001\n")
    redis.stop()
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 3))
    held(gateway, 3)
    assert list(research.folder.iterdir()) == []
    redis.start()
    arrived(research, 3, "PSN-0001")
    assert PASSWORD not in gateway.log()


def test_pods_that_share_a_redis_release_and_send_the_same(redis: RedisServer, receiver, tmp_path: Path) -> None:
    """Both are at work and hold what they got; the pseudonym arrives once, for both."""
    store = f"  pseudonyms: {{redis: {{url: '{redis.url}', secretRef: {{name: redis}}}}}}"
    (tmp_path / "password").write_text(PASSWORD)
    source = make_study(tmp_path / "study", 4)
    receivers = [receiver(name).start() for name in "ab"]
    with ExitStack() as pods:
        for name, research in zip("ab", receivers, strict=True):
            pod = GatewayProcess(tmp_path / f"pod-{name}")
            pods.callback(pod.kill)
            pod.node()
            pod.research = research.port  # type: ignore[attr-defined]
            study(pod, "{stored: {}}", store, secret("redis", password=PASSWORD))
            pod.start()
            storescu(pod.port, source)
            held(pod, 4)
        assert [list(research.folder.iterdir()) for research in receivers] == [[], []]
        imported("--redis", redis.url, "--redis-password-file", tmp_path / "password", rows="T-1,,PSN-0001\n")
        first, second = (arrived(research, 4, "PSN-0001") for research in receivers)
    assert first == second, "linked across pods, byte for byte"


def test_a_service_gives_the_pseudonym(to_research, tmp_path: Path) -> None:
    gateway, research = to_research
    tokens, port = TokenEndpoint(), free_port()

    def answers(asked: Asked) -> Answer:
        if asked.path == "/token":
            return tokens.answer(asked)
        return Answer(body='{"pseudonyms": [{"value": "PSN-0001"}]}') if tokens.accepts(asked) else Answer(401)

    url = f"http://127.0.0.1:{port}"
    oauth2 = f"{{tokenURL: '{url}/token', scopes: [ids, read], secretRef: {{name: client}}}}"
    api = f"{{api: {{url: '{url}/of/{{{{getString(#Tag.PatientID)}}}}', responsePath: /pseudonyms/0/value, authConfig: main}}}}"
    client = secret("client", client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    study(gateway, api, f"  authConfigs: [{{name: main, oauth2: {oauth2}}}]", client)
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 5))
    held(gateway, 5)
    with Service(answers, port=port) as service:
        arrived(research, 5, "PSN-0001")
    asked = [one.path for one in service.asked if one.path != "/token"]
    assert set(asked) == {"/of/T-1"}
    assert len(asked) < 5, "answers are remembered"
    assert CLIENT_SECRET not in gateway.log()


def test_a_part_of_a_tag_over_a_restart(to_research, tmp_path: Path) -> None:
    gateway, research = to_research
    study(gateway, "{tag: {tag: '(0012,0040)', delimiter: '-', position: 1}}")
    with_tag, without = make_study(tmp_path / "with", 2), make_study(tmp_path / "without", 2)
    for path in with_tag.iterdir():
        data = pydicom.dcmread(path)
        data.ClinicalTrialSubjectID = "SITE01-PSN12345"
        data.save_as(path)
    gateway.start()
    storescu(gateway.port, with_tag)
    storescu(gateway.port, without)
    before = arrived(research, 2, "PSN12345")
    held(gateway, 2)
    gateway.kill()
    for path in research.folder.iterdir():
        path.unlink()
    gateway.start()
    held(gateway, 2)
    storescu(gateway.port, with_tag)
    assert arrived(research, 2, "PSN12345") == before, "the same again after a restart"
