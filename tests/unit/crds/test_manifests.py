# SPDX-License-Identifier: Apache-2.0
"""Manifests from files and folders: what is broken spoils itself only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dromos_crds import reasons
from dromos_crds.document import Document, parse_text
from dromos_crds.manifests import Manifests, digest, hash_files, read
from dromos_crds.problems import Problem

API = "dromos.dev/v1alpha1"
SECRET = "planted-8d1c"


def node(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API, "kind": "ForwardNode", "metadata": {"name": name}, "spec": {"aeTitle": "A", **spec}}


def write(path: Path, *documents: dict[str, Any] | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "---\n".join(part if isinstance(part, str) else yaml.safe_dump(part, sort_keys=False) for part in documents)
    )


def problems(text: str | bytes, *, explicit: bool = False) -> list[Problem]:
    content = text.encode() if isinstance(text, str) else text
    return [item for item in parse_text(content, "f.yaml", explicit=explicit) if isinstance(item, Problem)]


def names(manifests: Manifests) -> list[str]:
    return [found.metadata.name for found in manifests.forward_nodes]


def test_a_broken_document_leaves_those_around_it(tmp_path: Path) -> None:
    write(tmp_path / "all.yaml", node("a"), "spec: [\n", node("b"), node("c", aeTitle="X" * 17), node("d"))
    found = read([tmp_path])
    assert names(found) == ["a", "b", "d"]
    assert [(problem.reason, problem.line) for problem in found.problems] == [
        (reasons.UNREADABLE, 8),
        (reasons.INVALID, 22),
    ]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: b: c\n", 1, "needs quotes"),
        ("a:\n  - b\n c: d\n", 3, "indentation"),
        ("a: 1\n\tb: 2\n", 2, "tab"),
        ("a: 'b\n\nc: d\n", 3, "quote is not closed"),
        ("a: [1, 2\nb: 3\n", 2, "bracket"),
        ("a: *x\n", 1, "quotes"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands here twice"),
        ("a: \x01\n", 1, "control character"),
        ("? [a]\n: b\n", 1, "a key must be text"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_a_syntax_error_says_where_and_what_to_do(text: str, line: int, says: str) -> None:
    (problem,) = problems(text)
    assert (problem.reason, problem.line) == (reasons.UNREADABLE, line)
    assert says in problem.message
    assert str(problem).startswith(f"f.yaml:{line}: YAML syntax error")


@pytest.mark.parametrize("text", ["n", "Y", "no", "off", "1e3", "-.5E+7", "12", "0x1f", "~", "1.0"])
def test_what_kubectl_takes_for_no_text_validate_does_so_too(text: str) -> None:
    document = yaml.safe_dump(node("a", aeTitle="TITLE"))
    (problem,) = problems(document.replace("TITLE", text))
    assert (problem.field, "text (quote it)" in problem.message) == ("spec.aeTitle", True)
    assert problems(document.replace("TITLE", f"'{text}'")) == []


def test_aliases_that_multiply_are_stopped() -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 20))
    (problem,) = problems(text)
    assert "more content" in problem.message


def test_what_is_not_text_is_a_problem() -> None:
    (problem,) = problems(b"a: b\nc: \xff\n")
    assert (problem.line, problem.message) == (2, "this is not UTF-8 text")


def test_merge_keys_are_no_duplicates() -> None:
    text = f"x: &x {{aeTitle: A, suspend: true}}\napiVersion: {API}\nkind: ForwardNode\nmetadata: {{name: a}}\n"
    (problem,) = problems(text + "spec: {<<: *x, aeTitle: B}\n")
    assert problem.field == "x", "only the anchor itself is one field too many"


@pytest.mark.parametrize(
    ("document", "field", "says"),
    [
        ({"apiVersion": API, "kind": "Forwardnode"}, "kind", "did you mean ForwardNode?"),
        ({"apiVersion": "dromos.dev/v1", "kind": "ForwardNode"}, "apiVersion", f"write {API}"),
        ({"kind": "ForwardNode"}, "apiVersion", "required"),
        ({"metadata": {}, "spec": {}}, "kind", "required"),
        ({**node("a"), "metadata": {"name": "A"}}, "metadata.name", "lower-case"),
        ({**node("a"), "metadata": {}}, "metadata.name", "required"),
        ({**node("a"), "metadata": "a"}, "metadata", "mapping"),
        ({**node("a"), "sepc": {}}, "sepc", "did you mean spec?"),
        (node("a", sources=[{"aeTitel": "B"}]), "spec.sources[0].aeTitel", "did you mean aeTitle?"),
        (node("a", workload={"tolerations": [{"ky": "B"}]}), "spec.workload.tolerations[0].ky", "did you mean key?"),
        (node("a", limits={"associations": 0}), "spec.limits.associations", "allowed is 1 to 10000"),
        (node("a", suspend="yes"), "spec.suspend", "true or false"),
        (node("a", sources={}), "spec.sources", "a list"),
        (node("a", limits=[]), "spec.limits", "a mapping"),
        (node("a", spool={"size": 5}), "spec.spool.size", "quote it"),
        (
            node("a", workload={"resources": {"requests": {"cpu": 0.5}}}),
            "spec.workload.resources.requests.cpu",
            "quote it",
        ),
    ],
)
def test_a_mistake_names_the_field_and_what_is_allowed(document: dict[str, Any], field: str, says: str) -> None:
    found = problems(yaml.safe_dump(document))
    assert any(problem.field == field and says in problem.message for problem in found), found


def test_a_problem_reads_as_one_line() -> None:
    problem = Problem("is wrong", file="a.yaml", line=3, kind="Destination", name="pacs", field="spec.dicom.port")
    assert str(problem) == "a.yaml:3: Destination/pacs: spec.dicom.port: is wrong"
    assert str(Problem("is wrong")) == "is wrong"


def test_other_kinds_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "deployment.yaml", {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": "x"}})
    write(tmp_path / "istio.yaml", {"apiVersion": "networking.istio.io/v1", "kind": "Destination", "spec": {}})
    write(tmp_path / "kustomization.yaml", {"resources": ["a.yaml"]})
    write(tmp_path / "empty.yaml", "# nothing\n", "")
    (tmp_path / "README.md").write_text("a: [")
    assert read([tmp_path]).problems == ()
    (problem,) = read([tmp_path / "kustomization.yaml"]).problems
    assert "kind" in str(problem), "but asked for by name, it is no manifest"


def test_a_list_is_as_good_as_its_items(tmp_path: Path) -> None:
    write(tmp_path / "list.yaml", {"apiVersion": "v1", "kind": "List", "items": [node("a"), node("b", x=1), node("c")]})
    found = read([tmp_path])
    assert names(found) == ["a", "c"]
    (problem,) = found.problems
    assert (problem.field, problem.line) == ("spec.x", 16)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({"items": {}}, "a list is needed, not a mapping"),
        ({"items": "a"}, "a list is needed, not a single value"),
        ({"items": None}, "this field is required"),
        ({}, "this field is required"),
    ],
)
def test_a_list_without_a_list_is_not_passed_over(tmp_path: Path, items: dict[str, Any], said: str) -> None:
    write(tmp_path / "list.yaml", {"apiVersion": "v1", "kind": "List", **items})
    (problem,) = read([tmp_path]).problems
    assert (problem.field, problem.message, problem.kind) == ("items", said, "List")
    assert problem.line is not None


def test_an_empty_list_is_fine(tmp_path: Path) -> None:
    write(tmp_path / "list.yaml", {"apiVersion": "v1", "kind": "List", "items": []})
    assert read([tmp_path]).problems == ()


def test_what_stands_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "1.yaml", node("a", aeTitle="FIRST"))
    write(tmp_path / "2.yaml", node("a", aeTitle="SECOND"))
    write(tmp_path / "3.yaml", {**node("a"), "metadata": {"name": "a", "namespace": "other"}})
    found = read([tmp_path])
    assert [item.spec.ae_title for item in found.forward_nodes] == ["FIRST", "A"]
    (problem,) = found.problems
    assert problem.reason == reasons.DUPLICATE
    assert "1.yaml:1" in problem.message


def test_kubelet_links_are_followed_and_hidden_names_left_out(tmp_path: Path) -> None:
    data = tmp_path / "..2026_01_01"
    write(data / "node.yaml", node("new"))
    (tmp_path / "..data").symlink_to(data.name)
    (tmp_path / "node.yaml").symlink_to("..data/node.yaml")
    write(tmp_path / "..2025_12_31" / "node.yaml", node("old"))
    found = read([tmp_path])
    assert names(found) == ["new"]
    assert found.files == ("node.yaml",)
    assert found.documents[0].file == str(tmp_path / "node.yaml")
    assert found.hash == hash_files({"node.yaml": (data / "node.yaml").read_bytes()})


def test_folders_below_are_read_and_loops_noticed(tmp_path: Path) -> None:
    write(tmp_path / "b" / "c" / "node.yml", node("a"))
    assert read([tmp_path]).files == ("b/c/node.yml",)
    (tmp_path / "b" / "back").symlink_to(tmp_path)
    with pytest.raises(OSError, match="nested"):
        read([tmp_path])


def test_pipes_are_no_manifests(tmp_path: Path) -> None:
    write(tmp_path / "node.yaml", node("a"))
    os.mkfifo(tmp_path / "pipe.yaml")  # reading it would never end
    assert read([tmp_path]).files == ("node.yaml",)
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    with pytest.raises(FileNotFoundError):
        read([tmp_path])


def test_files_of_one_name_in_two_folders_both_count(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one / "node.yaml", node("a"))
    write(two / "node.yaml", node("b"))
    found = read([one, two])
    assert (names(found), len(found.files)) == (["a", "b"], 2)
    assert digest([one, two]) == found.hash
    for folder, name in ((one, "c"), (two, "d")):
        before = digest([one, two])
        write(folder / "node.yaml", node(name))
        assert digest([one, two]) != before


def test_a_file_that_is_named_beside_its_folder_counts_once(tmp_path: Path) -> None:
    write(tmp_path / "sub" / "node.yaml", node("a"))
    found = read([tmp_path, tmp_path / "sub" / "node.yaml", tmp_path])
    assert (names(found), found.problems) == (["a"], ())


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read([tmp_path / "nowhere"])


def test_the_hash_is_the_one_of_the_contract() -> None:
    body = b"a.yaml\0" + hashlib.sha256(b"1").digest() + b"b.yaml\0" + hashlib.sha256(b"2").digest()
    assert hash_files({"b.yaml": b"2", "a.yaml": b"1"}) == f"sha256:{hashlib.sha256(body).hexdigest()}"


_FILE_NAMES = st.text("ab.é", min_size=1, max_size=4)


@given(st.dictionaries(_FILE_NAMES, st.binary(max_size=8), max_size=4), _FILE_NAMES, st.binary(max_size=8))
def test_the_hash_changes_with_every_file(files: dict[str, bytes], name: str, content: bytes) -> None:
    changed = {**files, name: content}
    assert (hash_files(changed) == hash_files(files)) == (changed == files)


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"a": SECRET}},
        {"data": {"a": {"b": SECRET}}},
        {"data": SECRET},
        {"stringData": {"a": [SECRET]}},
        {"stringData": SECRET},
        {"data": {}, "type": {"a": SECRET}},
        {"data": {"a": "cGxhbnRlZC04ZDFj"}, "metadata": {"name": SECRET.upper()}},
        {"metadata": {"name": "s", SECRET: "x"}},
    ],
)
def test_a_broken_secret_is_refused_without_its_content(document: dict[str, Any]) -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}} | document)
    found = problems(text)
    assert found
    said = " ".join(f"{problem.message} {problem.field}" for problem in found)
    assert SECRET not in said
    assert SECRET.upper() not in said


@pytest.mark.parametrize(
    "stow",
    [
        {"headers": [{"name": "X-Key", "value": f"{SECRET}\r\nX: y"}]},
        {"headers": [{"name": "Authorization", "value": f"Bearer {SECRET} "}]},
        {"headers": [{"name": "X-Key", "value": {SECRET: 1}}]},
        {"headers": {"X-Key": SECRET}},
        {"headers": [SECRET]},
        {"headers": [{"name": "X-Key", "valueFrom": SECRET}]},
        {"headers": [{"name": "X-Key", "valueFrom": {"secretKeyRef": SECRET}}]},
        {"auth": SECRET},
        {"auth": {"bearer": SECRET}},
        {"auth": {"bearer": {"secretKeyRef": {"name": f"{SECRET} A", "key": "token"}}}},
        {"auth": {"basic": f"bob:{SECRET}"}},
        {"auth": {"basic": {"secretRef": SECRET}}},
        {"auth": {"basic": {"username": "bob", "password": SECRET}}},
        {"auth": {"oauth2": {"tokenURL": f"https://bob:{SECRET}@idp/token", "secretRef": {"name": "s"}}}},
        {"auth": {"oauth2": {"tokenURL": "https://idp/t", "scopes": [f"{SECRET}\n"], "secretRef": {"name": "s"}}}},
        {"tls": {"certificateSecretRef": SECRET}},
        {"url": f"bob:{SECRET}@pacs/studies"},
        {"url": f"https://bob:{SECRET}@pacs/studies"},
        {"url": f"pacs/studies?token={SECRET}"},
        {"url": f"pacs/{SECRET}/studies"},
        {"kheopsAlbums": [{"url": "https://k/api", "destinationToken": SECRET, "sourceToken": [SECRET]}]},
    ],
)
def test_a_credential_in_the_wrong_place_is_refused_and_not_repeated(stow: dict[str, Any]) -> None:
    """People write the password where its Secret should be named; the refusal goes into logs and statuses."""
    spec = {"forwardNodeRef": {"name": "n"}, "stow": {"url": "https://pacs/studies"} | stow}
    found = problems(
        yaml.safe_dump({"apiVersion": API, "kind": "Destination", "metadata": {"name": "d"}, "spec": spec})
    )
    assert found
    assert SECRET not in " ".join(map(str, found))


def test_no_login_is_repeated_wherever_it_stands() -> None:
    text = yaml.safe_dump(node("n", smtp={"host": f"u:{SECRET}@mail", "port": 25, "sender": f"u:{SECRET}@a b"}))
    said = " ".join(map(str, problems(text)))
    assert "'…@mail' is not allowed" in said
    assert SECRET not in said


def test_what_is_wrong_with_a_url_is_seen_all_the_same() -> None:
    spec = {"forwardNodeRef": {"name": "n"}, "stow": {"url": "pacs.example:8042/dicom-web"}}
    document = {"apiVersion": API, "kind": "Destination", "metadata": {"name": "d"}, "spec": spec}
    said = " ".join(map(str, problems(yaml.safe_dump(document))))
    assert "spec.stow.url: 'pacs.example:8042…' is not allowed: a URL starts with http" in said


@pytest.mark.parametrize(
    "line",
    [
        "a: !{} x",
        "a: *{}",
        "a: '{}",
        "a: {}: x",
        "  {}: x",
        "{}: 1\n{}: 2",
        "a: &{} 1\nb: &{} 2",
        "? [{}]\n: 1",
        "{}",
        "a: @{}",
    ],
)
def test_a_line_that_is_no_yaml_is_not_repeated(line: str) -> None:
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: \n{line.replace('{}', SECRET)}\n"
    assert SECRET not in " ".join(map(str, problems(text)))


def test_a_secret_is_decoded_and_not_shown() -> None:
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s"},
            "data": {"a": "cGxhbnRlZC0\n  4ZDFj", "b": "AA=="},
            "stringData": {"b": "plain", "c": "ä"},
        }
    )
    (document,) = parse_text(text.encode(), "f.yaml")
    assert isinstance(document, Document)
    assert document.object.model_dump()["data"] == {"a": SECRET.encode(), "b": b"plain", "c": "ä".encode()}
    assert SECRET not in repr(document)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(["ForwardNode", "Destination", "Project", "Secret"]), TREES, TREES)
def test_no_document_takes_the_reader_down(kind: str, metadata: Any, spec: Any) -> None:
    text = yaml.safe_dump(
        {"apiVersion": "v1" if kind == "Secret" else API, "kind": kind, "metadata": metadata, "spec": spec}
    )
    for item in parse_text(text.encode(), "f.yaml"):
        assert isinstance(item, Document) or str(item).startswith("f.yaml:")


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t0", max_size=60))
def test_no_text_takes_the_reader_down(text: str) -> None:
    for item in parse_text(text.encode(), "f.yaml", explicit=True):
        assert isinstance(item, Problem)
        assert item.line is not None
        assert 1 <= item.line <= text.count("\n") + 1
