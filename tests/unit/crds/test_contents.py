# SPDX-License-Identifier: Apache-2.0
"""What `dromos validate` finds in the Secrets and ConfigMaps that manifests name, and in the HTTP half of a Destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_crds import contents
from dromos_crds.manifests import read
from dromos_crds.problems import Problem

NODE = "apiVersion: dromos.dev/v1alpha1\nkind: ForwardNode\nmetadata: {name: radiology}\nspec: {aeTitle: RADIOLOGY}\n"
HUSH = "hush-hush-77"


def problems(folder: Path, stow: str, **secrets: str) -> tuple[Problem, ...]:
    (folder / "node.yaml").write_text(NODE)
    (folder / "destination.yaml").write_text(
        "apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {name: archive}\n"
        f"spec:\n  forwardNodeRef: {{name: radiology}}\n  stow: {{{stow}}}\n"
    )
    for name, text in secrets.items():
        manifest = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {text}\n"
        (folder / f"{name}.yaml").write_text(manifest)
    manifests = read([folder])
    return (*manifests.problems, *contents.check(manifests))


URL = "url: https://pacs.example/dicomweb"
TOKENS = "destinationToken: {secretKeyRef: {name: s, key: d}}, sourceToken: {secretKeyRef: {name: s, key: t}}"


@pytest.mark.parametrize(
    ("stow", "field", "words"),
    [
        ("url: pacs.example/dicomweb", "spec.stow.url", "starts with http:// or https://"),
        ("url: ftp://pacs.example", "spec.stow.url", "starts with http:// or https://"),
        ("url: https://a:hush-hush-77@pacs.example/", "spec.stow.url", "no user information"),
        ("url: 'http://[1::2::3]/dicomweb'", "spec.stow.url", "'1::2::3' is neither an address nor a name"),
        (f"{URL}, tls: {{serverName: 'a b'}}", "spec.stow.tls.serverName", "'a b' is not allowed: a host is a name"),
        (
            f'{URL}, auth: {{oauth2: {{tokenURL: "https://i.example/t", scopes: ["a\\nb"], secretRef: {{name: s}}}}}}',
            "spec.stow.auth.oauth2.scopes",
            "is no scope",
        ),
        ("url: 'http://300.1.2.3/dicomweb'", "spec.stow.url", "'300.1.2.3' is neither"),
        ("url: http://pacs..example/dicomweb", "spec.stow.url", "'pacs..example' is neither"),
        (f"url: http://{'a' * 64}.example/dicomweb", "spec.stow.url", "of parts of 1 to 63 characters"),
        ('url: "http://pacs.example/dicom\\x01web"', "spec.stow.url", "control character"),
        ("url: http://pacs.example:65536/", "spec.stow.url", "perhaps a port"),
        ("url: https://pacs.example/dicomweb#x", "spec.stow.url", "no #"),
        ("url: 'https:///dicomweb'", "spec.stow.url", "starts with http"),
        ("url: //pacs.example/dicomweb", "spec.stow.url", "starts with http"),
        (
            f"{URL}, auth: {{oauth2: {{tokenURL: 'https://[::1::]/token', secretRef: {{name: s}}}}}}",
            "spec.stow.auth.oauth2.tokenURL",
            "is neither",
        ),
        (f"{URL}, headers: [{{name: 'X:Key', value: a}}]", "spec.stow.headers[0].name", "no spaces or colons"),
        (f"{URL}, headers: [{{name: '', value: a}}]", "spec.stow.headers[0].name", "at least 1"),
        (f"{URL}, headers: [{{name: X, value: é}}]", "spec.stow.headers[0].value", "ASCII"),
        (f"{URL}, headers: [{{name: X Key, value: a}}]", "spec.stow.headers[0].name", "no spaces"),
        (f"{URL}, headers: [{{name: 'X Key', value: a}}]", "spec.stow.headers[0].name", "no spaces"),
        (f'{URL}, headers: [{{name: "X\\r\\nY", value: a}}]', "spec.stow.headers[0].name", "no spaces"),
        (f'{URL}, headers: [{{name: X, value: "a\\r\\nY: b"}}]', "spec.stow.headers[0].value", "no line breaks"),
        (f"{URL}, headers: [{{name: X}}]", "spec.stow.headers[0]", "exactly one of value and valueFrom"),
        (f"{URL}, headers: {{X-Key: hush-hush-77}}", "spec.stow.headers", "a mapping where a list belongs"),
        (f"{URL}, headers: ", "spec.stow.headers", "an empty value where a list belongs"),
        (f"{URL}, headers: hush-hush-77", "spec.stow.headers", "the value is text, expected a list"),
        (f"{URL}, headers: [hush-hush-77]", "spec.stow.headers[0]", "text where a mapping of keys and values belongs"),
        (f"{URL}, auth: {{bearer: [hush-hush-77]}}", "spec.stow.auth.bearer", "a list where a mapping"),
        (
            f"{URL}, headers: [{{name: authorization, value: a}}], auth: {{basic: {{secretRef: {{name: s}}}}}}",
            "spec.stow",
            "exclude each other",
        ),
        (
            f"{URL}, auth: {{basic: {{secretRef: {{name: s}}}}, bearer: {{secretKeyRef: {{name: s, key: k}}}}}}",
            "spec.stow.auth",
            "at most one",
        ),
        (
            f"{URL}, kheopsAlbums: [{{url: https://k.example/api}}]",
            "spec.stow.kheopsAlbums[0].destinationToken",
            "required",
        ),
        (
            f"{URL}, kheopsAlbums: [{{url: https://k.example/api, destinationToken: {{secretKeyRef: {{name: s, key: k}}}}}}]",
            "spec.stow.kheopsAlbums[0].sourceToken",
            "required",
        ),
        (f"{URL}, kheopsAlbums: [{{url: k.example, {TOKENS}}}]", "spec.stow.kheopsAlbums[0].url", "starts with http"),
    ],
)
def test_form(tmp_path: Path, stow: str, field: str, words: str) -> None:
    found = problems(tmp_path, stow)
    assert found
    assert any(problem.field == field and words in problem.message for problem in found), found
    assert not any(HUSH in str(problem) for problem in found)


@pytest.mark.parametrize(
    ("stow", "secret", "field", "words"),
    [
        ("auth: {bearer: {secretKeyRef: {name: s, key: k}}}", '{k: "hush-hush-77 x"}', "spec.stow.auth.bearer.secretKeyRef",
         "not a bearer token"),
        ("auth: {bearer: {secretKeyRef: {name: s, key: k}}}", '{k: "hush-hush-77=b"}',
         "spec.stow.auth.bearer.secretKeyRef", "not a bearer token"),
        ("auth: {bearer: {secretKeyRef: {name: s, key: k}}}", '{k: "="}', "spec.stow.auth.bearer.secretKeyRef",
         "not a bearer token"),
        ("headers: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]", '{k: "hush-hush-77é"}',
         "spec.stow.headers[0].valueFrom.secretKeyRef", "only ASCII"),
        ("auth: {bearer: {secretKeyRef: {name: s, key: k}}}", '{k: ""}', "spec.stow.auth.bearer.secretKeyRef",
         "not a bearer token"),
        ("auth: {basic: {secretRef: {name: s}}}", '{username: "a:b", password: hush-hush-77}',
         "spec.stow.auth.basic.secretRef", "colon"),
        ("auth: {basic: {secretRef: {name: s}}}", '{username: a, password: "hush-hush-77\\nx"}',
         "spec.stow.auth.basic.secretRef", "line break"),
        ("auth: {oauth2: {tokenURL: https://i.example, secretRef: {name: s}}}",
         '{client_id: a, client_secret: "hush-hush-77\\tx"}', "spec.stow.auth.oauth2.secretRef", "control character"),
        ("headers: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]", '{k: "hush-hush-77\\r\\nY: x"}',
         "spec.stow.headers[0].valueFrom.secretKeyRef", "line break"),
        ("headers: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]", '{k: "hush-hush-77 "}',
         "spec.stow.headers[0].valueFrom.secretKeyRef", "begins or ends with a space"),
        ("auth: {oauth2: {tokenURL: https://i.example, secretRef: {name: s}}}",
         '{client_id: "", client_secret: hush-hush-77}', "spec.stow.auth.oauth2.secretRef", "key 'client_id' is empty"),
        ("auth: {oauth2: {tokenURL: https://i.example, secretRef: {name: s}}}",
         '{client_id: hush-hush-77, client_secret: "\\n"}', "spec.stow.auth.oauth2.secretRef",
         "key 'client_secret' is empty"),
        ("auth: {basic: {secretRef: {name: s}}}", '{username: "", password: hush-hush-77}',
         "spec.stow.auth.basic.secretRef", "key 'username' is empty"),
        (f"kheopsAlbums: [{{url: https://k.example, {TOKENS}}}]", '{d: "hush-hush-77 ", t: a}',
         "spec.stow.kheopsAlbums[0].destinationToken.secretKeyRef", "not a bearer token"),
        ("tls: {caRef: {name: s}}", "{ca.crt: hush-hush-77}", "spec.stow.tls.caRef", "certificates in PEM"),
        ("tls: {certificateSecretRef: {name: s}}", "{tls.crt: hush-hush-77, tls.key: b}",
         "spec.stow.tls.certificateSecretRef", "not a certificate"),
    ],
)  # fmt: skip
def test_contents(tmp_path: Path, stow: str, secret: str, field: str, words: str) -> None:
    (problem,) = problems(tmp_path, f"{URL}, {stow}", s=secret)
    assert problem.field == field
    assert words in problem.message
    assert "'s'" in problem.message
    assert HUSH not in str(problem)
    assert (problem.file, problem.name) == (str(tmp_path / "destination.yaml"), "archive")


def test_good_contents(tmp_path: Path) -> None:
    """The line break that an editor leaves at the end of a value does no harm."""
    stow = f"{URL}, auth: {{basic: {{secretRef: {{name: s}}}}}}, kheopsAlbums: [{{url: https://k.example, {TOKENS}}}]"
    assert problems(tmp_path, stow, s='{username: "ä\\n", password: "p ß:\\n", d: "abc-1.2_=\\n", t: a}') == ()


@pytest.mark.parametrize(
    "url", ["http://[2001:db8::1]:8042/dicomweb", "http://127.0.0.1/", "http://10.example/", "http://a.example./x"]
)
def test_good_urls(tmp_path: Path, url: str) -> None:
    assert problems(tmp_path, f"url: '{url}'") == ()


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ('{token: "hush-hush-77 x"}', "key 'token' is not a bearer token"),
        ('{token: "hush-hush-77=x"}', "key 'token' is not a bearer token"),
        ('{username: "a:b", password: hush-hush-77}', "key 'username' has a colon"),
        ('{username: a, password: "hush-hush-77\\nx"}', "key 'password' has a line break"),
        ('{username: "", password: hush-hush-77}', "key 'username' is empty"),
        ('{token: "hush-hush-77\\n", username: "ä", password: "p ß "}', None),
        ("{other: a}", None),
    ],
)
def test_credentials_of_a_webhook(tmp_path: Path, secret: str, words: str | None) -> None:
    (tmp_path / "webhook.yaml").write_text(
        "apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {name: told}\nspec:\n"
        "  forwardNodeRef: {name: radiology}\n  dicom: {aeTitle: A, hostname: a.example, port: 104}\n"
        "  notifications: {webhook: {url: 'https://w.example/', secretRef: {name: s}}}\n"
    )
    found = problems(tmp_path, URL, s=secret)
    assert [problem.field for problem in found] == (["spec.notifications.webhook.secretRef"] if words else [])
    assert all(words in problem.message and HUSH not in str(problem) for problem in found if words)


@pytest.mark.parametrize(("key", "found"), [('""', 1), ('" \\n"', 1), ("any", 0), ('"\\0\\x01"', 0)])
def test_nothing_is_no_key_of_a_transfer_log(tmp_path: Path, key: str, found: int) -> None:
    (tmp_path / "other.yaml").write_text(
        "apiVersion: dromos.dev/v1alpha1\nkind: ForwardNode\nmetadata: {name: other}\n"
        "spec: {aeTitle: OTHER, transferLog: {key: {secretKeyRef: {name: s, key: k}}}}\n"
    )
    said = [str(problem) for problem in problems(tmp_path, URL, s=f"{{k: {key}}}")]
    assert len(said) == found
    assert all("spec.transferLog.key.secretKeyRef: Secret 's': key 'k' is empty" in each for each in said)
