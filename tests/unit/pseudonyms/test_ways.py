# SPDX-License-Identifier: Apache-2.0
"""From manifests to a Destination's way to a pseudonym: what it is, what it says when it is not there."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from dromos_crds import Destination, Project, Secret
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.endpoints.service import endpoints_of
from dromos_gateway.endpoints.settings import auth_configs_of
from dromos_gateway.pseudonyms.redisstore import RedisSettings
from dromos_gateway.pseudonyms.resolution import APIResolver, Held, Pseudonym
from dromos_gateway.pseudonyms.source import CSVSource
from dromos_gateway.pseudonyms.ways import FromStore, Way, open_local, open_way, revision, way_of

CSV = "PatientID,IssuerOfPatientID,Pseudonym\nP1,HUG,ONE\n"
OAUTH2 = {"tokenURL": "https://idp.example/token", "scopes": ["a"], "secretRef": {"name": "client"}}


class Instance(dict[int, str]):
    def text(self, tag: int) -> str | None:
        return self.get(tag)

    def present(self, tag: int) -> bool:
        return tag in self


def project(**spec: Any) -> Project:
    whole = {"profile": {"name": "p"}, **spec}
    return Project.model_validate(
        {
            "apiVersion": "dromos.dev/v1alpha1",
            "kind": "Project",
            "metadata": {"name": "study", "namespace": "n"},
            "spec": whole,
        }
    )


def destination(pseudonym: dict[str, Any], **more: Any) -> Destination:
    spec = {
        "forwardNodeRef": {"name": "node"},
        "dicom": {"aeTitle": "A", "hostname": "a", "port": 104},
        "deidentification": {"projectRef": {"name": "study"}, "pseudonym": pseudonym, **more},
    }
    return Destination.model_validate(
        {
            "apiVersion": "dromos.dev/v1alpha1",
            "kind": "Destination",
            "metadata": {"name": "d", "namespace": "n"},
            "spec": spec,
        }
    )


def secrets(**data: dict[str, str]) -> dict[str, Secret]:
    return {
        f"n/{name}": Secret.model_validate({"metadata": {"name": name, "namespace": "n"}, "stringData": values})
        for name, values in data.items()
    }


IN_SECRET = {"secretKeyRef": {"name": "ids", "key": "p.csv"}}
STORED = destination({"stored": {}})


def test_stored_in_a_secret() -> None:
    way = way_of(STORED, project(pseudonyms=IN_SECRET), "HUG", secrets(ids={"p.csv": CSV}))
    assert way == FromStore(CSVSource(CSV.encode()), "study", None, "HUG", ignores_issuer=False)
    assert not way.asks_outside
    assert "P1" not in repr(way)
    found = open_local(pickle.loads(pickle.dumps(way))).resolve(Instance({0x00100020: "P1"}))
    assert found == Pseudonym("ONE")
    other = way_of(STORED, project(pseudonyms=IN_SECRET), "HUG", secrets(ids={"p.csv": CSV + "P2,,TWO\n"}))
    assert len({revision(way), revision(other)}) == 2


def test_a_table_that_is_broken_holds_and_says_the_line() -> None:
    way = way_of(STORED, project(pseudonyms=IN_SECRET), None, secrets(ids={"p.csv": CSV + "P2,,ONE\n"}))
    assert isinstance(way, FromStore)
    held = open_local(way).resolve(Instance({0x00100020: "P1"}))
    assert isinstance(held, Held)
    assert held.reason == "PseudonymStoreInvalid"
    assert "line 3: this pseudonym stands in line 2 already" in held.message


def test_stored_in_redis_with_its_login_and_ttl() -> None:
    redis = {"url": "rediss://r:1/2", "secretRef": {"name": "login"}, "ttl": "90m"}
    login = {"username": "u", "password": "hidden\n"}
    wanted = destination({"stored": {}}, defaultIssuerOfPatientID="CHUV")
    way = way_of(wanted, project(pseudonyms={"redis": redis}, compatibility="Karnak"), "HUG", secrets(login=login))
    source = RedisSettings("rediss://r:1/2", "u", "hidden", 5400)
    assert way == FromStore(source, "study", "CHUV", "HUG", ignores_issuer=True)
    assert way.asks_outside
    assert "hidden" not in repr(way)


def test_in_a_tag() -> None:
    way = way_of(
        destination({"tag": {"tag": "ClinicalTrialSubjectID", "delimiter": "-", "position": 1}}), project(), None, {}
    )
    assert not way.asks_outside
    assert resolved(way, Instance({0x00120040: "SITE-PSN"})) == Pseudonym("PSN")


def test_from_a_service_with_its_authorisation() -> None:
    api = {"url": "https://ids.example/{{getString(#Tag.PatientID)}}", "responsePath": "/a", "authConfig": "main"}
    known = project(authConfigs=[{"name": "main", "oauth2": OAUTH2}])
    way = way_of(destination({"api": api}), known, None, {})
    assert way.asks_outside
    given = secrets(client={"client_id": "id", "client_secret": "hidden"})
    configs = auth_configs_of(known, given)
    assert "hidden" not in repr(configs)
    assert pickle.loads(pickle.dumps((way, configs))) == (way, configs)
    assert endpoints_of("n/study", configs) is endpoints_of("n/study", auth_configs_of(known, given))
    assert isinstance(open_way(way, "n/study", configs), APIResolver)
    with pytest.raises(Unresolved, match="Secret client does not exist"):
        auth_configs_of(known, {})
    with pytest.raises(Unresolved, match="has no key client_secret"):
        auth_configs_of(known, secrets(client={"client_id": "id"}))
    with pytest.raises(Unresolved, match="key client_secret of Secret client is empty"):
        auth_configs_of(known, secrets(client={"client_id": "id", "client_secret": "\n"}))


@pytest.mark.parametrize(
    ("pseudonym", "spec", "field", "said"),
    [
        ({"stored": {}}, {}, "spec.pseudonyms", "no stored pseudonyms"),
        ({"stored": {}}, {"pseudonyms": IN_SECRET}, "spec.pseudonyms.secretKeyRef", "Secret ids does not exist"),
        ({"tag": {"tag": "(0012,00ZZ)"}}, {}, "spec.deidentification.pseudonym.tag.tag", "names no tag"),
        ({"tag": {"tag": "(0012,00XX)"}}, {}, "spec.deidentification.pseudonym.tag.tag", "names no tag"),
        ({"api": {"url": "https://x/{{no}}"}}, {}, "spec.deidentification.pseudonym.api.url", "line 1"),
        ({"api": {"url": "https://x/", "method": "POST"}}, {}, "spec.deidentification.pseudonym.api.body", "needed"),
        ({"api": {"url": "https://x/", "authConfig": "a"}}, {}, "spec.deidentification.pseudonym.api.authConfig", "it has: none"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_field(
    pseudonym: dict[str, Any], spec: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(Unresolved, match=said) as refused:
        way_of(destination(pseudonym), project(**spec), None, {})
    assert refused.value.field == field


def resolved(way: Way, instance: Instance) -> Pseudonym | Held:
    return open_way(way, "n/study", ()).resolve(instance)
