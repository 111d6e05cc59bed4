# SPDX-License-Identifier: Apache-2.0
"""Series into Kheops albums: with the UIDs that were sent, each once, through failures and restarts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.pixels.identity import lossy_uid
from tests.wire.gateway.peers import GatewayProcess, data_sets, eventually, make_study, storescu
from tests.wire.gateway.test_failures import failures
from tests.wire.stow.servers import Kheops
from tests.wire.stow.test_gateway import delivered, secret, stow

TOKEN = "{secretKeyRef: {name: tokens, key: %s}}"


@pytest.fixture
def kheops(tmp_path: Path) -> Iterator[Kheops]:
    server = Kheops(tmp_path / "kheops").start()
    yield server
    server.stop()


def album(url: str, token: str, condition: str | None = None, source: str = "source") -> str:
    line = f"{{url: {url}, destinationToken: {TOKEN % token}, sourceToken: {TOKEN % source}"
    return line + (f", condition: '{condition}'}}" if condition else "}")


def configure(gateway: GatewayProcess, kheops: Kheops, *albums: str, spec: str = "") -> None:
    secret(
        gateway, "tokens", upload="upload", a="album-a", b="album-b", readonly="read-only", source="source", gone="gone"
    )
    bearer = "auth: {bearer: {secretKeyRef: {name: tokens, key: upload}}}"
    stow(gateway, "kheops", kheops.url, bearer, f"kheopsAlbums: [{', '.join(albums)}]", spec=spec)


def series(folder: Path) -> str:
    return str(dcmread(next(folder.iterdir())).SeriesInstanceUID)


def shared(kheops: Kheops, **expected: list[str]) -> None:
    eventually(
        lambda: (
            {name: sorted(found) for name, found in kheops.state()["albums"].items()}
            == {name: sorted(found) for name, found in expected.items() if found}
        ),
        f"shared are {expected}; {kheops.state()['albums']}",
        timeout=180,
    )


def test_each_series_goes_once_into_the_albums_whose_condition_holds(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    ct = 'tagValueIsPresent(#Tag.Modality, "CT")'
    other = 'tagValueIsPresent(#Tag.PatientID, "somebody else")'
    configure(gateway, kheops, album(kheops.url, "a", ct), album(kheops.url, "b", other))
    gateway.start()
    one, two = (make_study(tmp_path / name, 20) for name in ("one", "two"))
    storescu(gateway.port, one)
    storescu(gateway.port, two)
    delivered(gateway, "kheops", 40)
    shared(kheops, a=[series(one), series(two)])
    assert kheops.state()["requests"].count("PUT") == 2
    storescu(gateway.port, one)
    delivered(gateway, "kheops", 60)
    gateway.terminate()
    gateway.start()
    storescu(gateway.port, two)
    eventually(lambda: len(kheops.state()["instances"]) == 40, "all are there")
    delivered(gateway, "kheops", 80)
    shared(kheops, a=[series(one), series(two)])


def test_a_failed_share_survives_a_restart(gateway: GatewayProcess, kheops: Kheops, tmp_path: Path) -> None:
    """The album's Kheops is another one, and down; the reason is shown, and SIGKILL loses nothing."""
    other = Kheops(tmp_path / "other")
    configure(gateway, kheops, album(other.url, "a"), album(kheops.url, "b"))
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    delivered(gateway, "kheops", 3)
    shared(kheops, b=[series(study)])
    words = f"not shared into album {other.url}: http://localhost:{other.port}: "
    eventually(lambda: words in (gateway.queue("kheops")["lastError"] or ""), "the reason is shown")
    eventually(lambda: gateway.queue("kheops")["sharesWaiting"] == 1, "one waits")
    assert 'dromos_shares{destination="kheops",namespace="default",state="waiting"} 1.0' in gateway.get("/metrics")
    gateway.kill()
    other.start()
    try:
        other.control(instances=kheops.state()["instances"])
        gateway.start()
        shared(other, a=[series(study)])
    finally:
        other.stop()


