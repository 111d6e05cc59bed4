# SPDX-License-Identifier: Apache-2.0
"""From manifests to the use of a Project, and what is said when they do not make one."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from dromos_crds import ConfigMap, Destination, Project, Secret
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.projects.use import Applied, Namespace, Use, use_of
from dromos_gateway.pseudonyms.ways import FromTag

KEY = "a16056593f1baefec6cd93207e5743a4"
BASIC = {"name": "p", "version": "2", "profileElements": [{"name": "all", "codename": "basic.dicom.profile"}]}
FILE = "name: f\nversion: 00100020\nprofileElements:\n- {name: all, codename: basic.dicom.profile}\n"
TAG = {"deidentification": {"projectRef": {"name": "study"}, "pseudonym": {"tag": {"tag": "(0012,0040)"}}}}
MORPHING = {"tagMorphing": {"projectRef": {"name": "study"}}}


def destination(**spec: Any) -> Destination:
    dicom = {"aeTitle": "A", "hostname": "a", "port": 104}
    return Destination.model_validate(
        {
            "apiVersion": "dromos.dev/v1alpha1",
            "kind": "Destination",
            "metadata": {"name": "d", "namespace": "n", "uid": "u-1"},
            "spec": {"forwardNodeRef": {"name": "node"}, "dicom": dicom, **spec},
        }
    )


def around(spec: dict[str, Any] | None, *, keys: dict[str, str] | None = None, name: str = "study-key") -> Namespace:
    projects = {}
    if spec is not None:
        metadata = {"name": "study", "namespace": "n"}
        manifest = {"apiVersion": "dromos.dev/v1alpha1", "kind": "Project", "metadata": metadata, "spec": spec}
        projects["n/study"] = Project.model_validate(manifest)
    given = {"active": "k1", "k1": KEY} if keys is None else keys
    secret = Secret.model_validate({"metadata": {"name": name, "namespace": "n"}, "stringData": given})
    config_map = ConfigMap.model_validate({"metadata": {"name": "c", "namespace": "n"}, "data": {"profile.yaml": FILE}})
    return Namespace(projects, {"n/c": config_map}, {f"n/{name}": secret})


def used(found: tuple[Use, Applied] | None) -> tuple[Use, Applied]:
    assert found is not None
    return found


def test_a_destination_that_uses_none() -> None:
    assert use_of(destination(), around(None)) is None


def test_a_destination_that_de_identifies() -> None:
    use, applied = used(use_of(destination(**TAG), around({"profile": BASIC, "uncleanable": "Exclude"})))
    assert use.way == FromTag(0x00120040, None, None)
    assert use.project == "n/study"
    assert (use.recipe.key.hex(), use.recipe.morphing, use.recipe.uncleanable) == (KEY, False, "Exclude")
    assert (applied.name, applied.version, len(applied.fingerprint)) == ("p", "2", 16)
    assert pickle.loads(pickle.dumps(use)) == use
    assert KEY not in repr(use)
    assert bytes.fromhex(KEY).hex() not in repr(use.recipe)


def test_the_active_key_of_the_secret_that_is_named_counts() -> None:
    keys = {"active": "k2", "k1": KEY, "k2": KEY[::-1]}
    spec = {"profile": BASIC, "secretRef": {"name": "mine"}}
    use, applied = used(use_of(destination(**TAG), around(spec, keys=keys, name="mine")))
    assert use.recipe.key.hex() == KEY[::-1]
    _, other = used(use_of(destination(**TAG), around({"profile": BASIC})))
    assert applied.fingerprint != other.fingerprint


def test_tag_morphing_needs_no_pseudonym_and_no_basic_profile() -> None:
    rule = {"name": "x", "codename": "action.on.specific.tags", "action": "X", "tags": ["(0008,1030)"]}
    use, _ = used(use_of(destination(**MORPHING), around({"profile": {"profileElements": [rule]}})))
    assert use.way is None
    assert use.recipe.morphing


def test_a_profile_file_is_read_as_text() -> None:
    spec = {"profileFrom": {"configMapKeyRef": {"name": "c", "key": "profile.yaml"}}}
    _, applied = used(use_of(destination(**TAG), around(spec)))
    assert (applied.name, applied.version) == ("f", "00100020")


@pytest.mark.parametrize(
    ("spec", "keys", "reason", "said"),
    [
        (None, None, "ProjectNotFound", "Project study does not exist"),
        ({"profile": BASIC}, {}, "Invalid", "has no key 'active'"),
        ({"profile": BASIC, "secretRef": {"name": "x"}}, None, "SecretNotFound", "openssl rand -hex 16"),
        ({"profile": {"profileElements": [{"name": "n", "codename": "nonsense"}]}}, None, "Invalid", "nonsense"),
        (
            {"profile": {"profileElements": [{"codename": "action.on.privatetags", "action": "X"}]}},
            None,
            "ProfileIncomplete",
            "basic.dicom.profile",
        ),
        ({"profileFrom": {"configMapKeyRef": {"name": "y", "key": "k"}}}, None, "ConfigMapNotFound", "ConfigMap y"),
        ({"profileFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}, None, "ConfigMapKeyNotFound", "has no key k"),
    ],
)
def test_what_keeps_it_from_being_an_use(
    spec: dict[str, Any] | None, keys: dict[str, str] | None, reason: str, said: str
) -> None:
    with pytest.raises(Unresolved, match=said) as refused:
        use_of(destination(**TAG), around(spec, keys=keys))
    assert refused.value.reason == reason
    assert refused.value.field.startswith("spec.deidentification")
    assert KEY not in str(refused.value)
