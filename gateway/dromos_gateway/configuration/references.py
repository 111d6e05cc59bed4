# SPDX-License-Identifier: Apache-2.0
"""Secrets and ConfigMaps that a manifest names: certificates and authorities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dromos_crds import ConfigMap, Secret
from dromos_crds.credentials import Unusable
from dromos_crds.fields import FromSecret
from dromos_crds.forwardnode import ListenerTLS
from dromos_crds.reasons import INVALID_CREDENTIAL
from dromos_crds.tls import ClientTLS
from dromos_gateway.configuration.settings import TLSMaterial
from dromos_gateway.configuration.unresolved import Unresolved


@dataclass(frozen=True, slots=True)
class References:
    """What can be referred to, by namespace/name."""

    secrets: Mapping[str, Secret]
    config_maps: Mapping[str, ConfigMap]

    def listener(self, namespace: str, tls: ListenerTLS) -> TLSMaterial:
        """Certificate, key and the clients' authority of a ForwardNode."""
        name = tls.certificate_secret_ref.name
        certificate, key = self._pair(namespace, name, "spec.tls.certificateSecretRef.name")
        authorities: bytes | None = None
        if tls.client_ca_ref is not None:
            authorities = self.secret(namespace, tls.client_ca_ref.name, "ca.crt", "spec.tls.clientCARef.name")
        elif tls.client_authentication != "None":
            # the certificate's own Secret may carry the authority, as cert-manager writes it
            authorities = self.secret(namespace, name, "ca.crt", "spec.tls.clientCARef")
        return TLSMaterial(certificate, key, authorities, tls.client_authentication)

    def client(self, namespace: str, tls: ClientTLS, field: str = "spec.dicom.tls") -> TLSMaterial:
        """The server's authority and our own certificate towards a destination."""
        authorities: bytes | None = None
        certificate = key = b""
        if (ca := tls.ca_ref) is not None:
            if ca.kind == "Secret":
                authorities = self.secret(namespace, ca.name, ca.key, f"{field}.caRef")
            else:
                authorities = self._config_map(namespace, ca.name, ca.key, f"{field}.caRef")
        if (own := tls.certificate_secret_ref) is not None:
            certificate, key = self._pair(namespace, own.name, f"{field}.certificateSecretRef.name")
        return TLSMaterial(certificate, key, authorities, server_name=tls.server_name)

    def value(self, namespace: str, source: FromSecret, field: str) -> bytes:
        """A single value of a Secret."""
        return self.secret(namespace, source.secret_key_ref.name, source.secret_key_ref.key, field)

    def whole_secret(self, namespace: str, name: str, field: str) -> Mapping[str, bytes]:
        """All keys of a Secret that `field` names. Unresolved."""
        secret = self.secrets.get(f"{namespace}/{name}")
        if secret is None:
            raise Unresolved("SecretNotFound", field, f"Secret {name} does not exist in namespace {namespace}")
        return secret.data

    def _pair(self, namespace: str, name: str, field: str) -> tuple[bytes, bytes]:
        return self.secret(namespace, name, "tls.crt", field), self.secret(namespace, name, "tls.key", field)

    def secret(self, namespace: str, name: str, key: str, field: str) -> bytes:
        """One key of a Secret that `field` names. Unresolved."""
        secret = self.secrets.get(f"{namespace}/{name}")
        if secret is None:
            raise Unresolved("SecretNotFound", field, f"Secret {name} does not exist in namespace {namespace}")
        value = secret.data.get(key)
        if value is None:
            raise Unresolved("SecretKeyNotFound", field, f"Secret {name} has no key {key}")
        return value

    def credential(self, namespace: str, name: str, key: str, field: str, rule: Callable[[bytes], str]) -> str:
        """The same as a credential, by one of the rules in `credentials`. Unresolved."""
        value = self.secret(namespace, name, key, field)
        try:
            return rule(value)
        except Unusable as error:
            raise Unresolved(INVALID_CREDENTIAL, field, f"key {key} of Secret {name} {error}") from None

    def _config_map(self, namespace: str, name: str, key: str, field: str) -> bytes:
        config_map = self.config_maps.get(f"{namespace}/{name}")
        if config_map is None:
            raise Unresolved("ConfigMapNotFound", field, f"ConfigMap {name} does not exist in namespace {namespace}")
        value = config_map.data.get(key)
        if value is None:
            raise Unresolved("ConfigMapKeyNotFound", field, f"ConfigMap {name} has no key {key}")
        return value.encode()
