# SPDX-License-Identifier: Apache-2.0
"""The pool with real processes: what goes wrong in one stays there."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.pool import Pool

ROOT = Path(__file__).resolve().parents[3]
LIMITS = Limits(memory=128 << 20, cpu=20, wall=20)


def deed(name: str, *arguments: object) -> Job[object]:
    return Job(f"tests.wire.workers.deeds:{name}", arguments)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("has not come about within 10 s")


@pytest.fixture
async def pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with Pool(size=2) as running:
        yield running


async def test_a_job_returns_its_value_and_the_worker_is_used_again(pool: Pool) -> None:
    assert await pool.run(deed("double", 21), LIMITS) == Done(42)
    first = await pool.run(deed("process_id"), LIMITS)
    assert await pool.run(deed("process_id"), LIMITS) == first
    assert await pool.run(deed("limits"), LIMITS) == Done(Limits(memory=7))


async def test_every_answer_is_its_own_jobs(pool: Pool) -> None:
    """More callers than workers, jobs of every length: an answer of another job would be another patient's header."""
    chance = random.Random(7)
    answers: dict[int, object] = {}

    async def calls(numbers: range) -> None:
        for number in numbers:
            pause = chance.choice([0, 0, 0, 0.0005, 0.002])
            size = chance.choice([10, 3000, 100_000])
            answers[number] = await pool.run(deed("echo", number, pause, bytes(size)), LIMITS)
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() * 0.002)

    await asyncio.gather(*(calls(range(first, 3000, 6)) for first in range(6)))
    assert answers == {number: Done(number) for number in range(3000)}


async def test_whoever_waits_behind_a_job_that_goes_wrong_is_not_hurt(pool: Pool) -> None:
    """Workers that crash, exceed their time, or run out of memory have the next job at hand by then."""
    bad = {
        Cause.DIED: (deed("die", signal.SIGKILL), LIMITS), Cause.MEMORY: (deed("hoard", 1 << 30), LIMITS),
        Cause.WALL: (deed("spin"), Limits(cpu=20, wall=0.1)), Cause.CPU: (deed("spin"), Limits(cpu=0.05, wall=300)),
    }  # fmt: skip
    wanted: list[tuple[Cause | None, int]] = []
    for number, cause in enumerate(bad):
        wanted += [(None, 3 * number), (cause, 0), (None, 3 * number + 1), (None, 3 * number + 2)]
    jobs = [bad[cause] if cause is not None else (deed("double", number), LIMITS) for cause, number in wanted]
    answers = await asyncio.gather(*(pool.run(job, limits) for job, limits in jobs))
    for (cause, number), answer in zip(wanted, answers, strict=True):
        assert answer == Done(2 * number) if cause is None else isinstance(answer, Failed) and answer.cause is cause


