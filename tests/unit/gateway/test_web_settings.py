# SPDX-License-Identifier: Apache-2.0
"""A STOW-RS destination from its manifest: resolved, held with a reason, and never showing what is secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from dromos_gateway.configuration.documents import to_rows
from dromos_gateway.configuration.folder import Folder
from dromos_gateway.configuration.settings import (
    AlbumSettings,
    BasicSettings,
    BearerSettings,
    OAuth2Settings,
    StowSettings,
)

NODE = "apiVersion: dromos.dev/v1alpha1\nkind: ForwardNode\nmetadata: {name: radiology}\nspec: {aeTitle: DROMOS}\n"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {%s}\n"
KEYS = (
    'username: user-hush, password: "pass-hush\\n", token: token-hush, client_id: id-hush, client_secret: secret-hush, '
    "key: key-hush, d: dest-hush, t: source-hush"
)
ALBUM = (
    "kheopsAlbums: [{url: https://k.example/api, condition: 'tagValueIsPresent(#Tag.Modality, \"CT\")', "
    "destinationToken: {secretKeyRef: {name: s, key: d}}, sourceToken: {secretKeyRef: {name: s, key: t}}}]"
)


def load(folder: Path, stow: str, keys: str = KEYS):
    (folder / "node.yaml").write_text(NODE)
    (folder / "secret.yaml").write_text(SECRET % keys)
    (folder / "archive.yaml").write_text(
        "apiVersion: dromos.dev/v1alpha1\nkind: Destination\nmetadata: {name: archive}\nspec:\n"
        f"  forwardNodeRef: {{name: radiology}}\n  stow:\n    url: https://pacs.example/dicomweb\n    {stow}\n"
    )
    loaded = Folder([folder]).load()
    assert "hush" not in repr(loaded.configuration), "a secret shows itself"
    assert "hush" not in repr(to_rows(loaded.documents)), "a secret would be written into the spool"
    return loaded.configuration.destinations["default/archive"]


@pytest.mark.parametrize(
    ("stow", "expected"),
    [
        ("auth: {basic: {secretRef: {name: s}}}", BasicSettings("user-hush", "pass-hush")),
        ("auth: {bearer: {secretKeyRef: {name: s, key: token}}}", BearerSettings("token-hush")),
        (
            "auth: {oauth2: {tokenURL: https://i.example/token, scopes: [a, b], secretRef: {name: s}}}",
            OAuth2Settings("https://i.example/token", "id-hush", "secret-hush", ("a", "b")),
        ),
        ("concurrency: 7", None),
    ],
)
def test_authorisation(tmp_path: Path, stow: str, expected: object) -> None:
    peer = load(tmp_path, stow).peer
    assert isinstance(peer, StowSettings)
    assert peer.authorization == expected
    assert peer.url == "https://pacs.example/dicomweb"


def test_headers_and_albums(tmp_path: Path) -> None:
    headers = "headers: [{name: X-A, value: a}, {name: X-B, valueFrom: {secretKeyRef: {name: s, key: key}}}]"
    settings = load(tmp_path, f"{headers}\n    {ALBUM}")
    assert isinstance(settings.peer, StowSettings)
    assert [(header.name, header.value) for header in settings.peer.headers] == [("X-A", "a"), ("X-B", "key-hush")]
    (album,) = settings.albums
    assert (album.destination_token, album.source_token) == ("dest-hush", "source-hush")


def test_rotated_values_make_other_settings_and_the_same_album(tmp_path: Path) -> None:
    auth = "auth: {bearer: {secretKeyRef: {name: s, key: token}}}"
    before = load(tmp_path, f"{auth}\n    {ALBUM}")
    after = load(tmp_path, f"{auth}\n    {ALBUM}", KEYS.replace("-hush", "-hush2"))
    assert before.peer != after.peer
    assert before.albums != after.albums
    assert before.albums[0].key == after.albums[0].key


@pytest.mark.parametrize(
    ("stow", "keys", "reason", "field"),
    [
        ("auth: {basic: {secretRef: {name: nobody}}}", KEYS, "SecretNotFound", "spec.stow.auth.basic.secretRef.name"),
        ("auth: {basic: {secretRef: {name: s}}}", "username: a", "SecretKeyNotFound", "spec.stow.auth.basic.secretRef.name"),
        ("auth: {basic: {secretRef: {name: s}}}", "username: '', password: a", "InvalidCredential",
         "spec.stow.auth.basic.secretRef.name"),
        ("auth: {oauth2: {tokenURL: https://i.example, secretRef: {name: s}}}", "client_id: a, client_secret: ''",
         "InvalidCredential", "spec.stow.auth.oauth2.secretRef.name"),
        ("auth: {bearer: {secretKeyRef: {name: s, key: token}}}", "token: 'a b'", "InvalidCredential",
         "spec.stow.auth.bearer.secretKeyRef"),
        (ALBUM, "d: a", "SecretKeyNotFound", "spec.stow.kheopsAlbums[0].sourceToken.secretKeyRef"),
        ("tls: {caRef: {name: s, key: key}}", KEYS, "InvalidCertificate", "spec.stow.tls"),
        ("tls: {caRef: {kind: ConfigMap, name: c}}", KEYS, "ConfigMapNotFound", "spec.stow.tls.caRef"),
    ],
)  # fmt: skip
def test_held(tmp_path: Path, stow: str, keys: str, reason: str, field: str) -> None:
    settings = load(tmp_path, stow, keys)
    assert settings.peer is None
    assert settings.hold is not None
    assert (settings.hold.reason, settings.hold.field) == (reason, field)


def test_an_album_is_shown_without_its_query() -> None:
    album = AlbumSettings("k", "https://k.example/api?token=hush", None, "a", "b", None)
    assert album.shown == "https://k.example/api"
    assert "hush" not in album.shown
