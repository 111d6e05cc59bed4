# SPDX-License-Identifier: Apache-2.0
"""It is not the destination that fails but something on the way to it: the status says what."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.wire.gateway.peers import ENVIRONMENT, GatewayProcess, eventually, free_port, make_study, storescu
from tests.wire.stow.servers import Orthanc
from tests.wire.stow.test_gateway import delivered, secret, stow


def _shows(gateway: GatewayProcess, words: str, name: str = "archive") -> None:
    """Long before the two minutes that a server may take over images."""
    eventually(
        lambda: words in (gateway.queue(name).get("lastError") or ""), f"{words}; {gateway.log()[-500:]}", timeout=90
    )


def test_a_token_endpoint_or_a_kheops_that_hangs(gateway: GatewayProcess, tmp_path: Path) -> None:
    """It takes connections and never answers. What waits goes out once there is one that does."""
    orthanc = Orthanc(tmp_path / "orthanc").start()
    try:
        with socket.create_server(("127.0.0.1", 0)) as hanging:
            endpoint = f"http://127.0.0.1:{hanging.getsockname()[1]}"
            secret(gateway, "s", client_id="dromos", client_secret="planted-secret", token="t")
            oauth2 = f"auth: {{oauth2: {{tokenURL: '{endpoint}/token?hush', secretRef: {{name: s}}}}}}"
            stow(gateway, "archive", orthanc.url, oauth2)
            token = "{secretKeyRef: {name: s, key: token}}"
            album = f"{{url: {endpoint}, destinationToken: {token}, sourceToken: {token}}}"
            stow(gateway, "shared", orthanc.url, f"kheopsAlbums: [{album}]")
            gateway.start()
            storescu(gateway.port, make_study(tmp_path / "study", 2))
            _shows(gateway, f"no access token: {endpoint}: no answer within the deadline")
            assert gateway.queue("archive")["waiting"] == 2
            stow(gateway, "archive", orthanc.url, "auth: {bearer: {secretKeyRef: {name: s, key: token}}}")
            delivered(gateway, "archive", 2)
            _shows(gateway, f"not shared into album {endpoint}: {endpoint}: no answer within the deadline", "shared")
            delivered(gateway, "shared", 2)
        assert "hush" not in gateway.log()
        assert "planted-secret" not in gateway.log()
    finally:
        orthanc.stop()


def test_a_proxy_that_is_not_there(gateway: GatewayProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = f"127.0.0.1:{free_port()}"
    monkeypatch.setattr(
        "tests.wire.gateway.peers.ENVIRONMENT", ENVIRONMENT | {"HTTPS_PROXY": f"http://user:hush@{proxy}"}
    )
    stow(gateway, "archive", "https://pacs.example/dicomweb")
    gateway.start()
    storescu(gateway.port, make_study(tmp_path / "study", 2))
    _shows(gateway, f"https://pacs.example: not reached through the proxy http://{proxy}: ")
    assert "hush" not in gateway.log() + str(gateway.get("/v1/status"))
