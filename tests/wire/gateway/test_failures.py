# SPDX-License-Identifier: Apache-2.0
"""`dromos failures` against a running gateway."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from pydicom.uid import CTImageStorage

from tests.wire.gateway.peers import data_sets, eventually, free_port, make_study, mr_only, storescu


def failures(gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dromos_gateway.commands.failures", *arguments]
    command += ["--admin", f"127.0.0.1:{gateway.admin}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_dead_letters_are_listed_shown_retried_and_discarded(gateway, receiver, tmp_path):
    picky, tolerant = receiver("picky", *mr_only(tmp_path)).start(), receiver("tolerant").start()
    gateway.destination("picky", picky.port)
    gateway.destination("tolerant", tolerant.port, "suspend: true")
    gateway.start()
    assert "no dead letters" in failures(gateway, "list").stdout
    study = make_study(tmp_path / "study", 4)
    storescu(gateway.port, study)
    eventually(lambda: gateway.queue("picky")["failed"] == 4, "they are dead letters")

    lines = failures(gateway, "list").stdout.splitlines()
    assert len(lines) == 5
    assert "default/picky" in lines[1]
    assert "TransferSyntaxRefused" in lines[1]
    numbers = [item["id"] for item in json.loads(failures(gateway, "list", "--format", "json").stdout)]
    shown = failures(gateway, "show", str(numbers[0])).stdout
    assert CTImageStorage in shown

    assert failures(gateway, "discard", str(numbers[0])).returncode == 0
    again = failures(gateway, "discard", str(numbers[0]))
    assert again.returncode == 1
    assert "no such dead letter" in again.stderr
    refused = failures(gateway, "retry", str(numbers[1]), "--to", "default/nobody")
    assert refused.returncode == 1
    assert "no destination" in refused.stderr

    result = failures(gateway, "retry", "--destination", "default/picky", "--to", "default/tolerant")
    assert result.returncode == 0, result.stderr
    eventually(lambda: gateway.queue("tolerant")["waiting"] == 7, "they wait at the other one")
    gateway.destination("tolerant", tolerant.port)
    eventually(lambda: gateway.queue("tolerant")["delivered"] == 7, "all are delivered")
    assert data_sets(tolerant.folder) == data_sets(study)


def test_a_peers_words_stay_in_their_line_and_do_not_move_the_cursor():
    """As a gateway keeps them; most peers' libraries would not send these."""
    letter = {
        "id": 7,
        "destination": "default/a",
        "failedAt": "2026-01-01T00:00:00Z",
        "attempts": 1,
        "reason": "Refused",
    }
    letter["message"] = "0xA700 \x1b[2J\x9b31m\r\nnothing is wrong"

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(letter if self.path.endswith("/7") else {"failures": [letter], "next": None}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for words in (("list",), ("show", "7")):
            shown = failures(SimpleNamespace(admin=server.server_port), *words)
            assert shown.returncode == 0, shown.stderr
            assert {each for each in shown.stdout if not each.isprintable()} == {"\n"}
            assert not any(line.startswith("nothing") for line in shown.stdout.splitlines())
        server.shutdown()


def test_of_many_dead_letters_none_is_left_out(gateway, tmp_path):
    names = [f"d{number}" for number in range(7)]
    for name in names:
        gateway.destination(name, free_port(), "suspend: true")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 150, pixels=512))
    for name in names[1:]:
        (gateway.manifests / f"destination-{name}.yaml").unlink()
    eventually(lambda: all(gateway.queue(name)["failed"] == 150 for name in names[1:]), "all are dead letters")
    found = json.loads(failures(gateway, "list", "--format", "json").stdout)
    assert len({item["id"] for item in found}) == len(found) == 900
    first = gateway.get("/v1/failures")  # a page takes no more
    rest = gateway.get(f"/v1/failures?before={first['next']}")
    assert [len(page["failures"]) for page in (first, rest)] == [500, 400]
    assert rest["next"] is None
    assert gateway.get("/v1/failures?before=x") == 400
    done = failures(gateway, "discard", "--destination", "d6")
    assert done.stdout.count("discarded") == 150
    assert failures(gateway, "discard", "--destination", "default/d6").stdout == "no dead letters\n"
    assert gateway.queue("d5")["failed"] == 150


def test_wrong_usage_and_no_gateway_exit_with_2(gateway):
    gateway.start()
    assert failures(gateway, "retry").returncode == 2
    assert failures(gateway, "show", "share-x").returncode == 2
    gateway.kill()
    gateway.admin = free_port()
    result = failures(gateway, "list")
    assert result.returncode == 2
    assert "no gateway answers" in result.stderr
    assert "Connection refused; is `dromos run` up, and is that its --admin?" in result.stderr
