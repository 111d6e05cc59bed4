# SPDX-License-Identifier: Apache-2.0
"""kubectl dromos status | failures … | transfers … | echo DESTINATION

`failures` and `transfers` are the commands of those names, run in the gateway's pods with your own rights to `exec`.
Exit code 0: done, and all is well. 1: it ran and the answer is no. 2: wrong usage, or kubectl refuses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dromos_gateway.commands.printable import wide
from dromos_gateway.kubectl import overview, transfers
from dromos_gateway.kubectl.cluster import Cluster, KubectlFailed

MOUNTED = ("/etc/dromos/config", "/etc/dromos/credentials")
PASSED_ON = {
    "failures": "dead letters: list, show ID, retry ID, discard ID",
    "transfers": "what became of instances",
}


def main(words: Sequence[str] | None = None) -> int:
    """Run the plugin."""
    arguments, rest = _parser().parse_known_args(words)
    if rest and arguments.action not in PASSED_ON:
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _act(arguments, rest)
    except KubectlFailed as error:
        print(f"kubectl dromos: {error}", file=sys.stderr)
        return 2


def _act(arguments: argparse.Namespace, rest: Sequence[str]) -> int:
    cluster = Cluster(_options(arguments))
    if arguments.action == "status":
        return _status(cluster, all_namespaces=arguments.all_namespaces)
    if arguments.action == "echo":
        return _echo(cluster, arguments.destination)
    return _in_pods(cluster, arguments, [arguments.action, *rest])


def _status(cluster: Cluster, *, all_namespaces: bool) -> int:
    scope = ("--all-namespaces",) if all_namespaces else ()
    nodes, destinations = (cluster.items(kind, *scope) for kind in ("forwardnodes", "destinations"))
    print("\n".join(overview.lines(nodes, destinations, datetime.now(UTC), wide())))
    return 0 if overview.is_well([*nodes, *destinations]) else 1


def _echo(cluster: Cluster, name: str) -> int:
    destination = cluster.get("destination", name)
    namespace = destination["metadata"]["namespace"]
    node = cluster.get("forwardnode", destination["spec"]["forwardNodeRef"]["name"])
    pods = _pods(cluster, [node])
    return cluster.inside(namespace, pods[0], ["echo", *MOUNTED, "--destination", f"{namespace}/{name}"])


def _in_pods(cluster: Cluster, arguments: argparse.Namespace, words: Sequence[str]) -> int:
    """In each pod there is; what names a transfer by its number is about one pod only."""
    nodes = [cluster.get("forwardnode", arguments.node)] if arguments.node else cluster.items("forwardnodes")
    pods = [arguments.pod] if arguments.pod else _pods(cluster, nodes)
    # in the pod nobody knows how wide the terminal is
    on_screen = sys.stdout.isatty() and not any(word.startswith("--format") for word in words)
    if words[0] == "transfers" and (len(pods) > 1 or on_screen):
        return transfers.of_pods(cluster, _namespace(nodes, cluster), pods, words[1:])
    if len(pods) > 1 and words[0] == "failures" and words[1:2] != ["list"]:
        raise KubectlFailed(f"numbers are a pod's own; name it with --pod: {', '.join(pods)}")
    codes = []
    for pod in pods:
        if len(pods) > 1:
            print(f"{pod}:", flush=True)
        codes.append(cluster.inside(_namespace(nodes, cluster), pod, words))
    return max(codes)


def _pods(cluster: Cluster, nodes: Sequence[dict[str, Any]]) -> list[str]:
    found = [
        pod["metadata"]["name"]
        for node in nodes
        if (selector := (node.get("status") or {}).get("selector"))
        for pod in cluster.items("pods", "--selector", selector, "--field-selector", "status.phase=Running")
    ]
    if not found:
        raise KubectlFailed("no gateway runs here; `kubectl dromos status` says more")
    return found


def _namespace(nodes: Sequence[dict[str, Any]], cluster: Cluster) -> str:
    if not nodes:
        raise KubectlFailed("there is no ForwardNode in this namespace")
    return str(nodes[0]["metadata"]["namespace"])


def _options(arguments: argparse.Namespace) -> tuple[str, ...]:
    given = {name: getattr(arguments, name) for name in ("namespace", "context", "kubeconfig")}
    return tuple(word for name, value in given.items() if value for word in (f"--{name}", value))


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-n", "--namespace", metavar="NAME", help="default: that of the context")
    common.add_argument("--context", metavar="NAME", help="of the kubeconfig")
    common.add_argument("--kubeconfig", metavar="FILE")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--node", metavar="NAME", help="the pods of this ForwardNode only")
    where.add_argument("--pod", metavar="NAME", help="this pod only")
    parser = argparse.ArgumentParser(
        prog="kubectl dromos", allow_abbrev=False, description=__doc__.split("\n\n")[1] if __doc__ else None
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    status = actions.add_parser("status", parents=[common], help="gateways, their destinations, and what is wrong")
    status.add_argument("-A", "--all-namespaces", action="store_true")
    for name, what in PASSED_ON.items():
        actions.add_parser(name, parents=[common, where], help=f"{what}, in the gateway's pods", add_help=False)
    echo = actions.add_parser("echo", parents=[common], help="whether a Destination answers, asked by its gateway")
    echo.add_argument("destination", metavar="DESTINATION")
    return parser


if __name__ == "__main__":
    sys.exit(main())
