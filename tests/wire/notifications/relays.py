# SPDX-License-Identifier: Apache-2.0
"""Mail relays: Exim from Debian with StartTLS and authentication, aiosmtpd where a test has a say in each answer."""

from __future__ import annotations

import pwd
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.wire.gateway.peers import eventually, free_port

USER, PASSWORD = "dromos", "mail-secret"

_EXIM = """\
primary_hostname = mail.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {home}/spool
log_file_path = {home}/log/%slog
pid_file_path = {home}/exim.pid
tls_advertise_hosts = *
{more}
tls_certificate = {home}/certificate.pem
tls_privatekey = {home}/key.pem
acl_smtp_rcpt = recipients
keep_environment =
begin acl
recipients:
  accept encrypted = *
         authenticated = *
  deny message = authentication and encryption required
begin routers
everybody:
  driver = accept
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = {home}/mail
  maildir_format
  batch_max = 10
  create_directory
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_set_id = $auth2
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}{{true}}{{false}}}}
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


class Exim:
    """A real relay that delivers into a folder; `implicit_tls`: it speaks TLS from the first byte (RFC 8314)."""

    def __init__(self, home: Path, authority: trustme.CA, *, implicit_tls: bool = False) -> None:
        self._home = home
        self.port = free_port()
        certificate = authority.issue_cert("localhost")
        home.mkdir()
        (home / "certificate.pem").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
        (home / "key.pem").write_bytes(certificate.private_key_pem.bytes())
        more = f"tls_on_connect_ports = {self.port}" if implicit_tls else ""
        configuration = _EXIM.format(home=home, port=self.port, more=more, user=USER, password=PASSWORD)
        (home / "exim.conf").write_text(configuration)
        for name in ("spool", "log", "mail"):
            (home / name).mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Exim:
        account = pwd.getpwnam("Debian-exim")
        for path in (self._home, *self._home.rglob("*")):
            shutil.chown(path, account.pw_uid, account.pw_gid)
        for parent in self._home.parents:
            if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
                parent.chmod(parent.stat().st_mode | 0o011)
        shutil.chown(self._home / "exim.conf", "root")
        command = [
            "/usr/sbin/exim4",
            "-C",
            str(self._home / "exim.conf"),
            "-bdf",
            "-q5s",
        ]  # what it defers is soon tried again
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: _answers(self.port), "Exim listens")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def mails(self) -> list[EmailMessage]:
        """Delivered mails."""
        return [message_from_bytes(path.read_bytes(), policy=default) for path in self._home.glob("mail/new/*")]

    def log(self) -> str:
        """What it says of itself."""
        return "".join(path.read_text() for path in sorted(self._home.glob("log/*")))


@dataclass
class Mailbox:
    """What aiosmtpd took, and how it answers: each mail takes the first answer until only one is left."""

    answers: list[str] = field(default_factory=lambda: ["250 ok"])
    mails: list[EmailMessage] = field(default_factory=list)
    attempts: int = 0
    refusals: dict[str, list[str]] = field(default_factory=dict)  # by recipient, each used once
    recipients: list[list[str]] = field(default_factory=list)  # of each mail

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.refusals.get(address):
            return self.refusals[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.attempts += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.startswith("2"):
            self.recipients.append(list(envelope.rcpt_tos))
            self.mails.append(message_from_bytes(envelope.content, policy=default))
        return answer


class Scripted(Controller):
    """A relay without TLS, in a thread of this process."""

    def __init__(self, mailbox: Mailbox, port: int | None = None, *, authenticated: bool = False) -> None:
        self.mailbox = mailbox
        options: dict[str, Any] = {}
        if authenticated:
            options = {"auth_required": True, "auth_require_tls": False, "authenticator": _known}
        super().__init__(mailbox, hostname="127.0.0.1", port=port or free_port(), **options)


def _known(server: Any, session: Any, envelope: Any, mechanism: str, login: LoginPassword) -> AuthResult:
    return AuthResult(success=(login.login, login.password) == (USER.encode(), PASSWORD.encode()), handled=False)


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