async def test_nobody_waits_behind_a_long_job_while_there_is_another_worker(pool: Pool, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    long = asyncio.create_task(pool.run(deed("sleep", 60, begun), LIMITS))
    answers = await asyncio.gather(*(pool.run(deed("echo", number, 0.02, b""), LIMITS) for number in range(30)))
    assert answers == [Done(number) for number in range(30)]
    assert not long.done()
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    assert await pool.run(deed("double", 3), LIMITS) == Done(6)


@pytest.mark.parametrize("which", [0, 1])
async def test_nobody_waits_behind_a_long_job_while_another_worker_may_be_started(
    pool: Pool, tmp_path: Path, which: int
) -> None:
    await asyncio.gather(*(pool.run(deed("echo", number, 0.2, b""), LIMITS) for number in range(2)))
    begun = [tmp_path / "0", tmp_path / "1"]
    long = [asyncio.create_task(pool.run(deed("sleep", 60, each), Limits(wall=60))) for each in begun]
    behind = asyncio.create_task(pool.run(deed("double", 3), LIMITS))
    await until(lambda: all(each.exists() and each.read_text() != "" for each in begun))
    os.kill(int(begun[which].read_text()), signal.SIGKILL)
    assert await behind == Done(6)
    assert not long[1 - which].done()
    long[1 - which].cancel()
    await asyncio.gather(*long, return_exceptions=True)


@pytest.mark.parametrize("turns", range(4))
async def test_a_job_that_comes_while_its_worker_is_let_go_is_done(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with Pool(size=1, idle=0) as pool:
        await pool.run(deed("double", 1), LIMITS)
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert await pool.run(deed("double", 3), LIMITS) == Done(6)


@pytest.mark.parametrize("turns", range(4))
async def test_a_pool_closes_while_a_worker_is_let_go(monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pool = Pool(size=1, idle=0)
    await pool.run(deed("double", 1), LIMITS)
    for _ in range(turns):
        await asyncio.sleep(0)
    await pool.close()
    await pool.close()


async def test_a_job_that_nobody_waits_for_any_more_is_not_begun_again(pool: Pool, tmp_path: Path) -> None:
    """It would write where nobody looks, and clears away, any more."""
    begun = tmp_path / "begun"
    await asyncio.gather(*(pool.run(deed("echo", number, 0.2, b""), LIMITS) for number in range(2)))
    first = [asyncio.create_task(pool.run(deed("double", number), LIMITS)) for number in range(2)]
    cancelled = asyncio.create_task(pool.run(deed("sleep", 60, begun), Limits(wall=60)))
    other = asyncio.create_task(pool.run(deed("double", 2), LIMITS))
    await asyncio.sleep(0)
    for _ in range(1000):
        time.sleep(0.01)  # noqa: ASYNC251  the first ones' answers come, and nobody reads them
        if begun.exists() and begun.read_text():
            break
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    begun.unlink(missing_ok=True)
    await asyncio.gather(*first, other)
    await asyncio.gather(*(pool.run(deed("echo", number, 0.2, b""), LIMITS) for number in range(2)))
    assert not begun.exists()


async def test_a_cancelled_caller_whose_job_waits_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with Pool(size=1) as pool:
        process = await pool.run(deed("process_id"), LIMITS)
        first = asyncio.create_task(pool.run(deed("echo", 1, 0.3, b""), LIMITS))
        others = [asyncio.create_task(pool.run(deed("echo", number, 0, b""), LIMITS)) for number in (2, 3, 4)]
        await asyncio.sleep(0.05)
        for cancelled in (others[0], others[2]):
            cancelled.cancel()
        assert await asyncio.gather(first, others[1]) == [Done(1), Done(3)]
        assert others[0].cancelled()
        assert others[2].cancelled()
        assert await pool.run(deed("process_id"), LIMITS) == process


async def test_a_worker_killed_by_somebody_else_costs_one_job_at_most(pool: Pool) -> None:
    """The kernel does that when memory is short: no other job is lost, none is done twice under one answer."""
    answers: dict[int, object] = {}

    async def call(number: int) -> None:
        answers[number] = await pool.run(deed("echo", number, 0.002, b""), LIMITS)

    calls = [asyncio.create_task(call(number)) for number in range(600)]
    for _ in range(8):
        await asyncio.sleep(0.05)
        answer = await pool.run(deed("process_id"), LIMITS)
        if isinstance(answer, Done) and isinstance(answer.value, int):
            with suppress(ProcessLookupError):
                os.kill(answer.value, signal.SIGKILL)
    await asyncio.gather(*calls)
    failed = {number for number, answer in answers.items() if isinstance(answer, Failed)}
    assert {answers[number] for number in failed} <= {Failed(Cause.DIED, "the worker process was ended by SIGKILL")}
    assert len(failed) <= 8
    assert all(answers[number] == Done(number) for number in range(600) if number not in failed)


async def test_a_worker_knows_little(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "hunter2")
    answer = await pool.run(deed("environment"), LIMITS)
    assert isinstance(answer, Done)
    assert "A_SECRET" not in answer.value
    answer = await pool.run(deed("modules"), LIMITS)
    assert isinstance(answer, Done)
    assert not {"numpy", "pydicom", "pynetdicom", "asyncio", "pydantic", "aiohttp"} & set(answer.value)


@pytest.mark.parametrize(
    ("job", "limits", "cause", "message"),
    [
        (deed("hoard", 1 << 30), LIMITS, Cause.MEMORY, "needed more than 128 MiB of memory"),
        (deed("spin"), Limits(cpu=0.1, wall=300), Cause.CPU, "needed more than 0.1 s of processor time"),
        (deed("spin"), Limits(cpu=20, wall=0.2), Cause.WALL, "needed more than 0.2 s"),
        (deed("die", signal.SIGSEGV), LIMITS, Cause.DIED, "the worker process was ended by SIGSEGV"),
        (deed("die", signal.SIGKILL), LIMITS, Cause.DIED, "the worker process was ended by SIGKILL"),
        (deed("leave"), LIMITS, Cause.DIED, "the worker process ended with exit code 3"),
        (deed("garbage"), LIMITS, Cause.DIED, "a worker's answer cannot be read: UnpicklingError"),
        (deed("huge"), LIMITS, Cause.DIED, f"a worker's answer is {1 << 60} bytes long"),
        (deed("another"), LIMITS, Cause.DIED, "a worker's answer is to another job"),
        (deed("recurse"), LIMITS, Cause.RAISED, "nested too deeply"),
        (deed("fill_disk"), LIMITS, Cause.SYSTEM, None),
    ],
)
async def test_a_job_that_goes_wrong_says_why_and_costs_nothing_else(
    pool: Pool, job: Job[object], limits: Limits, cause: Cause, message: str | None
) -> None:
    answer, other = await asyncio.gather(pool.run(job, limits), pool.run(deed("double", 1), LIMITS))
    assert isinstance(answer, Failed)
    assert answer.cause is cause
    assert message is None or answer.message == message
    assert answer.worth_retrying is (cause is Cause.SYSTEM)
    assert other == Done(2)
    assert await pool.run(deed("double", 4), LIMITS) == Done(8)


def test_a_large_object_gets_more_time_but_no_more_memory() -> None:
    assert Limits.for_object(0) == Limits()
    large = Limits.for_object(4 << 30)
    assert large.cpu > 8000
    assert large.wall > 2 * large.cpu
    assert large.memory == Limits().memory


async def test_an_exception_is_named_without_its_text(pool: Pool) -> None:
    answer = await pool.run(deed("complain", "Doe^Jane"), LIMITS)
    assert isinstance(answer, Failed)
    assert re.fullmatch(r"ValueError at tests\.wire\.workers\.deeds:\d+", answer.message)
    assert "Doe" not in repr(deed("complain", "Doe^Jane"))


async def test_an_answer_is_not_trusted(pool: Pool) -> None:
    answer = await pool.run(deed("trap"), LIMITS)
    assert isinstance(answer, Failed)
    assert answer.cause is Cause.DIED
    assert "posix.system" in answer.message


async def test_a_file_too_large_is_not_written(pool: Pool, tmp_path: Path) -> None:
    answer = await pool.run(deed("write", tmp_path / "out", 5000), Limits(output=4096))
    assert answer == Failed(Cause.OUTPUT, "wrote a file larger than 4096 bytes")


async def test_a_mapped_file_does_not_count_as_memory(pool: Pool, tmp_path: Path) -> None:
    with (tmp_path / "big").open("wb") as file:
        file.truncate(1 << 30)
    assert await pool.run(deed("map_file", tmp_path / "big"), LIMITS) == Done(1 << 30)


async def test_a_cancelled_caller_takes_the_worker_along(pool: Pool, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    task = asyncio.create_task(pool.run(deed("sleep", 60, begun), Limits(wall=60)))
    await until(lambda: begun.exists() and begun.read_text() != "")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


async def test_a_worker_killed_while_idle_is_replaced(pool: Pool) -> None:
    answer = await pool.run(deed("process_id"), LIMITS)
    assert isinstance(answer, Done)
    assert isinstance(answer.value, int)
    os.kill(answer.value, signal.SIGKILL)
    assert await pool.run(deed("double", 3), LIMITS) == Done(6)


async def test_a_worker_that_has_grown_heavy_goes_and_one_that_has_not_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("dromos_gateway.workers.pool._LOOKED_AT", 10)
    monkeypatch.setattr("dromos_gateway.workers.pool._HEAVY", 100 << 20)
    async with Pool(size=1) as pool:
        light = await asyncio.gather(*(pool.run(deed("keep", 1000), LIMITS) for _ in range(35)))
        assert len({answer.value for answer in light if isinstance(answer, Done)}) == 1
        heavy = await asyncio.gather(*(pool.run(deed("keep", 5 << 20), Limits(memory=1 << 30)) for _ in range(70)))
        assert all(isinstance(answer, Done) for answer in heavy)
        assert len({answer.value for answer in heavy if isinstance(answer, Done)}) > 1


async def test_workers_without_work_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    async with Pool(size=1, idle=0.05) as pool:
        answer = await pool.run(deed("process_id"), LIMITS)
        assert isinstance(answer, Done)
        assert isinstance(answer.value, int)
        process = Path(f"/proc/{answer.value}")
        await until(lambda: not process.exists())
        assert await pool.run(deed("double", 3), LIMITS) == Done(6)
    assert await pool.run(deed("double", 3), LIMITS) == Failed(Cause.SYSTEM, "the pool of workers is closed")
