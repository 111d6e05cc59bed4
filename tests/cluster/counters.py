# SPDX-License-Identifier: Apache-2.0
"""When the counters in the statuses of Destinations change, as a watch tells it."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from itertools import pairwise

from tests.cluster.kubectl import Kubectl

# no tabs: kubectl makes spaces of them
SHOWN = r'{.metadata.name}{"|"}{.status.queue}{"|"}{.status.lastTransferTime}{"|"}{.status.lastError}{"\n"}'


class Counters:
    """Notes the moment of each change until it is closed."""

    def __init__(self, kubectl: Kubectl) -> None:
        words = ["get", "destinations", "--watch", "--output", f"jsonpath={SHOWN}"]
        self._process = subprocess.Popen(
            ["kubectl", "--namespace", kubectl.namespace, *words],
            stdout=subprocess.PIPE,
            text=True,
            env=kubectl.environment,
        )
        self._seen: dict[str, str] = {}
        self._changed: defaultdict[str, list[float]] = defaultdict(list)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def changes(self) -> int:
        """How many there were, of all Destinations."""
        return sum(map(len, self._changed.values()))

    def shortest_pause(self) -> float:
        """Seconds between two changes of one Destination."""
        return min(after - before for times in self._changed.values() for before, after in pairwise(times))

    def close(self) -> None:
        """End the watch."""
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            name, _, counted = line.partition("|")
            if name in self._seen and self._seen[name] != counted:
                self._changed[name].append(time.monotonic())
            self._seen[name] = counted
