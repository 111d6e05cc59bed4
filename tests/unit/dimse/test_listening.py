# SPDX-License-Identifier: Apache-2.0
"""Kernels that lack a family, as this one does not: without a host what there is serves, with one nothing is left out."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from dromos_gateway.dimse import listening


class Kernel:
    """Sockets of some families only."""

    def __init__(self, lacks: set[int], code: int) -> None:
        self._lacks, self._code, self._socket = lacks, code, socket.socket

    def __call__(self, family: int, *rest: Any) -> socket.socket:
        if family in self._lacks:
            raise OSError(self._code, "not here")
        return self._socket(family, *rest)


@pytest.mark.parametrize("code", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_a_kernel_without_ipv6(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(listening.socket, "socket", Kernel({socket.AF_INET6}, code))
    (listener,) = await listening.listen("", 0)
    assert listener.family == socket.AF_INET
    listener.close()
    with pytest.raises(OSError, match="not here"):
        await listening.listen("::1", 0)


async def test_a_kernel_without_any(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Kernel({socket.AF_INET, socket.AF_INET6}, errno.EAFNOSUPPORT)
    monkeypatch.setattr(listening.socket, "socket", nothing)
    with pytest.raises(OSError, match="not here"):
        await listening.listen("", 0)


async def test_one_port_for_all_addresses() -> None:
    listeners = await listening.listen("", 0)
    assert len({each.getsockname()[1] for each in listeners}) == 1
    assert not any(each.getblocking() for each in listeners)
    for each in listeners:
        each.close()


async def test_a_port_that_is_taken() -> None:
    taken = await listening.listen("127.0.0.1", 0)
    with pytest.raises(OSError) as refused:
        await listening.listen("127.0.0.1", taken[0].getsockname()[1])
    assert refused.value.errno == errno.EADDRINUSE
    taken[0].close()
