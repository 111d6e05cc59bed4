# SPDX-License-Identifier: Apache-2.0
"""What ForwardNodes' Secrets said when they could last be used: it stays in use until they can be used again.

For a restart the listener's certificate and key are kept beside the ledger, sealed with the admin port's token. Without
a token they are readable there, for their owner only, as they are among the manifests. Other keys are never kept.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dromos_gateway.configuration.settings import NodeSettings, TLSMaterial
from dromos_gateway.configuration.tls import listener_tls
from dromos_gateway.dimse.tls import InvalidTlsMaterial
from dromos_gateway.spool.folders import sync_folder

_NONCE = 12  # bytes, random (NIST SP 800-38D §8.2.2)
_BYTES = ("certificate", "key", "authorities")


@dataclass(frozen=True, slots=True)
class LastUsable:
    """Of one ForwardNode."""

    tls: TLSMaterial | None = None
    log_key: bytes | None = field(default=None, repr=False)


def in_use(nodes: Iterable[NodeSettings]) -> dict[str, LastUsable]:
    """What ForwardNodes have now, by namespace/name."""
    return {node.key: LastUsable(node.tls, node.transfer_log.key) for node in nodes}


class KeptTls:
    """The file with what listeners had last."""

    def __init__(self, path: Path, token: bytes) -> None:
        self._path = path
        self._cipher = AESGCM(hmac.digest(token, b"dromos listener: encryption", "sha256")) if token else None
        self._kept: Mapping[str, TLSMaterial] | None = None

    def read(self) -> dict[str, LastUsable]:
        """What was kept and can be used; nothing where there is no such file, or it was sealed with another token."""
        try:
            content = self._path.read_bytes()
            if self._cipher is not None:
                content = self._cipher.decrypt(content[:_NONCE], content[_NONCE:], None)
            kept = {key: _read(fields) for key, fields in json.loads(content).items()}
        except (OSError, InvalidTag, ValueError, TypeError, AttributeError, binascii.Error):
            return {}
        return {key: LastUsable(tls) for key, tls in kept.items() if _usable(tls)}

    def keep(self, nodes: Sequence[NodeSettings]) -> None:
        """Remember what they have, and nothing else. OSError."""
        if any(node.locked for node in nodes):  # the file may yet be what it needs, once its own token is back
            return
        wanted = {node.key: node.tls for node in nodes if node.tls is not None}
        if wanted == self._kept:
            return
        if not wanted:
            self._path.unlink(missing_ok=True)
        else:
            content = json.dumps({key: _plain(tls) for key, tls in wanted.items()}).encode()
            if self._cipher is not None:
                nonce = os.urandom(_NONCE)
                content = nonce + self._cipher.encrypt(nonce, content, None)
            _write(self._path, content)
        self._kept = wanted


def _plain(tls: TLSMaterial) -> dict[str, str | None]:
    return {
        name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for name, value in asdict(tls).items()
    }


def _read(fields: Mapping[str, str | None]) -> TLSMaterial:
    values = {
        name: base64.b64decode(value) if name in _BYTES and value is not None else value
        for name, value in fields.items()
    }
    return TLSMaterial(**values)  # type: ignore[arg-type]  # as `_plain` wrote them


def _usable(tls: TLSMaterial) -> bool:
    """Whether a listener would start with it: another Dromos kept it, whose TLS may have asked for less."""
    try:
        listener_tls(tls)
    except (InvalidTlsMaterial, ValueError, TypeError):
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
