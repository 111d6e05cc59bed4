# SPDX-License-Identifier: Apache-2.0
"""ForwardNode: where images come in."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from dromos_crds.durations import parse_duration
from dromos_crds.fields import (
    DURATION_PATTERN,
    AETitle,
    Duration,
    FromSecret,
    Hostname,
    LocalReference,
    MailAddress,
    Name,
    Part,
    Port,
    Quantity,
    Text,
)
from dromos_crds.metadata import Resource
from dromos_crds.podparts import Affinity, Resources, Toleration
from dromos_crds.quantities import parse_quantity
from dromos_crds.rules import Rule, field_rules, rules

TOO_SMALL = "a spool needs at least 64Mi"
TOO_SHORT = "an association needs at least 1s"
NO_HOSTNAME = "checkHostname needs a hostname to check"
NO_NETWORK = "a network is an address and a length, such as 192.0.2.0/24"


def _is_network(text: str) -> str:
    # as the API server reads it: Python's own reader takes 192.0.2.0/255.255.255.0 and 10.0.0.0/08 as well
    address, _, length = text.partition("/")
    try:
        ip, bits = ipaddress.ip_address(address), int(length)
        mapped = ip.version == 6 and ip.ipv4_mapped is not None
        if str(bits) == length and 0 <= bits <= ip.max_prefixlen and "%" not in address and not mapped:
            return text
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not allowed: {NO_NETWORK}")


CIDR = Annotated[
    str,
    Field(max_length=43, json_schema_extra=field_rules(Rule("isCIDR(self)", NO_NETWORK))),
    AfterValidator(_is_network),
]


class Source(Part):
    """A node that may send."""

    model_config = rules(
        Rule(
            "!has(self.checkHostname) || !self.checkHostname || has(self.hostname)",
            NO_HOSTNAME,
            ".checkHostname",
        )
    )

    ae_title: AETitle = Field(description="Calling AE title of the sender.")
    hostname: Hostname | None = Field(None, description="Host name or address the sender connects from.")
    check_hostname: bool | None = Field(
        None, description="Whether the host must match as well; true when absent and hostname is given."
    )
    description: Text = Field("", description="What this source is, for people.")

    @model_validator(mode="after")
    def _hostname_to_check(self) -> Self:
        if self.check_hostname and self.hostname is None:
            raise ValueError(NO_HOSTNAME)
        return self

    @property
    def checks_hostname(self) -> bool:
        """Whether the peer's host must be that of `hostname`."""
        return self.hostname is not None and self.check_hostname is not False


class ListenerTLS(Part):
    """DICOM TLS at the listener (PS3.15 Annex B, BCP 195)."""

    certificate_secret_ref: LocalReference = Field(description="Secret of type kubernetes.io/tls with the certificate.")
    client_ca_ref: LocalReference | None = Field(
        None, alias="clientCARef", description="Secret whose ca.crt signs the clients' certificates."
    )
    client_authentication: Literal["None", "Request", "Require"] = Field(
        "Require", description="Whether clients must show a certificate."
    )


class Spool(Part):
    """The disk that keeps instances until every destination has them."""

    model_config = rules(
        Rule(
            "!isQuantity(self.size) || !isQuantity(oldSelf.size) || "
            "quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0",
            "a spool can only grow",
            ".size",
        ),
        Rule(
            "has(self.storageClassName) == has(oldSelf.storageClassName) && "
            "(!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
            "storageClassName cannot be changed; make a new ForwardNode instead",
        ),
    )

    size: Quantity = Field(
        "20Gi",
        description="Size of each replica's volume, at least 64Mi; it may only grow.",
        json_schema_extra=field_rules(
            Rule("!isQuantity(self) || quantity(self).compareTo(quantity('64Mi')) >= 0", TOO_SMALL)
        ),
    )
    storage_class_name: Name | None = Field(None, description="Storage class of the volume; cannot be changed.")
    retention_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to the volume when the ForwardNode is deleted."
    )

    @field_validator("size")
    @classmethod
    def _at_least(cls, size: str) -> str:
        if parse_quantity(size) < parse_quantity("64Mi"):
            raise ValueError(f"{size!r}: {TOO_SMALL}")
        return size


class Limits(Part):
    """What one pod takes on at a time."""

    associations: int = Field(100, ge=1, le=10000, description="Associations open at a time.")
    idle_timeout: Duration = Field(
        "60s",
        description="An association that is silent for this long is aborted; at least 1s.",
        json_schema_extra=field_rules(
            Rule(f'!self.matches(r"{DURATION_PATTERN}") || duration(self) >= duration("1s")', TOO_SHORT)
        ),
    )

    @field_validator("idle_timeout")
    @classmethod
    def _at_least(cls, idle_timeout: str) -> str:
        if parse_duration(idle_timeout) < 1:
            raise ValueError(f"{idle_timeout!r}: {TOO_SHORT}")
        return idle_timeout


