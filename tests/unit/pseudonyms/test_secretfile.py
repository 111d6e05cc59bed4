# SPDX-License-Identifier: Apache-2.0
"""A Secret's value replaced in its file: every other character stays, in whichever style it is written."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from dromos_crds.document import Document, parse_text
from dromos_gateway.pseudonyms.secretfile import CannotEdit, edited, replace_value

IDENTITY, KEY = ("Secret", "default", "ids"), "p.csv"
OLD, NEW = "PatientID,Pseudonym\nP1,ONE\n", 'PatientID,Pseudonym\nP1,ONE\n"P,2", T W O\n'
BEFORE = "# SPDX\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: c}\ndata: {p.csv: untouched}\n---\n"
AFTER = "  z: 'stays'   # so does this\n# the end\n---\nkind: Unknown\n"
HEAD = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: ids # it\nstringData:\n  # above\n"
ENCODED = base64.b64encode(OLD.encode()).decode()
INNER = HEAD + "  p.csv: |\n    PatientID,Pseudonym\n    P1,ONE\n"

STYLES = {
    "literal": f"{HEAD}  p.csv: |\n    PatientID,Pseudonym\n    P1,ONE\n{AFTER}",
    "literal with a comment and blank lines": f"{HEAD}  p.csv: | # these\n      PatientID,Pseudonym\n      P1,ONE\n\n\n{AFTER}",
    "literal, last of all": f"{HEAD}  a: b\n  p.csv: |\n    PatientID,Pseudonym\n    P1,ONE",
    "literal, indented indicator": f"{HEAD}  p.csv: |2\n    PatientID,Pseudonym\n    P1,ONE\n{AFTER}",
    "folded": f"{HEAD}  p.csv: >\n    PatientID,Pseudonym\n\n    P1,ONE\n{AFTER}",
    "quoted": f'{HEAD}  p.csv: "PatientID,Pseudonym\\nP1,ONE\\n"\n{AFTER}',
    "quoted with a comment": f'{HEAD}  p.csv: "PatientID,Pseudonym\\nP1,ONE\\n"  # these\n{AFTER}',
    "single quotes over lines": f"{HEAD}  p.csv: 'PatientID,Pseudonym\n\n    P1,ONE\n\n    '\n{AFTER}",
    "empty": f'{HEAD}  p.csv: ""\n{AFTER}',
    "encoded": f"{HEAD}  p: q\n".replace("stringData", "data").replace("p: q", f"p.csv: {ENCODED}") + "# the end\n",
    "encoded block": HEAD.replace("stringData", "data") + f"  p.csv: |\n    {ENCODED[:20]}\n    {ENCODED[20:]}\n# the end\n",
    "flow": f'apiVersion: v1\nkind: Secret\nmetadata: {{name: ids}}\nstringData: {{a: "b", p.csv: {json.dumps(OLD)}, c: d}}\n',
    "json": json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ids"}, "stringData": {"p.csv": OLD}}),
    "list": f"apiVersion: v1\nkind: List\nitems:\n- {INNER.replace(chr(10), chr(10) + '  ')}",
}  # fmt: skip


def value(file: bytes) -> bytes:
    found = [item for item in parse_text(file, "-") if isinstance(item, Document) and item.identity == IDENTITY]
    return found[0].object.data[KEY]  # type: ignore[union-attr,return-value]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_only_the_value_changes(style: str, ends: str) -> None:
    lead = "" if style == "json" else BEFORE
    file = (lead + STYLES[style]).replace("\n", ends).encode()
    for content in (NEW.encode(), OLD.encode(), b"", "PatientID,Pseudonym\nÜ,\U0001f600".encode(), b" x\r\ny\n\n\n"):
        result = edited(file, IDENTITY, KEY, content)
        assert value(result) == content
        assert [line for line in BEFORE.splitlines() if line.encode() not in result] == (
            [] if lead else BEFORE.splitlines()
        )
        if AFTER in STYLES[style]:
            assert result.replace(b"\r\n", b"\n").endswith(AFTER.encode())
        if "# these" in STYLES[style] and content.strip():
            assert b"# these" in result


def test_a_literal_block_grows_by_its_lines_alone() -> None:
    file = (BEFORE + STYLES["literal"]).encode()
    result = edited(file, IDENTITY, KEY, NEW.encode())
    assert result == file.replace(b"    P1,ONE\n", b'    P1,ONE\n    "P,2", T W O\n')
    assert edited(result, IDENTITY, KEY, OLD.encode()) == file


def test_what_is_not_edited_is_said_without_values() -> None:
    alias = HEAD + '  other: &it "x"\n  p.csv: *it\n'
    for file in (alias, HEAD + "  q.csv: x\n", "kind: [\n" + HEAD, HEAD.replace("ids", "others") + "  p.csv: x\n"):
        with pytest.raises(CannotEdit) as refused:
            edited(file.encode(), IDENTITY, KEY, b"SECRET")
        assert "SECRET" not in str(refused.value)


def test_the_namespace_counts_and_the_bom_stays() -> None:
    other = STYLES["literal"].replace("  name: ids # it", "  name: ids\n  namespace: other")
    file = b"\xef\xbb\xbf" + (other + "---\n" + STYLES["literal"]).encode()
    result = edited(file, IDENTITY, KEY, NEW.encode())
    assert result.startswith(b"\xef\xbb\xbf" + other.encode())
    assert NEW.encode() in result.replace(b"    ", b"")


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(STYLES["literal"])
    real.chmod(0o640)
    link.symlink_to(real)
    replace_value(link, IDENTITY, KEY, NEW.encode())
    assert link.is_symlink()
    assert value(real.read_bytes()) == NEW.encode()
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]
