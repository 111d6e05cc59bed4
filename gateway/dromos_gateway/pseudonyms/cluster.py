# SPDX-License-Identifier: Apache-2.0
"""A Project and its Secrets in the cluster of the current kubeconfig. The only module here that imports a client."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from dromos_crds import Project, Secret
from dromos_gateway.pseudonyms.store import StoreUnavailable

T = TypeVar("T")

_GROUP, _VERSION, _PLURAL = "dromos.dev", "v1alpha1", "projects"
_TRIES = 5  # somebody else changed the Secret in between
_TIMEOUT = 30.0


class NotInCluster(Exception):
    """The cluster has no such object, or refuses it to this user."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a Secret, and the version that it was read from; no version: there is no such Secret."""

    content: bytes = field(repr=False)
    version: str | None


class Cluster:
    """One namespace, as the kubeconfig's user may see it."""

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        """Read the kubeconfig. StoreUnavailable when there is none."""
        from kubernetes import client, config

        try:
            api = config.new_client_from_config(context=context)
            _, active = config.list_kube_config_contexts()
            chosen = next((each for each in _ if each["name"] == context), active) if context else active
            own = (chosen or {}).get("context", {}).get("namespace")
        except config.ConfigException as error:
            said = str(error).partition("\n")[0]
            text = f"no usable kubeconfig ({said}); name a manifest folder, or give --redis"
            raise StoreUnavailable(text) from None
        self.namespace = namespace or own or "default"
        self._core: Any = client.CoreV1Api(api)
        self._objects: Any = client.CustomObjectsApi(api)

    def project(self, name: str) -> Project:
        """The Project. NotInCluster, StoreUnavailable."""
        found = self._ask(
            f"Project {name}",
            lambda: self._objects.get_namespaced_custom_object(
                _GROUP, _VERSION, self.namespace, _PLURAL, name, _request_timeout=_TIMEOUT
            ),
        )
        try:
            return Project.model_validate(found)
        except ValidationError:
            raise NotInCluster(f"Project {name} is not valid; see kubectl describe project {name}") from None

    def secret(self, name: str) -> Secret:
        """A Secret. NotInCluster, StoreUnavailable."""
        found = self._ask(
            f"Secret {name}",
            lambda: self._core.read_namespaced_secret(name, self.namespace, _request_timeout=_TIMEOUT),
        )
        metadata = {"name": name, "namespace": self.namespace, "resourceVersion": found.metadata.resource_version}
        return Secret.model_validate({"metadata": metadata, "data": found.data or {}})

    def read_value(self, secret: str, key: str) -> Value:
        """A Secret's value; empty where there is none yet. NotInCluster, StoreUnavailable."""
        try:
            found = self.secret(secret)
        except _Absent:
            return Value(b"", None)
        return Value(found.data.get(key, b""), found.metadata.resource_version)

    def change_value(self, secret: str, key: str, change: Callable[[bytes], tuple[bytes, T]]) -> T:
        """Replace a value by what `change` makes of it; made when absent. Nobody's change is overwritten."""
        for _ in range(_TRIES):
            value = self.read_value(secret, key)
            content, result = change(value.content)
            if content == value.content:
                return result
            try:
                self._write(secret, key, content, value.version)
            except _Conflict:
                continue
            return result
        raise StoreUnavailable(f"Secret {secret} changes faster than it can be written; try again")

    def _write(self, secret: str, key: str, content: bytes, version: str | None) -> None:
        data = {key: base64.b64encode(content).decode()}
        if version is None:
            body: dict[str, Any] = {"metadata": {"name": secret}, "type": "Opaque", "data": data}
            self._ask(
                f"Secret {secret}",
                lambda: self._core.create_namespaced_secret(self.namespace, body, _request_timeout=_TIMEOUT),
            )
        else:
            body = {"metadata": {"resourceVersion": version}, "data": data}
            self._ask(
                f"Secret {secret}",
                lambda: self._core.patch_namespaced_secret(secret, self.namespace, body, _request_timeout=_TIMEOUT),
            )

    def _ask(self, what: str, question: Callable[[], Any]) -> Any:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return question()
        except ApiException as error:
            if error.status == 404:
                raise _Absent(f"there is no {what} in namespace {self.namespace}") from None
            if error.status == 409:
                raise _Conflict from None
            if error.status in (401, 403):
                raise NotInCluster(f"the cluster refuses {what} in namespace {self.namespace} to this user") from None
            # the answer's text may quote the Secret that was sent
            raise StoreUnavailable(f"{what}: the API server answers {error.status} {error.reason}") from None
        except (HTTPError, OSError) as error:
            raise StoreUnavailable(f"the API server cannot be reached ({type(error).__name__})") from None


class _Absent(NotInCluster):
    """There is no such object."""


class _Conflict(Exception):
    """Somebody else wrote first."""
