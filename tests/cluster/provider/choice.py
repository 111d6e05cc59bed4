# SPDX-License-Identifier: Apache-2.0
"""Which cluster: the one a kubeconfig names, else kind where Docker answers, else the native one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cluster.provider.cluster import Cluster
from tests.cluster.provider.given import Given
from tests.cluster.provider.kind import Kind
from tests.cluster.provider.layout import layout
from tests.cluster.provider.native import Native, what_is_missing
from tests.cluster.provider.process import ProviderError

PROVIDERS = ("given", "kind", "native")


def docker_answers() -> bool:
    """Is there an engine? A client alone is none."""
    try:
        done = subprocess.run(
            ["docker", "info"], capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def choose(environment: Mapping[str, str], docker: Callable[[], bool] = docker_answers) -> Cluster:
    """The cluster to test on. DROMOS_TEST_CLUSTER (given, kind, native) asks for one."""
    places = layout(environment)
    wanted = environment.get("DROMOS_TEST_CLUSTER", "")
    if wanted and wanted not in PROVIDERS:
        raise ProviderError(f"DROMOS_TEST_CLUSTER is {wanted!r}; there are {', '.join(PROVIDERS)}")
    named = environment.get("DROMOS_TEST_KUBECONFIG") or environment.get("KUBECONFIG") or ""
    ours: dict[str, Native | Kind] = {
        str(Native(places).kubeconfig): Native(places),
        str(Kind(places).kubeconfig): Kind(places),
    }
    if named in ours and wanted in {"", "native" if isinstance(ours[named], Native) else "kind"}:
        return ours[named]  # exported by `env`: still the one that is started and fed here
    if wanted == "given" or (named and not wanted):
        if not named:
            raise ProviderError(
                "DROMOS_TEST_CLUSTER is given, and neither DROMOS_TEST_KUBECONFIG nor KUBECONFIG names one"
            )
        return Given(Path(named), places)
    if wanted == "kind" or (not wanted and docker()):
        return Kind(places)
    return Native(places)


def reason_for_none(environment: Mapping[str, str]) -> str | None:
    """Why there can be no cluster here, in one line; None when there can."""
    try:
        chosen = choose(environment)
    except ProviderError as error:
        return str(error)
    return what_is_missing() if isinstance(chosen, Native) else None
