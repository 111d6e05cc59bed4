# SPDX-License-Identifier: Apache-2.0
"""What a worker is asked to do, how much it may use, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

MIB = 1 << 20


@dataclass(frozen=True)  # no slots: Python 3.11 cannot make Job[X](…) with them
class Job(Generic[T]):
    """A function of a module, by name so that only the worker imports it, and its picklable arguments.

    ``Job("dromos_gateway.pixels.change:change_pixels", (source, target, plan))``; T is what the function returns:
    `None`, text, bytes, numbers, tuples, lists, dicts, paths, and dataclasses and enumerations of this project.
    """

    function: str
    arguments: tuple[object, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. Files mapped for reading do not count as memory."""

    memory: int = 512 * MIB  # bytes the process allocates (RLIMIT_DATA), interpreter and libraries included
    cpu: float = 120.0  # seconds of processor time
    wall: float = 300.0  # seconds on the clock, from the moment a worker takes the job
    output: int = 16 * 1024 * MIB  # bytes of the largest file it writes

    @classmethod
    def for_object(cls, size: int) -> Limits:
        """What an object of `size` bytes may need: the slowest codec, JPEG 2000, takes 0.1 s for a MiB of pixels."""
        cpu = 120.0 + 2.0 * (size / MIB)
        return cls(cpu=cpu, wall=2.5 * cpu)


class Cause(StrEnum):
    """Why a job came to nothing."""

    MEMORY = "MemoryLimit"
    CPU = "CPULimit"
    WALL = "Deadline"
    OUTPUT = "OutputLimit"
    DIED = "WorkerDied"
    RAISED = "JobRaised"
    SYSTEM = "SystemError"  # disk full, no process to be had: the object is not to blame, try again


@dataclass(frozen=True)
class Done(Generic[T]):
    """The function returned."""

    value: T = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """The function did not return; `message` names no value of the object."""

    cause: Cause
    message: str

    @property
    def worth_retrying(self) -> bool:
        """Whether the same job may succeed later with nothing changed."""
        return self.cause is Cause.SYSTEM
