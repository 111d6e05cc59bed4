# SPDX-License-Identifier: Apache-2.0
"""`dromos validate`: one clear line for each mistake, the rest stays valid."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from dromos_crds.manifests import hash_files, read
from dromos_gateway import cli

NODE = """\
apiVersion: dromos.dev/v1alpha1
kind: ForwardNode
metadata: {name: radiology}
spec:
  aeTitle: RADIOLOGY
"""
DESTINATION = """\
apiVersion: dromos.dev/v1alpha1
kind: Destination
metadata: {name: pacs}
spec:
  forwardNodeRef: {name: radiology}
  dicom:
    aeTitle: PACS
    hostname: pacs.example
    port: 104
"""
STOW = "  stow: {url: https://pacs.example/dicomweb}\n"


@dataclass
class Result:
    """What the command answered."""

    returncode: int
    stdout: str
    stderr: str


def validate(*paths: Path) -> Result:
    """The command as the command line calls it, without a process of its own each time."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(["validate", *map(str, paths)])
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "node.yaml").write_text(NODE)
    (tmp_path / "destination.yaml").write_text(DESTINATION)
    return tmp_path


def test_valid_manifests_pass(folder: Path) -> None:
    result = validate(folder)
    assert (result.returncode, result.stderr) == (0, "")
    assert "1 Destination, 1 ForwardNode valid" in result.stdout


def test_an_unreadable_path_is_wrong_usage(tmp_path: Path) -> None:
    result = validate(tmp_path / "nowhere.yaml")
    assert result.returncode == 2
    assert result.stderr.startswith(f"{tmp_path / 'nowhere.yaml'}: No such file or directory; give a manifest")
    assert result.stdout == ""


def test_what_can_be_read_is_judged_beside_what_cannot(folder: Path) -> None:
    (folder / "gone.yaml").symlink_to("nowhere")
    (folder / "large.yaml").write_bytes(b" " * (16 * 2**20 + 1))
    (folder / "broken.yaml").write_text(DESTINATION.replace("104", "0").replace("pacs", "other"))
    result = validate(folder, folder.parent / "nowhere.yaml")
    assert result.returncode == 2
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == [
        str(folder / "gone.yaml"),
        str(folder / "large.yaml"),
        str(folder.parent / "nowhere.yaml"),
    ]
    assert "larger than 16 MiB" in result.stderr
    assert "spec.dicom.port: 0 is out of range" in result.stdout
    assert "1 Destination, 1 ForwardNode valid in 3 file(s); 1 problem(s)" in result.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DESTINATION.replace("port: 104", "prot: 104"), (":9:", "spec.dicom.prot", "unknown field", "port")),
        (DESTINATION.replace("104", "0"), (":9:", "spec.dicom.port", "1 to 65535")),
        (DESTINATION.replace("104", "70000"), (":9:", "spec.dicom.port", "70000", "1 to 65535")),
        (DESTINATION.replace("PACS", "SEVENTEEN_LETTERS"), (":7:", "spec.dicom.aeTitle", "17 characters", "16")),
        (DESTINATION + STOW, (":4:", "spec", "dicom and stow exclude each other")),
        (DESTINATION.partition("  dicom:")[0], ("spec", "exactly one of dicom and stow")),
        (DESTINATION.replace("{name: radiology}", "{name: nowhere}"), ("spec.forwardNodeRef.name", "radiology")),
        (DESTINATION.replace("port: 104", "port: [104"), ("YAML syntax error",)),
        (DESTINATION + "    port: 105\n", (":10:", "'port'", "twice")),
        (DESTINATION.replace("dromos.dev", "dromos.de"), (":1:", "apiVersion", "write dromos.dev/v1alpha1")),
        (DESTINATION.replace("dromos.dev/v1alpha1", "v1"), (":1:", "apiVersion", "write dromos.dev/v1alpha1")),
    ],
)
def test_each_mistake_is_named_with_file_line_and_field(folder: Path, text: str, expected: tuple[str, ...]) -> None:
    (folder / "destination.yaml").write_text(text)
    result = validate(folder)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    problems = [line for line in lines if "destination.yaml:" in line]
    assert any(all(part in problem for part in expected) for problem in problems), problems
    assert "1 ForwardNode valid" in lines[-1]
    assert "Traceback" not in result.stderr


def test_kinds_of_others_that_are_called_like_ours_are_left_alone(folder: Path) -> None:
    (folder / "other.yaml").write_text(
        DESTINATION.replace("dromos.dev/v1alpha1", "platform.example.org/v1").replace("104", "0")
    )
    assert validate(folder).returncode == 0


def test_nodes_that_one_run_cannot_serve_together_are_noted(folder: Path) -> None:
    tls = "  tls: {certificateSecretRef: {name: node-tls}, clientAuthentication: None}\n"
    (folder / "other.yaml").write_text(NODE.replace("{name: radiology}", "{name: radiology, namespace: other}") + tls)
    result = validate(folder)
    assert result.returncode == 0  # a cluster takes both
    notes = [line for line in result.stdout.splitlines() if "one `dromos run` for both cannot" in line]
    assert [("spec.aeTitle" in note, "spec.tls" in note) for note in notes] == [(True, False), (False, True)]
    assert all("ForwardNode default/radiology" in note for note in notes)


def test_a_secret_never_shows_its_value(folder: Path) -> None:
    (folder / "secret.yaml").write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {password: '%%planted-value%%'}\n"
    )
    result = validate(folder)
    assert result.returncode == 1
    assert "data.password" in result.stdout
    assert "planted-value" not in result.stdout + result.stderr


def test_nothing_of_a_manifest_moves_the_cursor_or_makes_a_line_of_its_own(folder: Path) -> None:
    (folder / "hostile.yaml").write_text(
        'apiVersion: dromos.dev/v1alpha1\nkind: "Destination\\e]0;a\\a"\nmetadata: {name: "n\\x9b2J"}\n---\n'
        "apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {name: a}\n"
        'spec: {forwardNodeRef: {name: radiology}, "ke\\e[2Jy\\nnode.yaml:1: fine": 1, condition: "\\e[31m"}\n'
    )
    result = validate(folder)
    assert result.returncode == 1
    assert {each for each in result.stdout if not each.isprintable()} == {"\n"}
    assert "\\x1b[2J" in result.stdout
    assert not any(line.startswith("node.yaml:1: fine") for line in result.stdout.splitlines())


def test_the_hash_is_that_of_names_and_contents(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert read([folder]).hash == hash_files(files)
    assert hash_files({**files, "node.yaml": b""}) != hash_files(files)
