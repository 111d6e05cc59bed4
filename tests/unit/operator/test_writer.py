# SPDX-License-Identifier: Apache-2.0
"""The writer against an API server in memory that, as the real one, writes values in its own way."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from dromos_operator.errors import ApiError, NamespaceGoing
from dromos_operator.kinds import Key, Object, key_of
from dromos_operator.kube.writer import COUNTER_INTERVAL, Writer
from tests.unit.operator.make import config_map, meta

KEY = Key("Destination", "imaging", "archive")


class Server:
    """Keeps objects; a changed one gets a new resource version; `1000m` becomes `1`."""

    def __init__(self) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.requests = 0
        self.refusal: ApiError | None = None
        self._version = 0

    async def apply(self, obj: Mapping[str, Any]) -> Object:
        return self._put(key_of(obj), {name: value for name, value in obj.items() if name != "status"})

    async def apply_status(self, obj: Mapping[str, Any]) -> Object:
        return self._put(key_of(obj), {"status": obj["status"]})

    async def merge(self, key: Key, patch: Mapping[str, Any]) -> Object:
        return self._put(key, patch)

    def edit(self, key: Key, **fields: Any) -> None:
        self._version += 1
        self.objects[key] = {**self.objects[key], **fields}
        self.objects[key]["metadata"] = {**self.objects[key]["metadata"], "resourceVersion": str(self._version)}

    def _put(self, key: Key, fields: Mapping[str, Any]) -> Object:
        self.requests += 1
        if self.refusal is not None:
            raise self.refusal
        before = self.objects.get(key, {"kind": key.kind, "metadata": meta(key.name)})
        after = copy.deepcopy({**before, **fields, "metadata": before["metadata"]})
        if after.get("data") == {"cpu": "1000m"}:
            after["data"] = {"cpu": "1"}
        if after != before:
            self._version += 1
            after["metadata"] = {**after["metadata"], "resourceVersion": str(self._version)}
        self.objects[key] = after
        return after


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def writer(server: Server, clock: Clock) -> Writer:
    return Writer(server, lambda _: None, clock)  # type: ignore[arg-type]


async def test_the_same_again_sends_nothing(server: Server, writer: Writer) -> None:
    wanted = config_map("c", cpu="1000m")
    live, _ = await writer.apply(wanted, None)
    for _ in range(3):
        live, _ = await writer.apply(wanted, live)
    assert server.requests == 1, "though the server wrote the value in its own way"


async def test_a_change_of_what_is_wanted_is_sent(server: Server, writer: Writer) -> None:
    live, _ = await writer.apply(config_map("c", a="1"), None)
    await writer.apply(config_map("c", a="2"), live)
    assert server.requests == 2


async def test_what_somebody_else_changed_is_put_right_once(server: Server, writer: Writer) -> None:
    wanted = config_map("c", a="1")
    await writer.apply(wanted, None)
    key = key_of(wanted)
    server.edit(key, data={"a": "theirs"})
    live, _ = await writer.apply(wanted, server.objects[key])
    assert live is not None
    assert live["data"] == {"a": "1"}
    await writer.apply(wanted, live)
    assert server.requests == 2


async def test_a_new_resource_version_alone_is_no_reason(server: Server, writer: Writer) -> None:
    wanted = config_map("c", a="1")
    await writer.apply(wanted, None)
    server.edit(key_of(wanted), status={"seen": True})
    await writer.apply(wanted, server.objects[key_of(wanted)])
    assert server.requests == 1


@pytest.mark.parametrize("status", [400, 403, 413, 422])
async def test_a_refusal_is_a_value(server: Server, writer: Writer, status: int) -> None:
    server.refusal = ApiError(status, "spec.x: Invalid value")
    result, refusal = await writer.apply(config_map("c"), None)
    assert result is None
    assert refusal == "ConfigMap 'c': spec.x: Invalid value"


async def test_what_fits_no_type_is_refused_though_the_server_takes_the_blame(server: Server, writer: Writer) -> None:
    said = "failed to create typed patch object (imaging/c; /v1, Kind=ConfigMap): .x: field not declared in schema"
    server.refusal = ApiError(500, said)
    assert await writer.apply(config_map("c"), None) == (None, f"ConfigMap 'c': {said}")


@pytest.mark.parametrize("error", [ApiError(500, "x"), ApiError(0, "x"), ApiError(409, "x"), NamespaceGoing(403, "x")])
async def test_a_failure_of_the_infrastructure_is_raised(server: Server, writer: Writer, error: ApiError) -> None:
    server.refusal = error
    with pytest.raises(ApiError):
        await writer.apply(config_map("c"), None)


def _status(waiting: int, message: str = "m") -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True", "message": message}]
    status = {"observedGeneration": 1, "conditions": conditions, "queue": {"waiting": waiting, "failed": 0}}
    return {"apiVersion": "dromos.dev/v1alpha1", "kind": "Destination", "metadata": meta("archive"), "status": status}


async def test_a_status_that_stands_is_not_written(server: Server, writer: Writer) -> None:
    live = {"kind": "Destination", "metadata": meta("archive"), "status": _status(1)["status"]}
    assert await writer.apply_status(_status(1), live) == (False, None)
    assert server.requests == 0


async def test_counters_wait_for_half_a_minute_and_conditions_do_not(
    server: Server, writer: Writer, clock: Clock
) -> None:
    server.objects[KEY] = {"kind": "Destination", "metadata": meta("archive")}
    assert await writer.apply_status(_status(1), server.objects[KEY]) == (True, None)
    clock.now += 10
    assert await writer.apply_status(_status(2), server.objects[KEY]) == (False, COUNTER_INTERVAL - 10)
    written, wait = await writer.apply_status(_status(2, "news"), server.objects[KEY])
    assert (written, wait) == (True, COUNTER_INTERVAL - 10)
    assert server.objects[KEY]["status"]["queue"]["waiting"] == 1, "the news came without the counters"
    assert server.objects[KEY]["status"]["conditions"][0]["message"] == "news"
    clock.now += COUNTER_INTERVAL
    assert await writer.apply_status(_status(2, "news"), server.objects[KEY]) == (True, None)
    assert server.objects[KEY]["status"]["queue"]["waiting"] == 2


async def test_a_status_that_the_server_prunes_is_written_once(server: Server, writer: Writer) -> None:
    server.objects[KEY] = {"kind": "Destination", "metadata": meta("archive")}
    await writer.apply_status(_status(1), server.objects[KEY])
    del server.objects[KEY]["status"]["queue"]
    pruned = dict(server.objects[KEY])
    first = server.requests
    for _ in range(3):
        await writer.apply_status(_status(1), pruned)
    assert server.requests <= first + 1


async def test_a_volume_that_cannot_grow_is_asked_for_once_and_remembered(server: Server, writer: Writer) -> None:
    claim = Key("PersistentVolumeClaim", "imaging", "spool-radiology-0")
    server.refusal = ApiError(403, "only dynamically provisioned pvc can be resized")
    for _ in range(3):
        assert "only dynamically provisioned" in await writer.grow(claim, {"spec": {"size": "2Gi"}})
    assert server.requests == 1
    server.refusal = None
    assert await writer.grow(claim, {"spec": {"size": "3Gi"}}) == ""
    assert server.requests == 2
