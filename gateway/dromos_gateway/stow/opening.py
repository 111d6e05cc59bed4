# SPDX-License-Identifier: Apache-2.0
"""From settings to a client: certificates, credentials, tokens."""

from __future__ import annotations

import os
import secrets
import ssl
import time
from functools import partial
from random import Random

from dromos_gateway.configuration.settings import (
    AlbumSettings,
    BasicSettings,
    BearerSettings,
    OAuth2Settings,
    StowSettings,
    TLSMaterial,
)
from dromos_gateway.stow.client import Endpoint, StowClient, studies_url
from dromos_gateway.web.authorization import Authorization, Fixed, basic, bearer
from dromos_gateway.web.client import Timeouts, WebClient, open_client, tls_context
from dromos_gateway.web.oauth2 import ClientCredentials, OAuth2Tokens

HTTP2_VARIABLE = (
    "DROMOS_STOW_HTTP2"  # "true": with servers that offer it, where TLS negotiates it; the API has no field
)
# these are small things: who waits for them for two minutes looks as if nothing were wrong
_FOR_A_TOKEN = Timeouts(connect=10.0, send=10.0, answer=15.0, body=10.0, pool=10.0)
_FOR_AN_ALBUM = Timeouts(connect=10.0, send=10.0, answer=30.0, body=10.0, pool=60.0)


def open_stow(settings: StowSettings) -> StowClient:
    """Make the client of a destination. InvalidTlsMaterial, InvalidCredential, Unreachable."""
    endpoint = Endpoint(studies_url(settings.url), tuple((header.name, header.value) for header in settings.headers))
    http2 = os.environ.get(HTTP2_VARIABLE) == "true"
    client = open_client(
        context=_context(settings.tls), connections=settings.concurrency + 1, http2=http2
    )  # one probes
    return StowClient(endpoint, client, _authorization(settings), partial(secrets.token_hex, 16))


def open_album(settings: AlbumSettings) -> WebClient:
    """Make a client for an album's Kheops. InvalidTlsMaterial, Unreachable."""
    return open_client(context=_beside(settings.tls), connections=1, timeouts=_FOR_AN_ALBUM)


def _authorization(settings: StowSettings) -> Authorization:
    match settings.authorization:
        case BasicSettings(username, password):
            return basic(username, password)
        case BearerSettings(token):
            return bearer(token)
        case OAuth2Settings() as oauth2:
            credentials = ClientCredentials(oauth2.token_url, oauth2.client_id, oauth2.client_secret, oauth2.scopes)
            client = partial(open_client, context=_beside(settings.tls), connections=1, timeouts=_FOR_A_TOKEN)
            return OAuth2Tokens(credentials, client, time.monotonic, Random())  # noqa: S311 - jitter is no secret
        case None:
            return Fixed()


def _context(tls: TLSMaterial | None) -> ssl.SSLContext:
    if tls is None:
        return tls_context()
    return tls_context(
        ca=tls.authorities, certificate=tls.certificate or None, key=tls.key or None, server_name=tls.server_name
    )


def _beside(tls: TLSMaterial | None) -> ssl.SSLContext:
    """For other servers that belong to a destination: its private authority is good there, and so are the system's."""
    context = tls_context(ca=tls.authorities if tls is not None else None)
    context.load_default_certs()
    return context