def test_a_series_that_is_never_taken_keeps_no_other_from_its_album(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    """Both wait while the album's Kheops is down; when it is back, it does not know the first one."""
    other = Kheops(tmp_path / "other")
    first, second = make_study(tmp_path / "first", 1), make_study(tmp_path / "second", 1)
    configure(gateway, kheops, album(other.url, "a"))
    gateway.start()
    for number, study in enumerate((first, second), 1):
        storescu(gateway.port, study)
        eventually(lambda number=number: gateway.queue("kheops")["sharesWaiting"] == number, "it waits")
    known = {uid: place for uid, place in kheops.state()["instances"].items() if series(second) in place}
    other.start()
    try:
        other.control(instances=known)
        shared(other, a=[series(second)])
        eventually(lambda: gateway.queue("kheops")["sharesWaiting"] == 1, "the gateway has heard of it")
        other.control(instances=kheops.state()["instances"])
        shared(other, a=[series(first), series(second)])
    finally:
        other.stop()


def test_a_share_that_is_given_up_is_listed_retried_and_discarded(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    """Its album is taken out of the manifest while Kheops is down; SIGKILL does not forget it."""
    other = Kheops(tmp_path / "other")
    first, second = make_study(tmp_path / "first", 2), make_study(tmp_path / "second", 2)
    configure(gateway, kheops, album(other.url, "a"))
    gateway.start()
    for study in (first, second):
        storescu(gateway.port, study)
    eventually(lambda: gateway.queue("kheops")["sharesWaiting"] == 2, "both series wait")
    configure(gateway, kheops)
    eventually(lambda: gateway.queue("kheops")["sharesFailed"] == 2, "they are given up")
    gateway.kill()
    gateway.start()
    found = {
        item["seriesInstanceUID"]: item for item in json.loads(failures(gateway, "list", "--format", "json").stdout)
    }
    assert found.keys() == {series(first), series(second)}
    assert {(item["reason"], item["message"]) for item in found.values()} == {
        ("NotShared", "not shared: the album is no longer configured")
    }
    one, two = found[series(first)]["id"], found[series(second)]["id"]
    assert f" {one} " in failures(gateway, "list").stdout
    assert series(first) in failures(gateway, "show", one).stdout
    refused = failures(gateway, "retry", one, "--to", "default/kheops")
    assert (refused.returncode, "its own destination" in refused.stderr) == (1, True)
    assert failures(gateway, "show", one.removeprefix("share-")).returncode == 1, "a dead letter's ID is another one"

    other.start()
    try:
        other.control(instances=kheops.state()["instances"])
        configure(gateway, kheops, album(other.url, "a"))
        gateway.applied()
        assert failures(gateway, "retry", one).returncode == 0
        shared(other, a=[series(first)])
        assert failures(gateway, "discard", two).returncode == 0
        eventually(lambda: "no dead letters" in failures(gateway, "list").stdout, "nothing is left")
        for action in ("show", "retry", "discard"):
            again = failures(gateway, action, two)
            assert (again.returncode, "no such dead letter" in again.stderr) == (1, True)
        assert other.state()["albums"] == {"a": [series(first)]}
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("token", "source", "words"),
    [
        ("readonly", "source", "destinationToken is not good for write"),
        ("a", "upload", "sourceToken is not good for send"),
        ("gone", "source", "destinationToken is not active"),
    ],
)
def test_tokens_are_introspected(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path, token: str, source: str, words: str
) -> None:
    """Nothing is shared with a token that does not do; once it does, the series that waited goes."""
    configure(gateway, kheops, album(kheops.url, token, source=source))
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    storescu(gateway.port, study)
    delivered(gateway, "kheops", 2)
    eventually(lambda: words in (gateway.queue("kheops")["lastError"] or ""), "the reason is shown")
    assert "PUT" not in kheops.state()["requests"]
    log = gateway.log()
    assert not any(text in log for text in (series(study), "read-only", "album-a"))
    kheops.control(tokens=Kheops.TOKENS | {
        "read-only": {"scope": "write", "album": "c"}, "gone": {"scope": "write", "album": "c"},
        "upload": {"scope": "write read send", "album": "inbox"}, "album-a": {"scope": "write", "album": "c"},
    })  # fmt: skip
    shared(kheops, c=[series(study)])


@pytest.mark.parametrize("status", [502, 503])
def test_kheops_in_trouble(gateway: GatewayProcess, kheops: Kheops, tmp_path: Path, status: int) -> None:
    configure(gateway, kheops, album(kheops.url, "a"))
    kheops.control(outage=status)
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    storescu(gateway.port, study)
    eventually(lambda: f"HTTP {status}" in (gateway.queue("kheops")["lastError"] or ""), "the reason is shown")
    assert gateway.queue("kheops")["waiting"] == 2
    kheops.control(outage=0)
    delivered(gateway, "kheops", 2)
    shared(kheops, a=[series(study)])


@pytest.mark.parametrize(
    ("status", "token"),
    [(401, {"scope": "read write", "active": False, "album": "inbox"}), (403, {"scope": "read", "album": "inbox"})],
)
def test_kheops_does_not_take_our_token(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path, status: int, token: dict[str, object]
) -> None:
    """One that is not active, one without the scope: what waits goes once Kheops takes it."""
    configure(gateway, kheops, album(kheops.url, "a"))
    kheops.control(tokens=Kheops.TOKENS | {"upload": token})
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    storescu(gateway.port, study)
    eventually(lambda: f"HTTP {status}" in (gateway.queue("kheops")["lastError"] or ""), "the reason is shown")
    queue = gateway.queue("kheops")
    assert (queue["waiting"], queue["failed"], queue["sharesWaiting"]) == (2, 0, 0)
    kheops.control(tokens=Kheops.TOKENS)
    delivered(gateway, "kheops", 2)
    shared(kheops, a=[series(study)])


@pytest.mark.parametrize("status", [429, 503])
def test_kheops_says_when_to_come_back(gateway: GatewayProcess, kheops: Kheops, tmp_path: Path, status: int) -> None:
    """For a series that comes later too."""
    configure(gateway, kheops, album(kheops.url, "a"))
    kheops.control(sharing_outage=status, retry_after="3600")
    gateway.start()
    first, second = make_study(tmp_path / "first", 1), make_study(tmp_path / "second", 1)
    for number, study in enumerate((first, second), 1):
        storescu(gateway.port, study)
        delivered(gateway, "kheops", number)
        eventually(lambda: f"answered {status}" in (gateway.queue("kheops")["lastError"] or ""), "it was refused")
    eventually(lambda: gateway.queue("kheops")["sharesWaiting"] == 2, "both series wait")
    time.sleep(1)
    assert kheops.state()["requests"].count("POST /api/token/introspect") == 1


def test_a_series_whose_condition_could_not_be_told_is_shared_by_no_retry(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    """Whether it belongs into the album is as unknown as before; the series, sent again, tells."""
    configure(gateway, kheops, album(kheops.url, "a", '"CT".substring(3) == ""'))
    gateway.start()
    study = make_study(tmp_path / "study", 2)
    storescu(gateway.port, study)
    delivered(gateway, "kheops", 2)
    eventually(lambda: gateway.queue("kheops")["sharesFailed"] == 1, "it is given up")
    (found,) = json.loads(failures(gateway, "list", "--format", "json").stdout)
    refused = failures(gateway, "retry", found["id"])
    assert (refused.returncode, "condition could not be evaluated" in refused.stderr) == (1, True)
    assert kheops.state()["albums"] == {}
    configure(gateway, kheops, album(kheops.url, "a", 'tagValueIsPresent(#Tag.Modality, "CT")'))
    gateway.applied()
    storescu(gateway.port, study)
    shared(kheops, a=[series(study)])
    eventually(lambda: gateway.queue("kheops")["sharesFailed"] == 0, "nothing is left")


def test_refused_instances_are_dead_letters_and_not_shared(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    """0124: the series is somebody else's. 0106: another patient's study."""
    configure(gateway, kheops, album(kheops.url, "a"))
    foreign, study = make_study(tmp_path / "foreign", 2), make_study(tmp_path / "study", 2)
    kheops.control(
        foreign=[series(foreign)], studies={str(dcmread(next(study.iterdir())).StudyInstanceUID): "SOMEBODY"}
    )
    gateway.start()
    storescu(gateway.port, foreign)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("kheops")["failed"] == 4, "dead letters")
    messages = {failure["message"] for failure in gateway.get("/v1/failures")["failures"]}
    assert messages == {
        "failure reason 0124 not authorized",
        "failure reason 0106 invalid attribute value; attributes 00100020",
    }
    assert "PUT" not in kheops.state()["requests"]


def test_de_identified_series_are_shared_with_the_uids_that_were_sent(
    gateway: GatewayProcess, kheops: Kheops, tmp_path: Path
) -> None:
    """The condition sees what came in; neither Kheops nor the log sees a UID of it."""
    gateway.write(
        "project",
        "apiVersion: dromos.dev/v1alpha1\nkind: Project\nmetadata: {name: study-a}\nspec:\n  secretRef: {name: key}\n"
        "  profile:\n    name: basic\n    version: '1.0'\n    minimumKarnakVersion: 0.9.2\n    profileElements:\n"
        "      - {name: Basic, codename: basic.dicom.profile}\n",
    )
    secret(gateway, "key", one="0123456789abcdef0123456789abcdef", active="one")
    spec = "  deidentification: {projectRef: {name: study-a}, pseudonym: {tag: {tag: '(0010,0020)'}}}\n"
    condition = 'tagValueIsPresent(#Tag.PatientName, "Test^Nobody")'
    configure(gateway, kheops, album(kheops.url, "a", condition), spec=spec)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    delivered(gateway, "kheops", 3)
    eventually(lambda: kheops.state()["albums"], "a series is shared")
    state = kheops.state()
    ((_, sent),) = {tuple(place) for place in state["instances"].values()}
    assert state["albums"] == {"a": [sent]}
    assert sent.startswith("2.25.")
    assert series(study) not in str(state) + gateway.log()


def test_lossy_images_are_shared_with_their_series(gateway: GatewayProcess, kheops: Kheops, tmp_path: Path) -> None:
    """Kheops has them under the UIDs that were sent; the series is the one that came in."""
    configure(gateway, kheops, album(kheops.url, "a"), spec=f"  transferSyntax: {{uid: {ts.JPEG_2000}}}\n")
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    delivered(gateway, "kheops", 3)
    shared(kheops, a=[series(study)])
    sent = {lossy_uid(uid, "default/kheops", ts.JPEG_2000) for uid in data_sets(study)}
    assert set(kheops.state()["instances"]) == sent
