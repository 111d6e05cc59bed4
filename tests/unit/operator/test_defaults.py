# SPDX-License-Identifier: Apache-2.0
"""What a ForwardNode does not say: the key of its transfer log is made once, the operator's mail relay is lent."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dromos_crds import ForwardNode
from dromos_operator import relay
from dromos_operator.errors import SettingsError
from dromos_operator.plan import planner
from dromos_operator.plan.defaults import RELAY, log_key
from dromos_operator.relay import Relay
from dromos_operator.settings import Settings
from tests.unit.operator.make import NOW, SETTINGS, TOKEN, condition, destination, node, secret, snapshot

NAME = "radiology-transfer-log"
OWN = {"key": {"secretKeyRef": {"name": "own", "key": "k"}}}
LENT = Relay("mail.example", 587, "StartTLS", "dromos@example.org", "dromos", "lent-password")


def _nothing_made(**spec: Any) -> Any:
    given = snapshot(node(**spec), destination())
    return type(given)(given.namespace, given.name, given.node, given.destinations)


def _files(planned: planner.Plan) -> dict[str, Any]:
    """Every manifest that the pods get, by file."""
    found: dict[str, Any] = {}
    for obj in planned.objects:
        if obj["kind"] in {"ConfigMap", "Secret"}:
            for name, text in obj["data"].items():
                if name.endswith(".yaml"):
                    content = text if obj["kind"] == "ConfigMap" else base64.b64decode(text).decode()
                    found[name] = yaml.safe_load(content)
    return found


def test_a_log_without_a_key_is_given_one_that_nobody_owns() -> None:
    made = log_key(_nothing_made(), bytes(range(32)))
    assert made is not None
    assert made["metadata"]["name"] == NAME
    assert base64.b64decode(made["data"]["key"]).decode() == bytes(range(32)).hex()
    assert "ownerReferences" not in made["metadata"]


def test_a_key_that_is_there_named_or_not_needed_is_none_to_make() -> None:
    assert log_key(snapshot(node(), destination()), bytes(32)) is None
    assert log_key(_nothing_made(transferLog=OWN), bytes(32)) is None
    assert log_key(_nothing_made(transferLog={"originalIdentifiers": "Off"}), bytes(32)) is None
    assert log_key(snapshot(None, destination()), bytes(32)) is None
    going = snapshot(node(metadata={"deletionTimestamp": NOW}), destination())
    assert log_key(type(going)(going.namespace, going.name, going.node), bytes(32)) is None


def test_the_pods_are_given_the_key_and_the_object_stays_as_it_was() -> None:
    given = snapshot(node(transferLog={"maxAge": "24h"}), destination())
    files = _files(planner.plan(given, SETTINGS, TOKEN, 0.0))
    spec = ForwardNode.model_validate(files["forwardnode.yaml"]).spec.transfer_log
    assert spec.key is not None
    assert (spec.key.secret_key_ref.name, spec.key.secret_key_ref.key, spec.max_age) == (NAME, "key", "24h")
    assert base64.b64decode(files[f"secret-{NAME}.yaml"]["data"]["key"]).decode() == "ab" * 32
    assert given.node is not None
    assert given.node["spec"]["transferLog"] == {"maxAge": "24h"}


@pytest.mark.parametrize("spec", [{"transferLog": OWN}, {"transferLog": {"originalIdentifiers": "Off"}}])
def test_a_log_with_a_key_of_its_own_or_without_originals_gets_none(spec: dict[str, Any]) -> None:
    given = snapshot(node(**spec), destination(), secrets={"own": secret("own", k="x")})
    files = _files(planner.plan(given, SETTINGS, TOKEN, 0.0))
    assert f"secret-{NAME}.yaml" not in files
    assert files["forwardnode.yaml"]["spec"] == given.node["spec"]  # type: ignore[index]


def test_until_the_key_is_there_the_condition_names_it() -> None:
    planned = planner.plan(_nothing_made(), SETTINGS, TOKEN, 0.0)
    resolved = condition(dict(planner.statuses(planned, (), NOW)[0]), "ResolvedRefs")
    assert (resolved["status"], resolved["reason"]) == ("False", "SecretNotFound")
    assert NAME in resolved["message"]


def test_a_node_without_a_relay_is_lent_the_operators() -> None:
    files = _files(planner.plan(snapshot(node(), destination()), SETTINGS, TOKEN, 0.0, LENT))
    smtp = ForwardNode.model_validate(files["forwardnode.yaml"]).spec.smtp
    assert smtp is not None
    assert smtp.secret_ref is not None
    assert (smtp.host, smtp.port, smtp.sender) == ("mail.example", 587, "dromos@example.org")
    data = files[f"secret-{smtp.secret_ref.name}.yaml"]["data"]
    assert {name: base64.b64decode(text).decode() for name, text in data.items()} == {
        "username": "dromos",
        "password": "lent-password",
    }


def test_a_relay_without_a_login_needs_no_secret() -> None:
    files = _files(
        planner.plan(
            snapshot(node(), destination()), SETTINGS, TOKEN, 0.0, Relay("h.example", 25, "None", "a@b.example")
        )
    )
    assert "secretRef" not in files["forwardnode.yaml"]["spec"]["smtp"]
    assert f"secret-{RELAY}.yaml" not in files


def test_a_node_with_a_relay_of_its_own_is_lent_nothing() -> None:
    own = {"host": "own.example", "sender": "o@example.org"}
    files = _files(planner.plan(snapshot(node(smtp=own), destination()), SETTINGS, TOKEN, 0.0, LENT))
    assert files["forwardnode.yaml"]["spec"]["smtp"] == own
    assert f"secret-{RELAY}.yaml" not in files


def test_who_reads_metrics_reaches_the_admin_port_and_nobody_else() -> None:
    prometheus = {"podSelector": {"matchLabels": {"app": "prometheus"}}}
    for peers in ((), (prometheus,)):
        planned = planner.plan(snapshot(node(), destination()), replace(SETTINGS, metrics_from=peers), TOKEN, 0.0)
        (policy,) = (obj for obj in planned.objects if obj["kind"] == "NetworkPolicy")
        admin = policy["spec"]["ingress"][1]["from"]
        assert admin[1:] == list(peers)
        assert admin[0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "operator"


def test_another_password_is_another_configuration() -> None:
    one, other = (
        planner.plan(
            snapshot(node(), destination()),
            SETTINGS,
            TOKEN,
            0.0,
            Relay("h.example", 25, "TLS", "a@b.example", "u", password),
        )
        for password in ("one", "other")
    )
    assert one.expected.hash != other.expected.hash


def test_the_relay_is_read_from_the_environment_and_its_login_as_it_is_now(tmp_path: Path) -> None:
    value = '{"host": "mail.example", "sender": "d@example.org", "secretRef": {"name": "smtp"}}'
    image = {"DROMOS_GATEWAY_IMAGE": "example/dromos:1"}
    settings = Settings.from_environment({**image, "DROMOS_SMTP": value, "DROMOS_SMTP_LOGIN": str(tmp_path)})
    for password in ("first", "second"):
        (tmp_path / "username").write_text("dromos\n")
        (tmp_path / "password").write_text(password)
        found = relay.current(settings.smtp, settings.smtp_login)
        assert found == Relay("mail.example", 587, "StartTLS", "d@example.org", "dromos", password)
        assert password not in repr(found)
    for nothing in ("", "{}"):
        assert Settings.from_environment({**image, "DROMOS_SMTP": nothing}).smtp is None


def test_a_login_that_cannot_be_read_stops_no_plan(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "DROMOS_GATEWAY_IMAGE": "i",
            "DROMOS_SMTP": '{"host": "m.example", "sender": "d@e.org"}',
            "DROMOS_SMTP_LOGIN": str(tmp_path / "no"),
        }
    )
    assert relay.current(settings.smtp, settings.smtp_login) == Relay("m.example", 587, "StartTLS", "d@e.org")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ('{"host": "mail.example"}', "sender"),
        ('{"host": "mail.example", "sender": "nobody"}', "name@domain"),
        ('{"host": "mail.example", "sender": "a@b.example", "security": "SSL"}', "security"),
        ("mail.example:587", "DROMOS_SMTP"),
    ],
)
def test_a_relay_that_is_none_is_refused_with_the_field(value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        Settings.from_environment({"DROMOS_GATEWAY_IMAGE": "i", "DROMOS_SMTP": value})
