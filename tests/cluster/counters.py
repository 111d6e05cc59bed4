# SPDX-License-Identifier: Apache-2.0
"""When the counters in the statuses of Destinations change, as a watch tells it; the moments are the API server's."""

from __future__ import annotations

import subprocess
import threading
from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from tests.cluster.kubectl import Kubectl

# no tabs: kubectl makes spaces of them. A watch may be late on a busy machine, so the time is that of the write.
SHOWN = (
    r'{.metadata.name}{"|"}{.metadata.managedFields[?(@.subresource=="status")].time}'
    r'{"|"}{.status.queue}{"|"}{.status.lastTransferTime}{"|"}{.status.lastError}{"\n"}'
)


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
        self._changed: defaultdict[str, list[datetime]] = defaultdict(list)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def changes(self) -> int:
        """How many there were, of all Destinations."""
        return sum(map(len, self._changed.values()))

    def shortest_pause(self) -> float:
        """Seconds between two changes of one Destination, each cut to a whole second."""
        pauses = (after - before for times in self._changed.values() for before, after in pairwise(times))
        return min(pause.total_seconds() for pause in pauses)

    def close(self) -> None:
        """End the watch."""
        self._process.terminate()
        self._process.wait(10)
        self._reader.join(10)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            name, written, counted = line.split("|", 2)
            if name in self._seen and self._seen[name] != counted:
                self._changed[name].append(max(map(datetime.fromisoformat, written.split())))
            self._seen[name] = counted
