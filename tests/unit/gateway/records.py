# SPDX-License-Identifier: Apache-2.0
"""Instances and deliveries for the tests of this folder."""

from __future__ import annotations

from dromos_gateway.spool.records import Delivery, Instance

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def instance(
    number: int, *, study: str = "1.2.3", uid: str | None = None, size: int = 100, sop_class: str = CT
) -> Instance:
    return Instance(
        id=number,
        file=f"{number:032x}.dcm",
        size=size,
        data_set_offset=10,
        sop_class_uid=sop_class,
        sop_instance_uid=uid or f"1.9.{number}",
        transfer_syntax_uid=EXPLICIT,
        study=study,
        calling_ae_title="CT1",
        called_ae_title="DROMOS",
        peer_host="192.0.2.1",
        node="default/radiology",
        received_at=1000.0,
    )


def delivery(
    number: int, *, study: str = "1.2.3", uid: str | None = None, due: float = 0.0, since: float = 1000.0
) -> Delivery:
    return Delivery(number, instance(number, study=study, uid=uid), "default/archive", 0, due, since)
