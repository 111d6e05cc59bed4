# SPDX-License-Identifier: Apache-2.0
"""Whom the sending process talks to: one object for equal settings, and the answers to questions about them.

Anything of HTTP is imported with the first destination that needs it: others do not pay for it in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dromos_gateway.configuration.settings import AlbumSettings, PeerSettings, StowSettings
from dromos_gateway.configuration.tls import client_tls
from dromos_gateway.delivery.association import probe
from dromos_gateway.delivery.carrier import Carrier
from dromos_gateway.delivery.carrying import Carrying
from dromos_gateway.delivery.messages import Probe, Report, Share, Trouble
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Peer

if TYPE_CHECKING:
    from dromos_gateway.stow.client import StowClient
    from dromos_gateway.web.client import WebClient

_MOST = 256  # reloads leave old ones behind


class Peers:
    """Peers by their settings: a TLS context is costly, connections and tokens are shared between lanes."""

    def __init__(self) -> None:
        self._dicom: dict[PeerSettings, Peer] = {}
        self._stow: dict[StowSettings, StowClient] = {}
        self._albums: dict[AlbumSettings, WebClient] = {}

    def carrier(self, number: int, settings: PeerSettings | StowSettings, report: Callable[[Report], None]) -> Carrying:
        """Make a lane's carrier."""
        if isinstance(settings, PeerSettings):
            return Carrier(number, self._dicom_peer(settings), report)
        from dromos_gateway.delivery.stowcarrier import StowCarrier

        return StowCarrier(number, self._stow_client(settings), report)

    async def answer(self, question: Probe | Share) -> Trouble | None:
        """None, or what is wrong."""
        if isinstance(question, Share):
            return await self._share(question)
        if isinstance(question.peer, PeerSettings):
            try:
                await probe(self._dicom_peer(question.peer))
            except DimseError as error:
                return Trouble(str(error))
            return None
        from dromos_gateway.web.errors import WebError

        try:
            await self._stow_client(question.peer).probe()
        except WebError as error:
            return Trouble(str(error))
        return None

    async def _share(self, question: Share) -> Trouble | None:
        from dromos_gateway.kheops.album import ShareFailed, share
        from dromos_gateway.stow.opening import open_album

        album = question.album
        client = self._albums.get(album)
        if client is None:
            _make_room(self._albums)
            client = self._albums[album] = open_album(album)
        try:
            await share(
                client,
                album.url,
                destination_token=album.destination_token,
                source_token=album.source_token,
                study=question.study_instance_uid,
                series=question.series_instance_uid,
            )
        except ShareFailed as error:
            return Trouble(str(error), error.retry_after)
        return None

    def _dicom_peer(self, settings: PeerSettings) -> Peer:
        peer = self._dicom.get(settings)
        if peer is None:
            _make_room(self._dicom)
            peer = self._dicom[settings] = make_peer(settings)
        return peer

    def _stow_client(self, settings: StowSettings) -> StowClient:
        client = self._stow.get(settings)
        if client is None:
            from dromos_gateway.stow.opening import open_stow

            _make_room(self._stow)
            client = self._stow[settings] = open_stow(settings)
        return client


def _make_room(known: dict[Any, Any]) -> None:
    """Forget the oldest; its carriers hold on to it, and its connections end a moment after their work."""
    if len(known) >= _MOST:
        del known[next(iter(known))]


def make_peer(settings: PeerSettings) -> Peer:
    """Whom to call for a destination."""
    tls = settings.tls
    return Peer(
        settings.host,
        settings.port,
        settings.called_ae_title,
        settings.calling_ae_title,
        client_tls(tls) if tls is not None else None,
        server_name=tls.server_name if tls is not None else "",
    )
