# SPDX-License-Identifier: Apache-2.0
"""From manifests to settings: what is in force, what is held, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trustme

from dromos_gateway.configuration.documents import from_rows, to_rows
from dromos_gateway.configuration.folder import Folder

NODE = """
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: %s}
spec: {aeTitle: %s}
"""
DESTINATION = """
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {name: %s, generation: 3}
spec:
  forwardNodeRef: {name: radiology}
  dicom: {aeTitle: ARCHIVE, hostname: 127.0.0.1, port: 104, useDestinationAETitle: %s}
"""


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, node=NODE % ("radiology", "DROMOS"), a=DESTINATION % ("a", "false"))
    return tmp_path


def test_a_destination_becomes_a_peer(folder):
    write(folder, b=DESTINATION % ("b", "true"))
    configuration = Folder([folder]).load().configuration
    assert configuration.problems == ()
    one, other = configuration.destinations["default/a"], configuration.destinations["default/b"]
    assert one.peer is not None
    assert other.peer is not None
    assert (one.peer.called_ae_title, one.peer.calling_ae_title, one.peer.port) == ("ARCHIVE", "DROMOS", 104)
    assert other.peer.calling_ae_title == "ARCHIVE"
    assert (one.generation, one.max_age, one.hold) == (3, 168 * 3600, None)
    assert set(configuration.nodes) == {"DROMOS"}


def test_a_condition_is_compiled_once_and_a_mistake_in_it_holds(folder):
    text = 'tagValueIsPresent(#Tag.Modality, "CT")'
    write(folder, a=DESTINATION % ("a", "false") + f"  condition: {text}\n")
    settings = Folder([folder]).load().configuration.destinations["default/a"]
    assert settings.hold is None
    assert settings.condition is not None
    assert settings.condition.text == text
    write(folder, a=DESTINATION % ("a", "false") + "  condition: tagValueIsPresent(#Tag.Modality)\n")
    hold = Folder([folder]).load().configuration.destinations["default/a"].hold
    assert hold is not None
    assert (hold.reason, hold.field) == ("InvalidExpression", "spec.condition")
    assert "takes 2 arguments" in hold.message


def test_a_destination_without_its_forwardnode_is_held(folder):
    write(folder, node=NODE % ("cardiology", "DROMOS"))
    configuration = Folder([folder]).load().configuration
    hold = configuration.destinations["default/a"].hold
    assert hold is not None
    assert hold.reason == "ForwardNodeNotFound"


def test_a_missing_secret_holds_its_destination_only(folder):
    text = (DESTINATION % ("b", "false")).replace("port: 104", "port: 104, tls: {caRef: {name: ca}}")
    write(folder, b=text)
    destinations = Folder([folder]).load().configuration.destinations
    hold = destinations["default/b"].hold
    assert hold is not None
    assert (hold.reason, hold.field) == ("SecretNotFound", "spec.dicom.tls.caRef")
    assert destinations["default/a"].hold is None


def test_a_secret_that_is_no_text_costs_one_webhook(folder):
    """Not the whole configuration, and no image waits."""
    hook = "  notifications: {webhook: {url: 'http://127.0.0.1:9/x', secretRef: {name: hook}}}\n"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: hook}\ndata: {token: //79}\n"
    write(folder, b=DESTINATION % ("b", "false") + hook, secret=secret)
    configuration = Folder([folder]).load().configuration
    (problem,) = configuration.problems
    assert (problem.reason, problem.field) == ("InvalidCredential", "spec.notifications.webhook.secretRef.name")
    assert "key token of Secret hook is not UTF-8 text" in problem.message
    assert {settings.hold for settings in configuration.destinations.values()} == {None}


def test_a_mail_relays_login_has_no_line_end(folder):
    smtp = "smtp: {host: relay.example, sender: dromos@example.org, secretRef: {name: relay}}"
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: relay}\ndata: {username: dXNlcgo=, password: %s}\n"
    node = NODE.replace("aeTitle: %s", f"aeTitle: %s, {smtp}") % ("radiology", "DROMOS")
    write(folder, node=node, secret=secret % "IHNlY3JldAo=")
    settings = Folder([folder]).load().configuration.nodes["DROMOS"]
    assert settings.smtp is not None
    assert (settings.smtp.username, settings.smtp.password) == ("user", " secret"), "a space is the password's"
    write(folder, secret=secret % "//79")
    (problem,) = Folder([folder]).load().configuration.problems
    assert (problem.reason, problem.field) == ("InvalidCredential", "spec.smtp.secretRef.name")


def test_two_forwardnodes_with_one_title_are_a_conflict(folder):
    write(folder, other=NODE % ("cardiology", "DROMOS"))
    problems = Folder([folder]).load().configuration.problems
    assert [problem.field for problem in problems if problem.reason == "Conflict"] == ["spec.aeTitle"]


def test_forwardnodes_that_differ_in_tls_are_a_conflict(folder):
    tls = "tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}"
    write(folder, other=(NODE % ("cardiology", "HEART")).replace("aeTitle: HEART", f"aeTitle: HEART, {tls}"))
    authority = trustme.CA()
    own = authority.issue_cert("gateway.example")
    pems = {"tls.crt": own.cert_chain_pems[0].bytes(), "tls.key": own.private_key_pem.bytes()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "node-tls"}}
    write(folder, secret=json.dumps(secret | {"stringData": {key: pem.decode() for key, pem in pems.items()}}))
    problems = Folder([folder]).load().configuration.problems
    (conflict,) = (problem for problem in problems if problem.reason == "Conflict")
    assert (conflict.field, "share the listener" in conflict.message) == ("spec.tls", True)


@pytest.mark.parametrize(
    "text",
    [
        "kind: [unclosed",
        (DESTINATION % ("a", "false")).replace("port: 104", "port: 0"),
        (DESTINATION % ("a", "false")).replace("kind: Destination", "kind: Destinaton"),
        (DESTINATION % ("a", "false")).replace("dromos.dev", "dromos.de"),
    ],
)
def test_a_broken_document_keeps_its_last_accepted_form_also_after_a_restart(folder, text):
    first = Folder([folder])
    loaded = first.load()
    first.accept(loaded)
    write(folder, a=text)
    after_restart = Folder([folder], from_rows(to_rows(loaded.documents)))
    for reader in (first, after_restart):
        again = reader.load()
        assert again.broken == {("Destination", "default", "a")}
        assert again.configuration.destinations["default/a"].peer == loaded.configuration.destinations["default/a"].peer
        assert again.configuration.problems
        assert again.configuration.hash != loaded.configuration.hash


def test_an_absent_document_is_deleted_even_beside_a_broken_one(folder):
    write(folder, b=DESTINATION % ("b", "false"))
    reader = Folder([folder])
    reader.accept(reader.load())
    (folder / "a.yaml").unlink()
    write(folder, b="kind: [unclosed")
    assert set(reader.load().configuration.destinations) == {"default/b"}


BROKEN = {
    "value": DESTINATION % ("b", "maybe"),
    "field": (DESTINATION % ("b", "false")).replace("hostname", "hostnam"),
    "kind": (DESTINATION % ("b", "false")).replace("Destination", "Destinaton"),
    "metadata": (DESTINATION % ("b", "false")).replace("generation", "generaton"),
    "syntax": (DESTINATION % ("b", "false")).replace("104", "[104"),
    "syntax, and line ends of elsewhere": (DESTINATION % ("b", "false"))
    .replace("{name: b, generation: 3}", "\n  name: b")
    .replace("104", "[104")
    .replace("\n", "\r\n"),
    "in lines": (DESTINATION % ("b", "false"))
    .replace("{name: b, generation: 3}", "\n  labels:\n    name: c\n  name: b")
    .replace("{name: radiology}", "\n    # which one\n    name: 'radiology'\n  description: a: b"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_destination_that_never_was_valid_is_there_and_held(folder, broken):
    """What its ForwardNode receives is for it as well: it must not be acknowledged and then go elsewhere only."""
    write(folder, b=BROKEN[broken])
    watched = Folder([folder])
    loaded = watched.load()
    b = loaded.configuration.destinations["default/b"]
    assert (b.node, b.enabled, b.peer) == ("default/radiology", True, None)
    assert b.hold is not None
    assert b.hold.name == "b"
    assert [item.key for item in loaded.configuration.of_node("default/radiology")] == ["default/a", "default/b"]
    assert loaded.configuration.destinations["default/a"].hold is None
    watched.accept(loaded)
    write(folder, b="")
    loaded = watched.load()
    assert (watched.believes(loaded), watched.believes(loaded)) == (False, True), "half written, or gone?"
    write(folder, b=DESTINATION % ("b", "false"))
    assert watched.load().configuration.destinations["default/b"].hold is None


def test_what_names_no_destination_is_only_told(folder):
    write(
        folder,
        b="kind: [unclosed",
        c=DESTINATION % ("{a: 1}", "false"),
        d=(DESTINATION % ("d", "false")).replace("{name: radiology}", "radiology"),
        e="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\ndata:\n  kind: Destination\n  forwardNodeRef: {name: x",
    )
    loaded = Folder([folder]).load()
    assert list(loaded.configuration.destinations) == ["default/a"]
    assert {problem.file.rpartition("/")[2] for problem in loaded.configuration.problems} == {
        "b.yaml",
        "c.yaml",
        "d.yaml",
        "e.yaml",
    }


def test_secrets_are_not_written_into_the_spool(folder):
    write(folder, s="apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n")
    rows = to_rows(Folder([folder]).load().documents)
    assert "hunter2" not in str(rows)
    assert {row[0] for row in rows} == {"ForwardNode", "Destination"}


def test_a_document_that_vanishes_is_believed_to_be_deleted_at_the_second_look(folder):
    reader = Folder([folder])
    reader.accept(reader.load())
    write(folder, a="")  # as an editor leaves it between emptying the file and writing it
    assert not reader.believes(reader.load())
    write(folder, a=DESTINATION % ("a", "true"))
    assert reader.believes(reader.load())
    write(folder, a="")
    assert not reader.believes(reader.load())
    assert reader.believes(reader.load())


def test_the_digest_follows_a_swapped_link_as_the_kubelet_does_it(tmp_path):
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        write(tmp_path / f"..{version}", node=NODE % ("radiology", f"DROMOS{version}"))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "node.yaml").symlink_to("..data/node.yaml")
    reader = Folder([tmp_path])
    before = reader.digest()
    assert reader.load().configuration.hash == before
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert reader.digest() != before
    assert set(reader.load().configuration.nodes) == {"DROMOS2"}


def test_spaces_around_an_ae_title_say_nothing(folder):
    write(folder, node=NODE % ("radiology", "' DROMOS '"))
    configuration = Folder([folder]).load().configuration
    assert set(configuration.nodes) == {"DROMOS"}
    peer = configuration.destinations["default/a"].peer
    assert peer is not None
    assert peer.calling_ae_title == "DROMOS"
