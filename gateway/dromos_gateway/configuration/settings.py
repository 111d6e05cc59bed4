# SPDX-License-Identifier: Apache-2.0
"""What the gateway acts on: the manifests' meaning, resolved and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dromos_crds.problems import Problem

if TYPE_CHECKING:  # they stand on the settings themselves, or are heavy and nothing for the sending process
    from dromos_crds.expressions import Condition
    from dromos_gateway.changes.change import Change
    from dromos_gateway.projects.use import Applied


@dataclass(frozen=True, slots=True)
class TLSMaterial:
    """PEM texts for one side of a TLS connection; never shown."""

    certificate: bytes = field(default=b"", repr=False)
    key: bytes = field(default=b"", repr=False)
    authorities: bytes | None = field(default=None, repr=False)  # None: the system's (client), nobody's (server)
    client_authentication: str = "None"  # None | Request | Require; only for a listener
    server_name: str = ""  # only for a client; empty: the host


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """Who may send. Without a host name any address may use the AE title."""

    ae_title: str
    hostname: str | None


@dataclass(frozen=True, slots=True)
class TransferLogSettings:
    """What is kept of transfers that are done."""

    max_age: float
    max_rows: int
    key: bytes | None = field(default=None, repr=False)  # None: nothing of the originals is kept
    outgoing: bool = True  # whether identifiers are kept as they were sent


@dataclass(frozen=True, slots=True)
class SMTPSettings:
    """The mail relay."""

    host: str
    port: int
    security: str  # None | StartTLS | TLS
    sender: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A ForwardNode."""

    key: str  # namespace/name
    ae_title: str
    sources: tuple[SourceSettings, ...]
    suspend: bool
    spool_size: int
    associations: int
    idle_timeout: float
    tls: TLSMaterial | None
    transfer_log: TransferLogSettings = TransferLogSettings(720 * 3600.0, 1_000_000)
    smtp: SMTPSettings | None = None
    locked: str = ""  # why nobody is let in: TLS is wanted, and there never was any that could be used


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """The DICOM node behind a destination."""

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str
    concurrency: int
    tls: TLSMaterial | None


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """A header of each request; its value may be a secret."""

    name: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BasicSettings:
    """HTTP Basic."""

    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerSettings:
    """A fixed bearer token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuth2Settings:
    """OAuth 2.0 client credentials."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StowSettings:
    """The STOW-RS server behind a destination."""

    url: str
    headers: tuple[HeaderSettings, ...]
    authorization: BasicSettings | BearerSettings | OAuth2Settings | None
    tls: TLSMaterial | None
    concurrency: int


@dataclass(frozen=True, slots=True)
class AlbumSettings:
    """A Kheops album that series of a destination are shared into."""

    key: str  # what the ledger calls it
    url: str
    condition: str | None
    destination_token: str = field(repr=False)
    source_token: str = field(repr=False)
    tls: TLSMaterial | None  # the destination's: its authority is good for Kheops as well

    @property
    def shown(self) -> str:
        """Its URL for messages: a query may be as good as a token."""
        return self.url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """A web address that is told what mails tell: with a token, or a user name and a password, or neither."""

    url: str
    token: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """Who is told what was forwarded."""

    recipients: tuple[str, ...]
    error_subject_prefix: str
    rejection_subject_prefix: str
    subject_pattern: str
    subject_values: tuple[str, ...]
    interval: float
    smtp: SMTPSettings | None  # the ForwardNode's
    webhook: WebhookSettings | None = None


@dataclass(frozen=True, slots=True)
class DestinationSettings:
    """A Destination."""

    key: str  # namespace/name
    node: str  # key of its ForwardNode
    generation: int
    enabled: bool
    suspend: bool  # its own, or its ForwardNode's
    peer: PeerSettings | StowSettings | None  # None only together with `hold`
    sop_classes: frozenset[str] | None
    max_age: float
    hold: Problem | None = None  # why nothing may be sent
    condition: Condition | None = None  # None: all instances
    albums: tuple[AlbumSettings, ...] = ()
    notifications: NotificationSettings | None = None
    changes: bool = False  # by de-identification or morphing: what goes out is not what came in
    change: Change | None = None  # None: instances go as they came
    applied: Applied | None = None  # which profile and key the change has


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that a reload replaces at once."""

    nodes: Mapping[str, NodeSettings]  # by AE title
    destinations: Mapping[str, DestinationSettings]  # by key
    problems: tuple[Problem, ...]
    hash: str
    _by_node: Mapping[str, tuple[DestinationSettings, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sort the destinations once: each instance asks for its ForwardNode's."""
        by_node: dict[str, tuple[DestinationSettings, ...]] = {}
        for item in self.destinations.values():
            by_node[item.node] = (*by_node.get(item.node, ()), item)
        object.__setattr__(self, "_by_node", by_node)

    @property
    def locked(self) -> bool:
        """Whether nobody at all is let in."""
        return all(node.locked for node in self.nodes.values())

    def of_node(self, key: str) -> tuple[DestinationSettings, ...]:
        """The destinations of a ForwardNode."""
        return self._by_node.get(key, ())
