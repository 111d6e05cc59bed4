# SPDX-License-Identifier: Apache-2.0
"""The protocol of `kube.client` on the official Kubernetes client; the only module that imports it (55 MB of memory).

Its dynamic client is used without discovery: the paths of our twelve kinds are known, and discovery would keep a cache
file that outlives the CRDs it saw.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient
from kubernetes.aio.dynamic import Resource as DynamicResource

from dromos_operator.errors import ApiError, NamespaceGoing, ObjectNotFound, SettingsError
from dromos_operator.kinds import KINDS, Key, Kind, Object
from dromos_operator.kube.client import FIELD_MANAGER
from dromos_operator.metrics import API_REQUESTS, API_SECONDS

PAGE = 500
TIMEOUT = 30.0
EVENT = Kind("", "v1", "events", "Event")  # written and never watched
TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class OfficialClient:
    """A client of one API server."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._dynamic = DynamicClient(api)
        self._resources = {
            kind.name: DynamicResource(
                prefix="apis" if kind.group else "api",
                group=kind.group,
                api_version=kind.version,
                kind=kind.name,
                namespaced=True,
                name=kind.plural,
            )
            for kind in (*KINDS.values(), EVENT)
        }

    @classmethod
    async def connect(cls) -> OfficialClient:
        """With the pod's service account, else with $KUBECONFIG. SettingsError where neither can be used."""
        configuration = Configuration()
        try:
            if TOKEN.exists() and not os.environ.get("KUBECONFIG"):
                config.load_incluster_config(configuration)
            else:
                await config.load_kube_config(client_configuration=configuration)
        except config.ConfigException as error:
            raise SettingsError(
                f"no cluster to work for, neither a service account nor a kubeconfig: {error}"
            ) from None
        configuration.client_session_kwargs = {"trust_env": False}  # the API server is never behind a web proxy
        return cls(ApiClient(configuration))

    async def list(self, kind: str, namespace: str | None) -> list[Object]:
        selectors = {
            "label_selector": KINDS[kind].label_selector,
            "field_selector": KINDS[kind].field_selector,
        }
        items: list[Object] = []
        token: str | None = None
        while True:
            page = await self._request(
                "get", self._resources[kind].path(namespace=namespace), limit=PAGE, _continue=token, **selectors
            )
            items += page["items"]
            token = page["metadata"].get("continue")
            if not token:
                return items

    async def get(self, key: Key) -> Object | None:
        try:
            return await self._request("get", self._path(key))
        except ObjectNotFound:
            return None

    async def apply(self, obj: Mapping[str, Any]) -> Object:
        return await self._apply(obj, "")

    async def apply_status(self, obj: Mapping[str, Any]) -> Object:
        return await self._apply(obj, "/status")

    async def merge(self, key: Key, patch: Mapping[str, Any]) -> Object:
        return await self._request(
            "patch",
            self._path(key),
            body=dict(patch),
            content_type="application/merge-patch+json",
            field_manager=FIELD_MANAGER,
        )

    async def create(self, obj: Mapping[str, Any]) -> Object:
        path = self._resources[obj["kind"]].path(namespace=obj["metadata"]["namespace"])
        return await self._request("post", path, body=dict(obj), field_manager=FIELD_MANAGER)

    async def close(self) -> None:
        await self._api.close()

    def _path(self, key: Key) -> str:
        return str(self._resources[key.kind].path(name=key.name, namespace=key.namespace))

    async def _apply(self, obj: Mapping[str, Any], subresource: str) -> Object:
        metadata = obj["metadata"]
        return await self._request(
            "patch",
            self._path(Key(obj["kind"], metadata["namespace"], metadata["name"])) + subresource,
            body=dict(obj),
            content_type="application/apply-patch+yaml",  # JSON is YAML
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
        )

    async def _request(self, verb: str, path: str, **arguments: Any) -> dict[str, Any]:
        started = time.monotonic()
        code = "0"
        try:
            response = await self._dynamic.request(verb, path, serialize=False, _request_timeout=TIMEOUT, **arguments)
            code = str(response.status)
            answer: dict[str, Any] = await response.json()
            return answer
        except ApiException as error:
            code = str(error.status)
            raise _translated(error) from None  # the original carries the response's headers and body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ApiError(0, f"the API server cannot be reached: {type(error).__name__}") from error
        finally:
            API_REQUESTS.labels(verb, code).inc()
            API_SECONDS.labels(verb).observe(time.monotonic() - started)


def _translated(error: ApiException) -> ApiError:
    status = int(error.status or 0)
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        body = {}
    message = str(body.get("message") or error.reason or f"HTTP {status}")
    causes = (body.get("details") or {}).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return NamespaceGoing(status, message)
    if status == 404:
        return ObjectNotFound(status, message)
    return ApiError(status, message)
