# SPDX-License-Identifier: Apache-2.0
"""Programs nobody here wrote: Orthanc with its DICOMweb plug-in, nginx before it, an OAuth 2.0 server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.wire.dimse.certificates import Pair
from tests.wire.gateway.peers import eventually, free_port

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Program:
    """A process that ends with its test, and its log."""

    def __init__(self, home: Path, name: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = free_port()
        self._log = home / f"{name}.log"
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, env=self.environment(), cwd=self.home, start_new_session=True
            )
        eventually(self._listens, f"{self._name} listens: {self._log.read_text(errors='replace')[-2000:]}")
        return self

    def stop(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._name} ended: {self.log()[-2000:]}"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


class Orthanc(Program):
    """An archive with a STOW-RS server; `settings` go over the configuration."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(home, "orthanc")
        configuration = {
            "Name": "test",
            "StorageDirectory": str(home / "storage"),
            "IndexDirectory": str(home / "index"),
            "HttpPort": self.port,
            "DicomServerEnabled": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "SslEnabled": False,
            "Plugins": [str(PLUGIN)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        } | settings
        (home / "orthanc.json").write_text(json.dumps(configuration))

    def command(self) -> list[str]:
        return ["Orthanc", str(self.home / "orthanc.json")]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/dicom-web"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as response:
            body = response.read()
        return json.loads(body) if "json" in response.headers["Content-Type"] else body

    def uids(self) -> set[str]:
        """SOP Instance UIDs that it holds."""
        found = self.get("/instances?expand")
        return {item["MainDicomTags"]["SOPInstanceUID"] for item in found}

    def files(self) -> dict[str, bytes]:
        """Whole Part 10 files by SOP Instance UID."""
        return {
            item["MainDicomTags"]["SOPInstanceUID"]: self.get(f"/instances/{item['ID']}/file")
            for item in self.get("/instances?expand")
        }


class Nginx(Program):
    """A reverse proxy with TLS before a STOW-RS server; `location` are directives of its one location."""

    def __init__(
        self,
        home: Path,
        upstream: int,
        certificate: Pair,
        *,
        location: str = "",
        clients: Pair | None = None,
        http2: bool = False,
    ) -> None:
        super().__init__(home, "nginx")
        certain = f"ssl_client_certificate {clients.certificate}; ssl_verify_client on;" if clients else ""
        (home / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {home}/nginx.pid; error_log stderr; worker_processes 1;
events {{}}
http {{
  access_log {home}/access.log combined; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  server {{
    listen 127.0.0.1:{self.port} ssl{" http2" if http2 else ""}; server_name localhost; client_max_body_size 0;
    ssl_certificate {certificate.certificate}; ssl_certificate_key {certificate.key}; {certain}
    location / {{
      proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1; proxy_request_buffering off;
      {location}
    }}
    {self.more()}
  }}
}}
""")

    def more(self) -> str:
        """Further locations."""
        return ""

    def command(self) -> list[str]:
        return ["nginx", "-p", str(self.home), "-c", str(self.home / "nginx.conf")]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/dicom-web"

    def requests(self) -> list[str]:
        """The access log's lines."""
        return (self.home / "access.log").read_text().splitlines()


class Guarded(Nginx):
    """Lets in whom an OAuth 2.0 server's tokens let in."""

    def __init__(self, home: Path, upstream: int, certificate: Pair, oauth2: int) -> None:
        self._oauth2 = oauth2
        super().__init__(home, upstream, certificate, location="auth_request /verify;")

    def more(self) -> str:
        return (
            f"location = /verify {{ internal; proxy_pass http://127.0.0.1:{self._oauth2}/verify; "
            "proxy_pass_request_body off; proxy_set_header Content-Length ''; }"
        )


class OAuth2Server(Program):
    """oidc-provider, installed by npm from the lock file."""

    def __init__(self, home: Path, secret: str, *, lifetime: int = 60, scope: str = "dicomweb") -> None:
        super().__init__(home, "oidc-provider")
        self.secret, self._lifetime, self._scope = secret, lifetime, scope

    def command(self) -> list[str]:
        return ["node", str(installed_oidc_provider() / "server.js")]

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PORT": str(self.port), "CLIENT_ID": "dromos", "CLIENT_SECRET": self.secret,
            "LIFETIME": str(self._lifetime), "SCOPE": self._scope,
        }  # fmt: skip

    @property
    def token_url(self) -> str:
        return f"http://localhost:{self.port}/token"


def installed_oidc_provider() -> Path:
    """The folder with the server and what it needs."""
    subprocess.run([ROOT / "hack/oidc-provider.sh"], check=True, capture_output=True, timeout=300)
    return ROOT / "build/oidc"


class Tinyproxy(Program):
    """An HTTP proxy."""

    def __init__(self, home: Path) -> None:
        super().__init__(home, "tinyproxy")
        (home / "tinyproxy.conf").write_text(
            f'Port {self.port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile "{home}/proxy.log"\n'
            "LogLevel Connect\nAllow 127.0.0.1\n"
        )

    def command(self) -> list[str]:
        return ["tinyproxy", "-d", "-c", str(self.home / "tinyproxy.conf")]


class Kheops(Program):
    """A stand-in that enforces what Kheops documents; nobody packages the real one."""

    TOKENS = {
        "upload": {"scope": "read write", "album": "inbox"},
        "album-a": {"scope": "read write", "album": "a"},
        "album-b": {"scope": "read write", "album": "b"},
        "read-only": {"scope": "read", "album": "c"},
        "source": {"scope": "read send", "album": "inbox"},
    }

    def __init__(self, home: Path) -> None:
        super().__init__(home, "kheops")

    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "hack/test-peers/kheops.py"), str(self.port), json.dumps(self.TOKENS)]

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/api"

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/state", timeout=30) as response:
            found: dict[str, Any] = json.load(response)
            return found

    def control(self, **settings: Any) -> None:
        data = json.dumps(settings).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/control", data=data, timeout=30).close()
