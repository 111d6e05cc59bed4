# SPDX-License-Identifier: Apache-2.0
"""The change stage with a real worker: what it gives, keeps and gives up."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dromos_crds import transfer_syntaxes as ts
from dromos_gateway.changes.change import Change, Excluded, Held, Ready
from dromos_gateway.changes.stage import CannotChangeNow, Stage
from dromos_gateway.dimse.patchwork import write_patches
from dromos_gateway.projects.use import Applied, Use
from dromos_gateway.pseudonyms.ways import FromTag
from dromos_gateway.spool.records import Delivery
from dromos_gateway.workers.job import Done, Failed, Job, Limits
from dromos_gateway.workers.pool import Pool
from tests.unit.deid.instances import BASIC, ct, plan, save
from tests.unit.gateway.records import delivery

CHANGE = Change(use=Use(plan(BASIC).recipe, FromTag(0x00100020, None, None), "default/study-a"))


def instance(folder: Path, number: int, **attributes: object) -> tuple[Delivery, Path]:
    data = ct(SOPInstanceUID=f"1.2.3.{number}", **attributes)
    data.add_new(0x7FE00010, "OW", bytes(200_000))
    found = save(data, folder / f"{number}.dcm")
    made = delivery(number)
    size = found.path.stat().st_size
    return replace(made, instance=replace(made.instance, size=size, data_set_offset=found.offset)), found.path


def picture(folder: Path, number: int, rows: int) -> tuple[Delivery, Path]:
    data = ct(SOPInstanceUID=f"1.2.4.{number}", Rows=rows, Columns=64, BitsAllocated=16, BitsStored=12, HighBit=11)
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    data.add_new(0x7FE00010, "OW", bytes(range(128)) * rows)
    found = save(data, folder / f"picture-{number}.dcm")
    made = delivery(number)
    size = found.path.stat().st_size
    return replace(made, instance=replace(made.instance, size=size, data_set_offset=found.offset)), found.path


def test_patches_and_file_are_the_same_and_only_the_file_takes_room(tmp_path: Path) -> None:
    taken: list[int] = []

    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), taken.append)
        one, source = instance(tmp_path, 1)
        patched = await stage.make(one, source, CHANGE)
        assert isinstance(patched, Ready)
        assert patched.path == source
        assert not taken
        sent = stage.sent(one)
        assert sent is not None
        assert sent.changes == patched.digest
        assert b"Doe" not in sent.beginning
        assert await stage.make(one, source, CHANGE) is patched, "made once"
        written = await stage.make(one, source, CHANGE, file=True)
        assert isinstance(written, Ready)
        assert written.path.parent == tmp_path / "prepared"
        assert taken == [written.size]
        write_patches(source, patched.patches, tmp_path / "patched.dcm")
        assert (tmp_path / "patched.dcm").read_bytes() == written.path.read_bytes()
        assert replace(patched, path=written.path, patches=()) == written
        of_file = stage.sent(one)
        assert of_file is not None
        assert of_file.beginning.startswith(sent.beginning), "the log finds the same in it"
        assert replace(of_file, beginning=sent.beginning) == sent
        stage.forget(one.id)
        assert taken == [written.size, -written.size]
        assert not list((tmp_path / "prepared").iterdir())
        assert source.exists()
        await stage.close()

    asyncio.run(run())


def test_of_too_many_patches_that_wait_the_oldest_are_given_up(tmp_path: Path) -> None:
    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), lambda size: None, most_patches=2500)
        ready = {}
        for number in (1, 2, 3):
            one, source = instance(tmp_path, number)
            ready[number] = await stage.make(one, source, CHANGE)
            stage.rest(one.id)
        one, source = instance(tmp_path, 1)
        again = await stage.make(one, source, CHANGE)
        assert again is not ready[1]
        assert again == ready[1], "made again, byte for byte"
        last, source = instance(tmp_path, 3)
        assert await stage.make(last, source, CHANGE) is ready[3]
        await stage.close()

    asyncio.run(run())


def test_what_may_not_go_leaves_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), lambda size: None)
        nobody, source = instance(tmp_path, 1, PatientID="")
        held = await stage.make(nobody, source, CHANGE)
        assert isinstance(held, Held)
        assert stage.sent(nobody) is None
        rule = {"codename": "expression.on.tags", "tags": ["00080080"], "arguments": {"expr": "ExcludeInstance()"}}
        excluding = replace(CHANGE, use=replace(CHANGE.use, recipe=plan(rule, BASIC).recipe))  # type: ignore[type-var]
        other, source = instance(tmp_path, 2)
        assert isinstance(await stage.make(other, source, excluding), Excluded)
        assert not list((tmp_path / "prepared").iterdir())
        await stage.close()

    asyncio.run(run())


class Confusing(Pool):
    """Real workers, whose answers go to whoever asks next."""

    def __init__(self) -> None:
        super().__init__(1)
        self._earlier: Done[Any] | Failed | None = None

    async def run(self, job: Job[Any], limits: Limits) -> Done[Any] | Failed:
        answer, self._earlier = self._earlier, await super().run(job, limits)
        return answer if answer is not None else self._earlier


@pytest.mark.parametrize("file", [False, True])
def test_the_answer_about_another_instance_goes_nowhere(tmp_path: Path, *, file: bool) -> None:
    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Confusing(), lambda size: None)
        one, source = instance(tmp_path, 1)
        assert isinstance(await stage.make(one, source, CHANGE, file=file), Ready)
        other, source = instance(tmp_path, 2, PatientName="Roe^Jane")
        with pytest.raises(CannotChangeNow, match="another instance"):
            await stage.make(other, source, CHANGE, file=file)
        assert stage.sent(other) is None
        await stage.close()

    asyncio.run(run())


def test_the_refusal_of_another_instance_refuses_nothing(tmp_path: Path) -> None:
    """It names no file: the delivery's number alone tells whose it is."""

    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Confusing(), lambda size: None)
        nobody, source = instance(tmp_path, 1, PatientID="")
        assert isinstance(await stage.make(nobody, source, CHANGE), Held)
        other, source = instance(tmp_path, 2)
        with pytest.raises(CannotChangeNow, match="another instance"):
            await stage.make(other, source, CHANGE)
        await stage.close()

    asyncio.run(run())


