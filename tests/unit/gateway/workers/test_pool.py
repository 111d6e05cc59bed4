# SPDX-License-Identifier: Apache-2.0
"""The pool with real processes: what goes wrong in one stays there."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dromos_gateway.workers.job import Cause, Done, Failed, Job, Limits
from dromos_gateway.workers.pool import Pool

ROOT = Path(__file__).resolve().parents[4]
LIMITS = Limits(memory=128 << 20, cpu=20, wall=20)


def deed(name: str, *arguments: object) -> Job[object]:
    return Job(f"tests.unit.gateway.workers.deeds:{name}", arguments)


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
    assert re.fullmatch(r"ValueError at tests\.unit\.gateway\.workers\.deeds:\d+", answer.message)
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


@pytest.mark.parametrize(
    ("bad", "most"),
    [(deed("die", signal.SIGKILL), 1), (deed("hoard", 1 << 30), 1), (deed("leave"), 1), (deed("garbage"), 2)],
)
async def test_a_job_that_goes_wrong_takes_none_of_those_behind_it_along(
    bad: Job[object], most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker, so that the next job always lies ready behind one that kills it. None is lost, and none is done twice
    but after garbage: the worker may be at the next job when its pool has read that.
    """
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notes = [tmp_path / str(number) for number in range(12)]
    async with Pool(size=1) as pool:
        jobs = [bad if number % 4 == 2 else deed("note", note) for number, note in enumerate(notes)]
        answers = await asyncio.gather(*(pool.run(job, LIMITS) for job in jobs))
    for number, (note, answer) in enumerate(zip(notes, answers, strict=True)):
        if number % 4 == 2:
            assert isinstance(answer, Failed)
            assert answer.cause in (Cause.DIED, Cause.MEMORY)
        else:
            assert isinstance(answer, Done)
            assert 1 <= note.read_text().count("done") <= most


async def test_no_job_waits_behind_a_long_one_while_a_worker_has_nothing_to_do(pool: Pool, tmp_path: Path) -> None:
    """Two are on long jobs, and others lie ready behind each; the first worker that is free does them all."""
    long, short = tmp_path / "long", tmp_path / "short"
    first, second = (asyncio.create_task(pool.run(deed("wait_for", path), LIMITS)) for path in (long, short))
    others = [asyncio.create_task(pool.run(deed("process_id"), LIMITS)) for _ in range(6)]
    await asyncio.sleep(0.05)
    short.touch()
    quick = await second
    assert await asyncio.gather(*others) == [quick] * 6
    assert not first.done()
    long.touch()
    assert await first != quick


async def test_a_caller_that_is_cancelled_before_its_turn_costs_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    gate = tmp_path / "gate"
    async with Pool(size=1) as pool:
        worker = await pool.run(deed("process_id"), LIMITS)
        running = asyncio.create_task(pool.run(deed("wait_for", gate), LIMITS))
        waiting = [asyncio.create_task(pool.run(deed("note", tmp_path / "never"), LIMITS)) for _ in range(3)]
        last = asyncio.create_task(pool.run(deed("process_id"), LIMITS))
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        gate.touch()
        assert await running == await last == worker
    assert not (tmp_path / "never").exists()


async def test_a_worker_that_has_done_enough_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dromos_gateway.workers.pool._JOBS_PER_WORKER", 10)
    answers = await asyncio.gather(*(pool.run(deed("process_id"), LIMITS) for _ in range(60)))
    seen = [answer.value for answer in answers if isinstance(answer, Done)]
    assert len(seen) == 60
    assert max(seen.count(worker) for worker in set(seen)) <= 10


async def test_a_closed_pool_answers_those_who_still_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pool, gate = Pool(size=1), tmp_path / "gate"
    await pool.run(deed("process_id"), LIMITS)
    running = asyncio.create_task(pool.run(deed("wait_for", gate), LIMITS))
    waiting = [asyncio.create_task(pool.run(deed("process_id"), LIMITS)) for _ in range(3)]
    await asyncio.sleep(0)
    await pool.close()
    assert [await task for task in waiting] == [Failed(Cause.SYSTEM, "the pool of workers is closed")] * 3
    gate.touch()
    assert isinstance(await running, Done)
    await pool.close()


async def test_a_worker_killed_while_idle_is_replaced(pool: Pool) -> None:
    answer = await pool.run(deed("process_id"), LIMITS)
    assert isinstance(answer, Done)
    assert isinstance(answer.value, int)
    os.kill(answer.value, signal.SIGKILL)
    assert await pool.run(deed("double", 3), LIMITS) == Done(6)


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
