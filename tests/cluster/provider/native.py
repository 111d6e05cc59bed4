# SPDX-License-Identifier: Apache-2.0
"""The one-node cluster without Docker: its programs as plain processes in namespaces of their own (network, PIDs, mounts).

Needs root, containerd, runc and CNI plugins. Everything it makes has its own name (layout.py), and one process holds
all the others: when that is killed, the kernel removes processes and mounts, and `down` the rest.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree, which

from tests.cluster.provider.build import build, pause_archive, targets
from tests.cluster.provider.cluster import kubectl
from tests.cluster.provider.configuration import STORAGE_CLASS, files, programs
from tests.cluster.provider.keys import make_keys
from tests.cluster.provider.layout import (
    HOST_ADDRESS,
    HOST_LINK,
    LINK_PREFIX,
    NETWORK_NAMESPACE,
    NODE,
    NODE_ADDRESS,
    NODE_LINK,
    PODS,
    SERVICES,
    Layout,
)
from tests.cluster.provider.process import ProviderError, run, say, wait

SUPERVISOR = Path(__file__).with_name("supervisor.py")
NETWORK = Path("/run/netns") / NETWORK_NAMESPACE
# folders that the supervisor makes where they are missing, to hide them
MAYBE_MADE = ("/var/lib/cni", "/var/log/containers")
PATIENCE = 60.0
NEEDED = ("containerd", "ctr", "runc", "iptables", "conntrack", "ip", "nsenter", "unshare", "openssl", "gcc")


class Native:
    """A cluster of one node on this machine."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    def up(self) -> None:
        missing = what_is_missing()
        if missing:
            raise ProviderError(missing)
        build(self.layout, targets())
        pause = pause_archive(self.layout)
        with _alone():
            # a busy machine's API server may take its time: while the node lives, nobody pulls it down for that
            if self._answers() or (_node_process(self.layout.state) and wait(self._answers, within=PATIENCE)):
                return
            self._down()
            started = time.monotonic()
            self._start()
            self._await(pause)
            say(f"up in {time.monotonic() - started:.0f} s, kubeconfig {self.kubeconfig}")

    def down(self) -> None:
        with _alone():
            self._down()

    def load(self, archive: Path) -> None:
        """Import an archive; one that is on the node already, unchanged, is left alone."""
        known = self.layout.state / "loaded.json"
        loaded = json.loads(known.read_text()) if known.is_file() else {}
        path, now = str(archive.resolve()), archive.stat()
        print_ = [now.st_mtime_ns, now.st_size]
        if loaded.get(path) == print_:
            return
        run(*self._ctr("images", "import", path), timeout=300)
        known.write_text(json.dumps({**loaded, path: print_}))

    def inside(self, words: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net={NETWORK}", *words]

    def kill(self, container: str, signal: str) -> list[str]:
        return self._ctr("tasks", "kill", "--signal", signal, container)

    def host_address(self) -> str:
        return HOST_ADDRESS

    def environment(self) -> Mapping[str, str]:
        path = f"{self.layout.bin}:{os.environ.get('PATH', '')}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path, "HELM": str(self.layout.bin / "helm")}

    def _ctr(self, *words: str) -> list[str]:
        return ["ctr", "--address", str(self.layout.socket), "--namespace", "k8s.io", *words]

    def _answers(self) -> bool:
        if not self.kubeconfig.is_file() or not NETWORK.exists():
            return False
        ready = ("get", "--raw", "/readyz", "--request-timeout=5s")
        return kubectl(self, *ready, check=False).returncode == 0

    def _start(self) -> None:
        layout = self.layout
        layout.state.mkdir(parents=True, mode=0o755)
        layout.log.mkdir()
        make_keys(layout)
        for path, content in files(layout).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        # links beside the state, for the machine's /tmp (where a cache may be) is not the node's
        own = layout.state / "bin"
        own.mkdir()
        for program in layout.bin.iterdir():
            _link(program, own / program.name)
        commands = {
            name: [str(own / words[0]) if (own / words[0]).exists() else words[0], *words[1:]]
            for name, words in programs(layout).items()
        }
        (layout.state / "node.json").write_text(json.dumps(commands))
        for words in network_commands():
            run(*words)
        with (layout.log / "node.log").open("ab") as log:
            node = subprocess.Popen(
                supervisor_command(layout.state),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        (layout.state / "node.pid").write_text(str(node.pid))

    def _await(self, pause: Path) -> None:
        def fail(what: str) -> ProviderError:
            logs = "\n".join(f"{log.name}: {_last_line(log)}" for log in sorted(self.layout.log.glob("*.log")))
            return ProviderError(f"{what}; the logs are in {self.layout.log}:\n{logs}")

        if not wait(self._answers, within=60):
            raise fail("the API server does not answer")
        if not wait(lambda: run(*self._ctr("version"), check=False).returncode == 0, within=30):
            raise fail("containerd does not answer")
        run(*self._ctr("images", "import", str(pause)))
        kubectl(self, "apply", "-f", "-", stdin=json.dumps(STORAGE_CLASS))
        kubectl(self, "wait", "--for=create", f"node/{NODE}", "--timeout=60s")
        if kubectl(self, "wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=60s", check=False).returncode:
            raise fail("the node does not get ready")
        kubectl(self, "-n", "default", "wait", "--for=create", "serviceaccount/default", "--timeout=60s")

    def _down(self) -> None:
        state = self.layout.state
        node = _node_process(state)
        if node is not None:
            # the process that holds the namespaces dies with its parent, and the kernel ends what lives in them
            first = _children(node)
            with suppress(ProcessLookupError):
                os.kill(node, 9)
            if not wait(lambda: not any(map(_lives, first)), within=30, every=0.05):
                raise ProviderError(f"the node's processes do not end: {first}")
        if NETWORK.exists():
            run("ip", "netns", "delete", NETWORK_NAMESPACE, check=False)
        run("ip", "link", "delete", HOST_LINK, check=False)
        for cgroup in _cgroups(state):
            _remove_cgroup(cgroup)
        _remove(state)
        for place in MAYBE_MADE:
            with suppress(OSError):  # in use, or never made
                Path(place).rmdir()


def what_is_missing() -> str | None:
    """Why this machine cannot run the native cluster; None when it can."""
    if sys.platform != "linux":
        return "the native cluster needs Linux"
    if os.geteuid() != 0:
        return "the native cluster needs root: run as root, give KUBECONFIG, or start Docker for kind"
    absent = [
        program for program in NEEDED if which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None
    ]
    if not Path("/usr/lib/cni/bridge").exists():
        absent.append("containernetworking-plugins")
    return f"not installed: {', '.join(absent)}; run hack/install-debian.sh" if absent else None


def network_commands() -> list[list[str]]:
    """The node's network namespace, a pair of links to it and the routes to pods and Services.

    What goes to a Service that kube-proxy does not know yet is refused. It would go its way as it is, and conntrack
    would keep the whole connection to that way, each new attempt of its SYN too: two minutes of silence.
    """
    inside = ["ip", "-n", NETWORK_NAMESPACE]
    refuse = ["nsenter", f"--net={NETWORK}", "iptables", "--append", "FORWARD", "--destination", SERVICES]
    sysctl = ["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0"]
    return [
        ["ip", "netns", "add", NETWORK_NAMESPACE],
        ["ip", "link", "add", HOST_LINK, "type", "veth", "peer", "name", NODE_LINK, "netns", NETWORK_NAMESPACE],
        ["ip", "address", "add", f"{HOST_ADDRESS}/{LINK_PREFIX}", "dev", HOST_LINK],
        ["ip", "link", "set", HOST_LINK, "up"],
        [*inside, "address", "add", f"{NODE_ADDRESS}/{LINK_PREFIX}", "dev", NODE_LINK],
        [*inside, "link", "set", NODE_LINK, "up"],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "route", "add", "default", "via", HOST_ADDRESS],
        ["ip", "route", "add", PODS, "via", NODE_ADDRESS],
        ["ip", "route", "add", SERVICES, "via", NODE_ADDRESS],
        ["nsenter", f"--net={NETWORK}", *sysctl],
        [*refuse, "--protocol", "tcp", "--jump", "REJECT", "--reject-with", "tcp-reset"],
        [*refuse, "--jump", "REJECT"],
    ]


def supervisor_command(state: Path) -> list[str]:
    """The supervisor as first process of its own PID and mount namespaces, in the node's network."""
    own = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return ["nsenter", f"--net={NETWORK}", *own, sys.executable, "-S", "-E", str(SUPERVISOR), str(state)]


def _node_process(state: Path) -> int | None:
    """The process that `up` started, if it is that still and not another of the same number."""
    with suppress(OSError, ValueError):
        process = int((state / "node.pid").read_text())
        if str(state) in Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0"):
            return process
    return None


def _children(process: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def _lives(process: int) -> bool:
    """The first process of a PID namespace is dead only when all the others are."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    return False


def _cgroups(state: Path) -> list[Path]:
    """Control groups of the node's containers, in each hierarchy (version 1) or in the one there is (version 2)."""
    root = Path("/sys/fs/cgroup")
    hierarchies = (
        [root] if (root / "cgroup.controllers").exists() else [path for path in root.iterdir() if path.is_dir()]
    )
    tasks = state / "containerd/state/io.containerd.runtime.v2.task/k8s.io"
    containers = [path.name for path in tasks.iterdir()] if tasks.is_dir() else []
    return [hierarchy / "k8s.io" / container for hierarchy in hierarchies for container in containers]


def _remove_cgroup(cgroup: Path) -> None:
    if cgroup.is_dir():
        for folder, _, _ in os.walk(cgroup, topdown=False):
            wait(lambda folder=folder: _rmdir(Path(folder)), within=5, every=0.05)  # type: ignore[misc]


def _rmdir(folder: Path) -> bool:
    """Remove a control group; busy until the last process in it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove(state: Path) -> None:
    if state.exists():
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((path for path in mounts if path.startswith(f"{state}/")), reverse=True):
            run("umount", "--lazy", mount, check=False)
        rmtree(state)


def _link(program: Path, to: Path) -> None:
    try:
        os.link(program, to)
    except OSError:  # another file system
        to.write_bytes(program.read_bytes())
        to.chmod(0o755)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1][:300] if lines else "(empty)"


@contextmanager
def _alone() -> Iterator[None]:
    """One `up` or `down` at a time on this machine; the name is the kernel's and goes with the process."""
    with socket.socket(socket.AF_UNIX) as lock:

        def taken() -> bool:
            with suppress(OSError):
                lock.bind("\0dromos-cluster")
                return True
            return False

        if not wait(taken, within=120):
            raise ProviderError("another `up` or `down` of the cluster does not come to its end")
        yield
