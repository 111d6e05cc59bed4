# SPDX-License-Identifier: Apache-2.0
"""Whatever users write, the planner answers: total, deterministic, and independent of order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dromos_crds.document import Document, parse_text
from dromos_operator.plan import configuration, planner, projects
from dromos_operator.plan.snapshot import ProjectSnapshot, Snapshot
from tests.unit.operator.make import NOW, SETTINGS, TOKEN, config_map, meta, pod, project, report, secret, workload

NAMES = st.sampled_from(["a", "b", "study-a", "radiology", "x" * 63, "a.b"])
SCALARS = st.none() | st.booleans() | st.integers(-1, 70000) | st.text(max_size=8) | NAMES
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
REFERENCE = st.fixed_dictionaries({"name": NAMES})
CA = st.fixed_dictionaries({"kind": st.sampled_from(["Secret", "ConfigMap"]), "name": NAMES})
DICOM = st.fixed_dictionaries(
    {"aeTitle": st.sampled_from(["A", "A" * 17, ""]), "hostname": st.just("h"), "port": st.integers(0, 70000)},
    optional={"tls": st.fixed_dictionaries({}, optional={"caRef": CA, "certificateSecretRef": REFERENCE}) | JUNK},
)
DESTINATION = st.fixed_dictionaries(
    {"forwardNodeRef": st.just({"name": "radiology"})},
    optional={
        "dicom": DICOM | JUNK,
        "tagMorphing": st.fixed_dictionaries({"projectRef": REFERENCE}) | JUNK,
        "enabled": st.booleans() | JUNK,
        "suspend": st.booleans(),
        "condition": st.text(max_size=10),
        "unknown": JUNK,
    },
)
NODE = st.fixed_dictionaries(
    {"aeTitle": st.sampled_from(["RADIOLOGY", "A" * 17, None])},
    optional={
        "replicas": st.integers(-1, 3),
        "tls": st.fixed_dictionaries({"certificateSecretRef": REFERENCE}) | JUNK,
        "spool": st.fixed_dictionaries({"size": st.sampled_from(["1Gi", "much"])}) | JUNK,
        "service": JUNK,
        "workload": JUNK,
        "unknown": JUNK,
    },
)
PROJECT = st.fixed_dictionaries(
    {},
    optional={
        "profile": st.just({"name": "p"}) | JUNK,
        "profileFrom": st.fixed_dictionaries(
            {"configMapKeyRef": st.fixed_dictionaries({"name": NAMES, "key": st.just("k")})}
        ),
        "secretRef": REFERENCE | JUNK,
    },
)


def _object(kind: str, name: str, spec: Any) -> dict[str, Any]:
    return {"apiVersion": "dromos.dev/v1alpha1", "kind": kind, "metadata": meta(name), "spec": spec}


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    node = draw(st.none() | NODE.map(lambda spec: _object("ForwardNode", "radiology", spec)))
    specs = draw(st.dictionaries(NAMES, DESTINATION, max_size=4))
    live = {} if draw(st.booleans()) else {("StatefulSet", "imaging", "radiology"): workload(replicas=2)}
    return Snapshot(
        "imaging",
        "radiology",
        node,
        tuple(_object("Destination", name, spec) for name, spec in specs.items()),
        projects={
            name: _object("Project", name, spec)
            for name, spec in draw(st.dictionaries(NAMES, PROJECT, max_size=2)).items()
        },
        secrets={name: secret(name, tls__crt="c", ca__crt="c") for name in draw(st.sets(NAMES))},
        config_maps={name: config_map(name, ca__crt="c") for name in draw(st.sets(NAMES))},
        live=live,  # type: ignore[arg-type]
        pods={"radiology-0": pod(ready=draw(st.booleans()))} if draw(st.booleans()) else {},
        reports={"radiology-0": report("sha256:x")} if draw(st.booleans()) else {},
    )


def _everything(given_: Snapshot) -> tuple[Any, Any, Any]:
    planned = planner.plan(given_, SETTINGS, TOKEN, 0.0)
    return planned.objects, planned.expected, planner.statuses(planned, (), NOW)


def _shuffled(given_: Snapshot, seed: int) -> Snapshot:
    order = random.Random(seed)

    def mixed(mapping: Any) -> dict[Any, Any]:
        return dict(order.sample(list(mapping.items()), len(mapping)))

    return replace(
        given_,
        destinations=tuple(order.sample(given_.destinations, len(given_.destinations))),
        projects=mixed(given_.projects),
        secrets=mixed(given_.secrets),
        config_maps=mixed(given_.config_maps),
        live=mixed(given_.live),
        pods=mixed(given_.pods),
        reports=mixed(given_.reports),
    )


@settings(max_examples=60, deadline=None)
@given(snapshots(), st.integers(0, 1000))
def test_the_plan_depends_on_nothing_but_the_content(given_: Snapshot, seed: int) -> None:
    first = _everything(given_)
    assert first == _everything(given_)
    assert first == _everything(_shuffled(given_, seed))


@settings(max_examples=60, deadline=None)
@given(snapshots())
def test_every_destination_is_mounted_and_judged_whatever_it_says(given_: Snapshot) -> None:
    objects, _, statuses = _everything(given_)
    judged = {(status["kind"], status["metadata"]["name"]) for status in statuses}
    assert judged >= {("Destination", obj["metadata"]["name"]) for obj in given_.destinations}
    for status in statuses:
        found = [condition["type"] for condition in status["status"]["conditions"]]
        assert found == ["Accepted", "ResolvedRefs", "Programmed", "Ready"]
        assert all(condition["reason"] for condition in status["status"]["conditions"])
    if given_.node is not None:
        files = objects[0]["data"]
        assert len([name for name in files if name.startswith("destination-")]) == len(given_.destinations)
        for name, text in files.items():
            assert yaml.safe_load(text)["kind"].lower() == name.split("-")[0].removesuffix(".yaml")


@settings(max_examples=40, deadline=None)
@given(PROJECT, st.sets(NAMES), st.dictionaries(NAMES, DESTINATION, max_size=3))
def test_projects_are_judged_whatever_they_say(spec: Any, secrets: set[str], users: dict[str, Any]) -> None:
    given_ = ProjectSnapshot(
        {**project(), "spec": spec},
        tuple(_object("Destination", name, spec) for name, spec in users.items()),
        {name: secret(name) for name in secrets},
    )
    status = projects.project_status(given_, NOW)
    assert status is not None
    assert len(status["status"]["conditions"]) == 4


@given(st.lists(st.text(max_size=12) | st.sampled_from(["n", "Y", "1e3", "-1E5", "0x1f", "12:30", "~", "=", "1.0"])))
def test_text_stays_text_on_its_way_to_the_gateway(texts: list[str]) -> None:
    values = {f"k{number}": text for number, text in enumerate(texts)}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": values}
    (document,) = parse_text(configuration.render(manifest).encode(), "a.yaml")
    assert isinstance(document, Document)
    assert document.object.data == values
