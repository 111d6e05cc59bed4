# SPDX-License-Identifier: Apache-2.0
"""Arguments of commands that call a DICOM node: its address, AE titles, TLS."""

from __future__ import annotations

import argparse
from pathlib import Path

from dromos_gateway.dimse.requestor import Peer, Timeouts
from dromos_gateway.dimse.tls import InvalidTlsMaterial, client_context

_LONGEST = 1e6  # seconds


class WrongUsage(Exception):
    """The command line, or a file it names, cannot be used; the message says what to do."""


def address(text: str) -> tuple[str, int]:
    """Read ``HOST:PORT`` or ``[IPv6]:PORT``; for argparse."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise argparse.ArgumentTypeError(f"{text!r}: write an IPv6 address as [ADDRESS]:PORT")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, for example pacs.example:104")
    return host, int(port)


def ae_title(text: str) -> str:
    """Read an AE title (PS3.5 6.2, VR AE); for argparse."""
    title = text.strip(" ")
    if not 1 <= len(title) <= 16 or not (title.isascii() and title.isprintable()) or "\\" in title:
        raise argparse.ArgumentTypeError(f"{text!r} is not an AE title: 1 to 16 ASCII characters, no backslash")
    return title


def add_calling_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how the peer is called; the address is the command's own affair."""
    parser.add_argument("--called-ae-title", metavar="TITLE", type=ae_title, default="ANY-SCP", help="the peer's")
    parser.add_argument("--calling-ae-title", metavar="TITLE", type=ae_title, default="DROMOS", help="ours")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=60.0, help="for each answer (default 60)")
    group = parser.add_argument_group("TLS")
    group.add_argument("--tls", action="store_true", help="use TLS 1.2 or later (BCP 195)")
    group.add_argument("--tls-ca", metavar="FILE", type=Path, help="certificates to trust instead of the system's")
    group.add_argument("--tls-certificate", metavar="FILE", type=Path, help="our own certificate")
    group.add_argument("--tls-key", metavar="FILE", type=Path, help="its private key")
    group.add_argument("--tls-server-name", metavar="NAME", default="", help="name in the peer's certificate")


def peer_of(arguments: argparse.Namespace, where: tuple[str, int]) -> Peer:
    """Make the peer that the arguments describe. WrongUsage."""
    host, port = where
    files: tuple[Path | None, ...] = (arguments.tls_ca, arguments.tls_certificate, arguments.tls_key)
    context = None
    if arguments.tls:
        try:
            ca, certificate, key = map(_read, files)
            context = client_context(ca=ca, certificate=certificate, key=key)
        except InvalidTlsMaterial as error:
            raise WrongUsage(f"TLS: {error}") from None
    elif any(files) or arguments.tls_server_name:
        raise WrongUsage("--tls-… options need --tls")
    if not 0 < arguments.timeout < _LONGEST:
        raise WrongUsage(f"--timeout must be more than 0 and less than {_LONGEST:.0f} seconds")
    usual, patience = Timeouts(), arguments.timeout
    return Peer(
        host,
        port,
        arguments.called_ae_title,
        arguments.calling_ae_title,
        context,
        Timeouts(min(patience, usual.connect), min(patience, usual.associate), patience, patience),
        arguments.tls_server_name,
    )


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{path}: {error.strerror}") from None
