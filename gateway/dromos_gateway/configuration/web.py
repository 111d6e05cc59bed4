# SPDX-License-Identifier: Apache-2.0
"""The HTTP half of a Destination resolved: URL, headers, authorisation, TLS, albums.

Values come from Secrets that are read again whenever the folder changes: a rotated credential makes other settings.
"""

from __future__ import annotations

from collections.abc import Callable

from dromos_crds import credentials
from dromos_crds.fields import FromSecret
from dromos_crds.references import CLIENT, LOGIN
from dromos_crds.stow import Auth, Header, KheopsAlbum, OAuth2, Stow
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import (
    AlbumSettings,
    BasicSettings,
    BearerSettings,
    HeaderSettings,
    OAuth2Settings,
    StowSettings,
    TLSMaterial,
)


def stow_settings(namespace: str, stow: Stow, references: References, field: str = "spec.stow") -> StowSettings:
    """Resolve a STOW-RS destination. Unresolved, InvalidTlsMaterial."""
    return StowSettings(
        url=stow.url,
        headers=tuple(
            HeaderSettings(header.name, _header(namespace, header, references, f"{field}.headers[{index}]"))
            for index, header in enumerate(stow.headers)
        ),
        authorization=None if stow.auth is None else _auth(namespace, stow.auth, references, f"{field}.auth"),
        tls=references.client(namespace, stow.tls, f"{field}.tls") if stow.tls is not None else None,
        concurrency=stow.concurrency,
    )


def album_settings(namespace: str, stow: Stow, references: References) -> tuple[AlbumSettings, ...]:
    """Resolve its Kheops albums. Unresolved."""
    tls = references.client(namespace, stow.tls, "spec.stow.tls") if stow.tls is not None else None
    return tuple(
        _album(namespace, album, references, f"spec.stow.kheopsAlbums[{index}]", tls)
        for index, album in enumerate(stow.kheops_albums)
    )


def oauth2_settings(namespace: str, oauth2: OAuth2, references: References, field: str) -> OAuth2Settings:
    """Resolve OAuth 2.0 client credentials. Unresolved."""
    name, where = oauth2.secret_ref.name, f"{field}.secretRef.name"
    client_id, client_secret = CLIENT
    return OAuth2Settings(
        oauth2.token_url,
        references.credential(namespace, name, client_id, where, credentials.identity),
        references.credential(namespace, name, client_secret, where, credentials.identity),
        oauth2.scopes,
    )


def _auth(
    namespace: str, auth: Auth, references: References, field: str
) -> BasicSettings | BearerSettings | OAuth2Settings | None:
    if auth.basic is not None:
        name, where = auth.basic.secret_ref.name, f"{field}.basic.secretRef.name"
        username, password = LOGIN
        return BasicSettings(
            references.credential(namespace, name, username, where, credentials.username),
            references.credential(namespace, name, password, where, credentials.line),
        )
    if auth.bearer is not None:
        return BearerSettings(_value(namespace, auth.bearer, references, f"{field}.bearer", credentials.token))
    if auth.oauth2 is not None:
        return oauth2_settings(namespace, auth.oauth2, references, f"{field}.oauth2")
    return None


def _header(namespace: str, header: Header, references: References, field: str) -> str:
    if header.value_from is None:
        return header.value or ""
    return _value(namespace, header.value_from, references, f"{field}.valueFrom", credentials.header_value)


def _album(
    namespace: str, album: KheopsAlbum, references: References, field: str, tls: TLSMaterial | None
) -> AlbumSettings:
    token = album.destination_token.secret_key_ref
    destination, source = f"{field}.destinationToken", f"{field}.sourceToken"
    return AlbumSettings(
        # who it is stays the same when the token's value is rotated: what waits for it goes on
        key=f"{album.url} {token.name}/{token.key}",
        url=album.url,
        condition=album.condition,
        destination_token=_value(namespace, album.destination_token, references, destination, credentials.token),
        source_token=_value(namespace, album.source_token, references, source, credentials.token),
        tls=tls,
    )


def _value(namespace: str, value: FromSecret, references: References, field: str, rule: Callable[[bytes], str]) -> str:
    ref = value.secret_key_ref
    return references.credential(namespace, ref.name, ref.key, f"{field}.secretKeyRef", rule)