class Service(Part):
    """The Service in front of the gateway's pods."""

    model_config = rules(
        Rule(
            "self.type != 'ClusterIP' || !has(self.nodePort) || self.nodePort == 0",
            "a nodePort needs type NodePort or LoadBalancer",
            ".nodePort",
        )
    )

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field("ClusterIP", description="Type of the Service.")
    port: Port = Field(104, description="Port that senders connect to.")
    external_traffic_policy: Literal["Local", "Cluster"] = Field(
        "Local", description="Local keeps the senders' addresses."
    )
    node_port: int = Field(0, ge=0, le=65535, description="Fixed node port; 0 lets Kubernetes choose.")
    load_balancer_class: str = Field("", max_length=253, description="Load balancer implementation.")
    load_balancer_source_ranges: tuple[CIDR, ...] = Field(
        (), max_length=64, description="Networks that may reach the load balancer."
    )
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict, max_length=64, description="Annotations put on the Service."
    )

    @model_validator(mode="after")
    def _node_port(self) -> Self:
        if self.node_port and self.type == "ClusterIP":
            raise ValueError("a nodePort needs type NodePort or LoadBalancer")
        return self


class SMTP(Part):
    """The mail relay for notifications."""

    host: Hostname = Field(description="Host name of the mail relay.")
    port: Port = Field(587, description="Port of the mail relay.")
    security: Literal["None", "StartTLS", "TLS"] = Field("StartTLS", description="How the connection is protected.")
    sender: MailAddress = Field(description="Sender address.")
    secret_ref: LocalReference | None = Field(None, description="Secret with the keys username and password.")


class TransferLog(Part):
    """What is kept of transfers that are done."""

    max_age: Duration = Field("720h", description="How long rows are kept.")
    max_rows: int = Field(1_000_000, ge=1000, le=100_000_000, description="How many rows are kept.")
    original_identifiers: Literal["Encrypted", "Off"] = Field(
        "Encrypted", description="Whether original identifiers are kept, encrypted."
    )
    outgoing_identifiers: Literal["Plain", "Off"] = Field(
        "Plain", description="Whether identifiers are kept as they were sent; without them mails name no study either."
    )
    key: FromSecret | None = Field(None, description="Encryption key; made by the operator when absent.")


class Workload(Part):
    """How the pods run; the parts of a pod template that sites need."""

    resources: Resources = Field(default_factory=lambda: Resources(), description="Resource requests and limits.")
    node_selector: dict[str, Annotated[str, Field(max_length=63)]] = Field(
        default_factory=dict, max_length=64, description="Labels of the nodes to run on."
    )
    tolerations: tuple[Toleration, ...] = Field((), max_length=32, description="Taints to tolerate.")
    affinity: Affinity = Field(default_factory=dict, description="Pod and node affinity.")
    priority_class_name: str = Field("", max_length=253, description="Priority class of the pods.")
    image_pull_secrets: tuple[LocalReference, ...] = Field((), max_length=16, description="Secrets to pull with.")


class ForwardNodeSpec(Part):
    """Where images come in."""

    ae_title: AETitle = Field(description="AE title that senders call.")
    description: Text = Field("", description="What this node is, for people.")
    sources: tuple[Source, ...] = Field(
        (), max_length=256, description="Who may send; when empty, any calling AE title may."
    )
    tls: ListenerTLS | None = Field(None, description="DICOM TLS at the listener.")
    replicas: int = Field(
        1,
        ge=0,
        le=100,
        description="Number of gateway pods, each with a spool of its own; 1 when absent.",
        json_schema_extra={"default": None},  # written back, it would fight with autoscalers over every apply
    )
    spool: Spool = Field(default_factory=Spool, description="The disk that keeps instances until they are delivered.")
    limits: Limits = Field(default_factory=Limits, description="What one pod takes on at a time.")
    service: Service = Field(default_factory=Service, description="The Service in front of the pods.")
    smtp: SMTP | None = Field(None, description="Mail relay; the operator's default when absent.")
    transfer_log: TransferLog = Field(default_factory=TransferLog, description="What is kept of finished transfers.")
    workload: Workload = Field(default_factory=Workload, description="How the pods run.")
    suspend: bool = Field(False, description="Receive and keep, forward nothing.")


class ForwardNode(Resource):
    """A ForwardNode object."""

    api_version: Literal["dromos.dev/v1alpha1"]
    kind: Literal["ForwardNode"]
    spec: ForwardNodeSpec
