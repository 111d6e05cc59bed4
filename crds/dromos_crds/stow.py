# SPDX-License-Identifier: Apache-2.0
"""The STOW-RS half of a Destination (PS3.18 §10.5): URL, headers, authorisation, Kheops albums."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from dromos_crds.fields import (
    HEADER_NAME_PATTERN,
    HEADER_VALUE_PATTERN,
    Expression,
    FromSecret,
    LocalReference,
    Part,
    WebURL,
)
from dromos_crds.rules import Rule, field_rules, rules
from dromos_crds.tls import ClientTLS

# RFC 9110 §5.1 token; §5.5 forbids CR, LF and NUL in values
HeaderName = Annotated[str, Field(min_length=1, max_length=256, pattern=HEADER_NAME_PATTERN)]
# each request says these by itself: the kind and length of its body, whom it is for, how it is carried, and that the
# answer comes uncompressed
OWN_HEADERS = (
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
)
_OWN = "each request says this by itself; leave the header out"
# the token endpoint and Kheops may have https, and tls is good for them too; who asks for it wants it for the images
_IN_THE_CLEAR = "the URL has http://, over which everything goes in the clear; write https://, or leave tls out"
# what waits to be shared knows its album by these two
_SAME_ALBUM = "two albums have the same url and destinationToken; write one, with conditions joined by or"
HeaderValue = Annotated[str, Field(max_length=4096, pattern=HEADER_VALUE_PATTERN)]


class Header(Part):
    """One HTTP header."""

    model_config = rules(Rule("has(self.value) != has(self.valueFrom)", "exactly one of value and valueFrom is needed"))

    name: HeaderName = Field(
        description="Name of the header.",
        json_schema_extra=field_rules(Rule(f"!(self.lowerAscii() in {list(OWN_HEADERS)})", _OWN)),
    )
    value: HeaderValue | None = Field(None, description="Its value.")
    value_from: FromSecret | None = Field(None, description="Where its value is read from.")

    @field_validator("name")
    @classmethod
    def _not_ours(cls, name: str) -> str:
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{name!r}: {_OWN}")
        return name

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        if (self.value is None) == (self.value_from is None):
            raise ValueError("exactly one of value and valueFrom is needed")
        return self


class BasicAuth(Part):
    """HTTP Basic (RFC 7617)."""

    secret_ref: LocalReference = Field(description="Secret with the keys username and password.")


class OAuth2(Part):
    """OAuth 2.0 client credentials (RFC 6749 §4.4)."""

    token_url: WebURL = Field(alias="tokenURL", description="Token endpoint.")
    scopes: tuple[Annotated[str, Field(max_length=256)], ...] = Field((), max_length=64, description="Scopes to ask.")
    secret_ref: LocalReference = Field(description="Secret with the keys client_id and client_secret.")

    @field_validator("scopes")
    @classmethod
    def _scopes(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        for scope in scopes:  # RFC 6749 §3.3; several in one, with spaces between, are as good
            if not re.fullmatch(r"[!#-\[\]-~]+( [!#-\[\]-~]+)*", scope):
                raise ValueError("one of these is no scope: those have no quotes, backslashes or line breaks")
        return scopes


class Auth(Part):
    """Authorisation; at most one way."""

    model_config = rules(
        Rule(
            "[has(self.basic), has(self.bearer), has(self.oauth2)].filter(way, way).size() <= 1",
            "at most one of basic, bearer and oauth2 may be given",
        )
    )

    basic: BasicAuth | None = Field(None, description="HTTP Basic.")
    bearer: FromSecret | None = Field(None, description="A fixed bearer token.")
    oauth2: OAuth2 | None = Field(None, description="OAuth 2.0 client credentials.")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if sum(way is not None for way in (self.basic, self.bearer, self.oauth2)) > 1:
            raise ValueError("at most one of basic, bearer and oauth2 may be given")
        return self


class KheopsAlbum(Part):
    """An album that each matching series is shared into."""

    url: WebURL = Field(description="Kheops API.")
    condition: Expression | None = Field(None, description="Which instances; all when absent.")
    destination_token: FromSecret = Field(description="Token of the album.")
    source_token: FromSecret = Field(description="Token of the sender.")


class Stow(Part):
    """A DICOMweb destination."""

    model_config = rules(
        Rule(
            "!has(self.auth) || !has(self.headers) || "
            "self.headers.all(header, header.name.lowerAscii() != 'authorization')",
            "an Authorization header and auth exclude each other",
        ),
        Rule("!has(self.tls) || self.url.startsWith('https://')", _IN_THE_CLEAR, ".tls"),
    )

    url: WebURL = Field(description="STOW-RS endpoint, with scheme and without user information.")
    headers: tuple[Header, ...] = Field((), max_length=64, description="HTTP headers of each request.")
    auth: Auth | None = Field(None, description="Authorisation; at most one way.")
    tls: ClientTLS | None = Field(None, description="TLS to the server, whose URL then has https://.")
    concurrency: int = Field(2, ge=1, le=64, description="Requests at a time.")
    kheops_albums: tuple[KheopsAlbum, ...] = Field(
        (),
        max_length=64,
        description="Kheops albums to share into, each with a url or destinationToken of its own.",
        json_schema_extra=field_rules(
            Rule(
                "self.all(one, self.exists_one(other, other.url == one.url && "
                "other.destinationToken.secretKeyRef.name == one.destinationToken.secretKeyRef.name && "
                "other.destinationToken.secretKeyRef.key == one.destinationToken.secretKeyRef.key))",
                _SAME_ALBUM,
            )
        ),
    )

    @field_validator("tls")
    @classmethod
    def _is_used(cls, tls: ClientTLS | None, known: ValidationInfo) -> ClientTLS | None:
        if tls is not None and known.data.get("url", "").startswith("http://"):
            raise ValueError(_IN_THE_CLEAR)
        return tls

    @field_validator("kheops_albums")
    @classmethod
    def _told_apart(cls, albums: tuple[KheopsAlbum, ...]) -> tuple[KheopsAlbum, ...]:
        if len({(album.url, album.destination_token) for album in albums}) < len(albums):
            raise ValueError(_SAME_ALBUM)
        return albums

    @model_validator(mode="after")
    def _one_authorisation(self) -> Self:
        if self.auth is not None and any(header.name.lower() == "authorization" for header in self.headers):
            raise ValueError("an Authorization header and auth exclude each other")
        return self
