# SPDX-License-Identifier: Apache-2.0
"""What comes in goes out, byte for byte, to every destination, however the others fare."""

from __future__ import annotations

import subprocess

from pydicom.uid import CTImageStorage, MRImageStorage

from tests.wire.gateway.peers import (
    ENVIRONMENT,
    data_sets,
    eventually,
    free_port,
    make_study,
    mr_only,
    storescu,
    successes,
)


def test_two_destinations_get_every_data_set_byte_by_byte(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port)
    gateway.destination("b", b.port)
    gateway.start()
    study = make_study(tmp_path / "study", 100)
    storescu(gateway.port, study)
    sent = data_sets(study)
    for each in (a, b):
        each.has(100)
        eventually(lambda each=each: data_sets(each.folder) == sent, "all are complete")
    eventually(lambda: gateway.queue("a")["delivered"] == gateway.queue("b")["delivered"] == 100, "the ledger knows")
    eventually(gateway.is_empty, "nothing is left in the spool")


def test_a_destination_that_is_down_delays_only_itself_and_catches_up(gateway, receiver, tmp_path):
    up, down = receiver("up").start(), receiver("down")
    gateway.destination("up", up.port)
    gateway.destination("down", down.port)
    gateway.start()
    study = make_study(tmp_path / "study", 50)
    storescu(gateway.port, study)
    up.has(50)
    eventually(lambda: gateway.queue("down")["breaker"] != "Closed", "the breaker opens")
    queue = gateway.queue("down")
    assert (queue["waiting"], queue["failed"]) == (50, 0)
    eventually(lambda: gateway.queue("down")["lastError"], "the reason is shown")
    down.start()
    down.has(50, timeout=30)
    eventually(lambda: data_sets(down.folder) == data_sets(study), "all are complete")
    eventually(lambda: gateway.queue("down")["breaker"] == "Closed", "the breaker closes")


def test_the_same_instance_twice_is_two_transfers(gateway, receiver, tmp_path):
    a = receiver("a", "--unique-filenames").start()
    gateway.destination("a", a.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    storescu(gateway.port, study)
    a.has(6)


def test_classes_that_are_not_authorized_are_excluded_and_counted(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port, f"authorizedSOPClasses: [{CTImageStorage}]")
    gateway.start()
    mixed = make_study(tmp_path / "ct", 4)
    storescu(gateway.port, make_study(tmp_path / "mr", 3, sop_class=MRImageStorage))
    storescu(gateway.port, mixed)
    a.has(4)
    eventually(lambda: gateway.queue("a")["excluded"] == 3, "they are counted")
    assert data_sets(a.folder).keys() == data_sets(mixed).keys()
    eventually(gateway.is_empty, "nothing is kept of them")


def test_a_peer_that_refuses_the_class_makes_dead_letters_that_can_be_retried(gateway, receiver, tmp_path):
    picky, tolerant = receiver("picky", *mr_only(tmp_path)), receiver("tolerant")
    picky.start()
    gateway.destination("a", picky.port)
    gateway.start()
    study = make_study(tmp_path / "study", 3)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("a")["failed"] == 3, "they are dead letters")
    failures = gateway.get("/v1/failures")["failures"]
    assert {item["reason"] for item in failures} == {"TransferSyntaxRefused"}
    assert CTImageStorage in failures[0]["message"]
    gateway.destination("a", tolerant.start().port)
    gateway.applied()
    for item in failures:
        assert gateway.get(f"/v1/failures/{item['id']}/retry", method="POST")["state"] == "Waiting"
    tolerant.has(3)
    eventually(lambda: data_sets(tolerant.folder) == data_sets(study), "all are complete")


def test_the_calling_title_is_the_nodes_or_the_destinations(gateway, receiver, tmp_path):
    a, b = receiver("a").start(), receiver("b").start()
    gateway.destination("a", a.port)
    gateway.destination("b", b.port, dicom=", useDestinationAETitle: true")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 1))
    for each, title in ((a, "DROMOS"), (b, "B")):
        each.has(1)
        eventually(lambda each=each, title=title: each.said(f"Calling Application Name:    {title}\n"), title)


def test_strangers_are_rejected_with_the_right_reason(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.node(
        "sources:\n"
        "- {aeTitle: CT1}\n"
        "- {aeTitle: CT2, hostname: 192.0.2.9}\n"
        "- {aeTitle: CT3, hostname: localhost}\n"
        "- {aeTitle: CT4, hostname: 192.0.2.9, checkHostname: false}"
    )
    gateway.destination("a", a.port)
    gateway.start()

    def echo(calling: str, called: str = "DROMOS") -> str:
        command = ["echoscu", "-v", "-aet", calling, "-aec", called, "127.0.0.1", str(gateway.port)]
        result = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=20, check=False)
        return "ok" if result.returncode == 0 else result.stdout + result.stderr

    assert [echo(title) for title in ("CT1", "CT3", "CT4")] == ["ok"] * 3
    assert "Calling AE Title Not Recognized" in echo("CT9")
    assert "Calling AE Title Not Recognized" in echo("CT2")
    assert "Called AE Title Not Recognized" in echo("CT1", "NOBODY")
    rejections = [line for line in gateway.log().splitlines() if "association rejected" in line]
    assert len(rejections) == 3  # one line each
    assert all("127.0.0.1" in line for line in rejections)
    metrics = gateway.get("/metrics")
    assert 'dromos_rejected_associations_total{reason="1/1/3"} 2.0' in metrics
    assert 'dromos_rejected_associations_total{reason="1/1/7"} 1.0' in metrics


def test_without_an_enabled_destination_echo_works_and_store_does_not(gateway, receiver, tmp_path):
    gateway.destination("a", free_port(), "enabled: false")
    gateway.start()
    command = ["echoscu", "-aec", "DROMOS", "127.0.0.1", str(gateway.port)]
    assert subprocess.run(command, env=ENVIRONMENT, timeout=20, check=False).returncode == 0
    result = storescu(gateway.port, make_study(tmp_path / "study", 1), check=False)
    assert successes(result) == 0
    assert "OutOfResources" in result.stdout + result.stderr
    assert gateway.is_empty()


def test_a_destination_that_nothing_can_be_opened_for_harms_no_other(gateway, receiver, tmp_path):
    a = receiver("a").start()
    gateway.destination("a", a.port)
    text = (gateway.manifests / "destination-a.yaml").read_text().replace("name: a}", "name: odd}")
    where = "stow: {url: 'http://127.0.0.1:9/studies'}"
    gateway.environment = {"HTTP_PROXY": "http://[1::2::3]:8080"}  # two gaps in an IPv6 address
    gateway.write(
        "destination-odd", "\n".join(where.join(("  ", "")) if "dicom:" in line else line for line in text.splitlines())
    )
    gateway.start()
    study = make_study(tmp_path / "study", 5)
    storescu(gateway.port, study)
    a.has(5)
    assert data_sets(a.folder) == data_sets(study)
    why = eventually(lambda: gateway.queue("odd").get("lastError"), "it says why")
    assert why.startswith("the environment names a proxy that cannot be used")
    assert gateway.queue("odd")["waiting"] == 5
    assert "sending process" not in gateway.log()