def test_the_log_hears_of_the_key_that_was_used_not_of_the_newest(tmp_path: Path) -> None:
    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), lambda size: None)
        one, source = instance(tmp_path, 1)
        await stage.make(one, source, CHANGE, Applied("demo", "1", "ab12"))
        sent = stage.sent(one)
        assert sent is not None
        assert (sent.profile, sent.secret_fingerprint) == ("demo 1", "ab12")
        await stage.close()

    asyncio.run(run())


TO_RLE = Change(transfer_syntax=ts.RLE_LOSSLESS)


def test_the_file_of_a_delivered_instance_is_written_over_and_nothing_of_it_stays(tmp_path: Path) -> None:
    folder, files = tmp_path / "prepared", []

    async def run() -> None:
        stage = Stage(folder, Pool(1), lambda size: None)
        for number, rows in enumerate([64, 16, 40]):
            one, source = picture(tmp_path, number, rows)
            ready = await stage.make(one, source, TO_RLE)
            assert isinstance(ready, Ready)
            alone = await Stage(tmp_path / f"{number}", Pool(1), lambda size: None).make(one, source, TO_RLE)
            assert isinstance(alone, Ready)
            assert ready.path.read_bytes() == alone.path.read_bytes()
            assert ready.size == ready.path.stat().st_size
            files.append((ready.path, ready.path.stat().st_ino))
            stage.forget(one.id, delivered=True)
        assert len(set(files)) == 1
        await asyncio.sleep(0.5)
        assert not list(folder.iterdir()), "nothing of a patient lies about"
        await stage.close()

    asyncio.run(run())


def test_a_file_that_is_not_delivered_is_not_written_over(tmp_path: Path) -> None:
    """Somebody may still be reading it."""

    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), lambda size: None)
        one, source = picture(tmp_path, 1, 64)
        ready = await stage.make(one, source, TO_RLE)
        assert isinstance(ready, Ready)
        with ready.path.open("rb") as reader:
            stage.forget_destination(one.destination)
            again, source = picture(tmp_path, 2, 64)
            other = await stage.make(again, source, TO_RLE)
            assert isinstance(other, Ready)
            assert os.fstat(reader.fileno()).st_nlink == 0
            assert reader.read() != other.path.read_bytes()
        await stage.close()

    asyncio.run(run())


def test_what_goes_as_it_came_leaves_no_file_of_another(tmp_path: Path) -> None:
    async def run() -> None:
        stage = Stage(tmp_path / "prepared", Pool(1), lambda size: None)
        one, source = picture(tmp_path, 1, 64)
        assert isinstance(await stage.make(one, source, TO_RLE), Ready)
        stage.forget(one.id, delivered=True)
        plain, source = picture(tmp_path, 2, 64)
        ready = await stage.make(plain, source, Change(transfer_syntax=ts.EXPLICIT_VR_LITTLE_ENDIAN))
        assert isinstance(ready, Ready)
        assert ready.path == source
        assert not list((tmp_path / "prepared").iterdir())
        await stage.close()

    asyncio.run(run())
