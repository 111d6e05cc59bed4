# SPDX-License-Identifier: Apache-2.0
"""What a set of manifests means together."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_crds import meaning
from dromos_crds.manifests import Manifests, read

NODE = """\
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: radiology}
spec: {aeTitle: RADIOLOGY}
"""
DESTINATION = """\
---
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {name: pacs}
spec:
  forwardNodeRef: {name: radiology}
  dicom: {aeTitle: PACS, hostname: pacs.example, port: 104}
"""
TLS = """\
    tls:
      caRef: {kind: ConfigMap, name: ca}
      certificateSecretRef: {name: own}
"""
SECRET = """\
---
apiVersion: v1
kind: Secret
metadata: {name: own}
stringData: {tls.crt: x}
"""


def manifests(folder: Path, text: str) -> Manifests:
    (folder / "all.yaml").write_text(text)
    found = read([folder])
    assert found.problems == ()
    return found


def test_a_set_that_fits_has_no_problem(tmp_path: Path) -> None:
    found = manifests(tmp_path, NODE + DESTINATION)
    assert meaning.check(found) == meaning.check_references(found) == ()


def test_a_forward_node_of_another_namespace_is_none(tmp_path: Path) -> None:
    found = manifests(tmp_path, NODE.replace("radiology}", "radiology, namespace: x}") + DESTINATION)
    (problem,) = meaning.check(found)
    assert (problem.reason, problem.field) == ("ForwardNodeNotFound", "spec.forwardNodeRef.name")
    assert "namespace 'default'; there are: none" in problem.message


def test_one_that_is_there_and_not_valid_has_one_message(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(NODE.replace("aeTitle", "aeTitel") + DESTINATION)
    found = read([tmp_path])
    assert {problem.kind for problem in found.problems} == {"ForwardNode"}
    assert meaning.check(found) == ()


def test_a_forward_node_that_is_almost_there(tmp_path: Path) -> None:
    found = manifests(tmp_path, NODE + DESTINATION.replace("{name: radiology}", "{name: radiolgy}"))
    (problem,) = meaning.check(found)
    assert problem.message.endswith("did you mean radiology?")
    assert problem.line == 10


@pytest.mark.parametrize(
    ("field", "use"),
    [
        ("spec.tagMorphing.projectRef.name", "  tagMorphing: {projectRef: {name: a}}\n"),
        (
            "spec.deidentification.projectRef.name",
            "  deidentification: {projectRef: {name: a}, pseudonym: {stored: {}}}\n",
        ),
    ],
)
def test_a_project_has_to_be_there(tmp_path: Path, field: str, use: str) -> None:
    (problem,) = meaning.check(manifests(tmp_path, NODE + DESTINATION + use))
    assert (problem.reason, problem.field, problem.line) == ("ProjectNotFound", field, 12)


def test_ae_titles_differ_within_a_namespace(tmp_path: Path) -> None:
    second = NODE.replace("{name: radiology}", "{name: second}").replace("RADIOLOGY", "'RADIOLOGY '")
    third = NODE.replace("{name: radiology}", "{name: third, namespace: x}")
    (problem,) = meaning.check(manifests(tmp_path, f"{NODE}---\n{second}---\n{third}"))
    assert (problem.reason, problem.name, problem.field) == ("DuplicateAETitle", "second", "spec.aeTitle")


def test_a_secret_of_the_set_has_the_keys_that_are_asked_of_it(tmp_path: Path) -> None:
    destination = DESTINATION.replace(
        "{aeTitle: PACS, hostname: pacs.example, port: 104}",
        f"\n    aeTitle: PACS\n    hostname: pacs.example\n    port: 104\n{TLS.rstrip()}",
    )
    found = manifests(tmp_path, NODE + destination + SECRET)
    (problem,) = meaning.check_references(found)
    assert (problem.reason, problem.field, problem.line) == (
        "SecretKeyNotFound",
        "spec.dicom.tls.certificateSecretRef",
        17,
    )
    assert "'own' has no key 'tls.key'" in problem.message
    (absent,) = meaning.missing(found)
    assert (absent.reason, absent.field) == ("ConfigMapNotFound", "spec.dicom.tls.caRef")


def test_expressions_are_compiled_and_mistakes_have_a_position(tmp_path: Path) -> None:
    condition = '  condition: tagIsPresent(#Tag.Modalitty) && !tagValueContains(#Tag.StudyDescription, "test")\n'
    (problem,) = meaning.check_expressions(manifests(tmp_path, NODE + DESTINATION + condition))
    assert (problem.reason, problem.field, problem.line) == ("InvalidExpression", "spec.condition", 12)
    assert problem.message == "line 1, column 19: the standard has no attribute Modalitty; did you mean Modality?"
    assert meaning.check_expressions(manifests(tmp_path, NODE + DESTINATION + condition.replace("tty", "ty"))) == ()


def test_album_conditions_and_templates_are_compiled_too(tmp_path: Path) -> None:
    token = "{secretKeyRef: {name: s, key: k}}"
    album = f"{{url: https://k.example/api, condition: 'true &', destinationToken: {token}, sourceToken: {token}}}"
    api = "{url: 'https://x/{{getString(#Tag.PatientID)}}', body: '{{nope}}'}"
    spec = (
        f"  stow: {{url: https://pacs.example/studies, kheopsAlbums: [{album}]}}\n"
        f"  deidentification: {{projectRef: {{name: p}}, pseudonym: {{api: {api}}}}}\n"
    )
    text = NODE + DESTINATION.replace("  dicom: {aeTitle: PACS, hostname: pacs.example, port: 104}\n", "") + spec
    found = meaning.check_expressions(manifests(tmp_path, text))
    assert [problem.field for problem in found] == [
        "spec.stow.kheopsAlbums[0].condition",
        "spec.deidentification.pseudonym.api.body",
    ]


@pytest.mark.parametrize(
    ("way", "field", "said"),
    [
        ("tag: {tag: '(0012,00ZZ)'}", "tag.tag", "names no tag"),
        ("api: {url: 'https://{{getString(#Tag.PatientID)}}/'}", "api.url", "no {{ }}"),
        ("api: {url: 'https://x/{{nonsense}}'}", "api.url", "nonsense"),
        ("api: {url: 'https://x/', method: POST}", "api.body", "needed"),
        ("api: {url: 'https://x/', responsePath: /a~2}", "api.responsePath", "RFC 6901"),
    ],
)
def test_a_way_to_a_pseudonym_that_leads_nowhere(tmp_path: Path, way: str, field: str, said: str) -> None:
    use = f"  deidentification: {{projectRef: {{name: a}}, pseudonym: {{{way}}}}}\n"
    (problem,) = meaning.check_expressions(manifests(tmp_path, NODE + DESTINATION + use))
    assert problem.field == f"spec.deidentification.pseudonym.{field}"
    assert said in problem.message
    assert problem.line == 12
