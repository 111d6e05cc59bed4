# SPDX-License-Identifier: Apache-2.0
"""A real redis-server that ends with its test, and can be stopped and started in between."""

from __future__ import annotations

import subprocess
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from dromos_gateway.pseudonyms.redisstore import RedisSettings
from tests.wire.gateway.peers import eventually, free_port

PASSWORD = "open-sesame"


class RedisServer:
    """redis-server with a password, keeping its data in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def settings(self) -> RedisSettings:
        return RedisSettings(self.url, password=PASSWORD)

    @property
    def client(self) -> Redis:
        return Redis(port=self.port, password=PASSWORD, decode_responses=True)

    def start(self) -> RedisServer:
        command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
            "--dir", str(self._folder), "--appendonly", "yes", "--save", "",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, "redis-server answers", 10)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False
