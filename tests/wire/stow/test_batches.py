# SPDX-License-Identifier: Apache-2.0
"""What goes together in one request: instances of one study, so many and so large as the client takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import BytesIO
from itertools import chain, zip_longest
from pathlib import Path

import pytest
from pydicom import dcmread

from dromos_gateway.delivery.messages import Done, Ended, Load, Parcel, Report
from dromos_gateway.delivery.outcome import Sent
from dromos_gateway.delivery.stowcarrier import StowCarrier
from dromos_gateway.dimse.part10 import read_head
from dromos_gateway.stow.client import StowClient
from tests.wire.gateway.peers import make_study
from tests.wire.stow.scripted import Request, Server, dicom_json, reply

Make = Callable[..., StowClient]
LANE = 1


def parcels(*studies: Path) -> tuple[Parcel, ...]:
    """The instances of the studies in turn, as modalities that send at the same time make them arrive."""
    ordered = chain.from_iterable(zip_longest(*(sorted(study.iterdir()) for study in studies)))
    found = []
    for key, path in enumerate(path for path in ordered if path is not None):
        head = read_head(path)
        found.append(
            Parcel(
                key, str(path), head.data_set_offset, path.stat().st_size, head.sop_class_uid, head.sop_instance_uid,
                head.transfer_syntax_uid, 1, path.parent.name,
            )
        )  # fmt: skip
    return tuple(found)


async def carried(client: StowClient, loaded: tuple[Parcel, ...]) -> list[Report]:
    """All of them through one lane; what it says of them."""
    reports: list[Report] = []
    over = asyncio.Event()

    def report(said: Report) -> None:
        reports.append(said)
        if isinstance(said, Ended):
            over.set()

    lane = StowCarrier(LANE, client, report)
    lane.load(Load(LANE, loaded, ()))
    lane.release()
    async with asyncio.timeout(60):
        await over.wait()
    return reports


async def stores(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Store everything, as many requests as there are on a connection."""
    request.body = await reader.readexactly(int(request.headers["Content-Length"]))
    uids = [str(dcmread(BytesIO(part), stop_before_pixels=True).SOPInstanceUID) for part in request.parts]
    writer.write(reply(200, dicom_json(stored=uids), Content_Type="application/dicom+json", Connection="close"))
    await writer.drain()


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"most_instances": 4}, [4, 4, 1, 4, 1]),
        ({"most_instances": 50, "most_bytes": 40_000}, [2, 2, 2, 2, 1, 2, 2, 1]),
        ({"most_instances": 50, "most_bytes": 100}, [1] * 14),  # each of them is too large: it goes alone all the same
    ],
)
async def test_a_request_has_one_study_and_no_more_than_the_client_takes(
    stow: Make, tmp_path: Path, options: dict[str, int], sizes: list[int]
) -> None:
    studies = [make_study(tmp_path / name, count, pixels=16_000) for name, count in (("a", 9), ("b", 5))]
    loaded = parcels(*studies)
    async with Server(stores) as server:
        reports = await carried(stow(server.url, **options), loaded)
    assert {(said.key, said.outcome) for said in reports if isinstance(said, Done)} == {
        (parcel.key, Sent()) for parcel in loaded
    }
    found = [[dcmread(BytesIO(part), stop_before_pixels=True) for part in request.parts] for request in server.requests]
    assert all(len({data.StudyInstanceUID for data in request}) == 1 for request in found)
    assert sorted(map(len, found)) == sorted(sizes)
    for study in studies:
        uids = [parcel.sop_instance_uid for parcel in loaded if parcel.study == study.name]
        sent = [str(data.SOPInstanceUID) for request in found for data in request]
        assert [uid for uid in sent if uid in uids] == uids, "in the order in which they came"
