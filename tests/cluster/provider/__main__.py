# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.cluster.provider up | down | load FILE… | exec CMD… | env | run [--fresh] [--load FILE]… [--down | --down-if-failed] -- CMD… | check | prometheus`."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster.provider.build import PROMETHEUS, build
from tests.cluster.provider.choice import choose, reason_for_none
from tests.cluster.provider.cluster import Cluster
from tests.cluster.provider.layout import layout
from tests.cluster.provider.process import ProviderError

IMAGES = {"DROMOS_TEST_IMAGE": "localhost/dromos:dev", "DROMOS_TEST_PEERS_IMAGE": "localhost/dromos-test-peers:dev"}


def main(words: Sequence[str]) -> int:
    """Do what the command line says; 1 when it cannot be done."""
    arguments = _parser().parse_args(words)
    try:
        if arguments.action == "check":
            reason = reason_for_none(os.environ)
            print(reason or "a cluster can be had")
            return int(reason is not None)
        if arguments.action == "prometheus":
            places = layout(os.environ)
            build(places, (PROMETHEUS,))
            print(places.bin / "prometheus")
            return 0
        return _act(choose(os.environ), arguments)
    except ProviderError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1


def _act(cluster: Cluster, arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "up":
            cluster.up()
            print(cluster.kubeconfig)
        case "down":
            cluster.down()
        case "load":
            for archive in arguments.archives:
                cluster.load(archive)
        case "env":
            for name, value in exports(cluster).items():
                print(f"export {name}={shlex.quote(value)}")
        case "exec":
            return subprocess.run(cluster.inside(arguments.command), check=False).returncode
        case "run":
            return _run(cluster, arguments)
    return 0


def _run(cluster: Cluster, arguments: argparse.Namespace) -> int:
    if arguments.fresh:
        cluster.down()
    cluster.up()
    failed = True
    try:
        for archive in arguments.load:
            cluster.load(archive)
        environment = {**os.environ, **exports(cluster)}
        code = subprocess.run(arguments.command, check=False, env=environment).returncode
        failed = code != 0
        return code
    finally:
        if arguments.down or (arguments.down_if_failed and failed):
            cluster.down()


def exports(cluster: Cluster) -> Mapping[str, str]:
    """What tests need to know of the cluster, as environment variables."""
    environment = cluster.environment()
    found = {name: environment[name] for name in ("KUBECONFIG", "HELM", "PATH")}
    return found | {name: os.environ.get(name, value) for name, value in IMAGES.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.provider", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("up", help="start it, building what is missing; prints the kubeconfig's path")
    actions.add_parser("down", help="stop it; nothing stays behind")
    actions.add_parser("env", help="print shell exports for the cluster")
    actions.add_parser("check", help="say whether a cluster can be had here, and why not")
    actions.add_parser("prometheus", help="build Prometheus and promtool when they are missing; prints its path")
    load = actions.add_parser("load", help="bring images (docker-archive) onto the node")
    load.add_argument("archives", nargs="+", type=Path)
    execute = actions.add_parser("exec", help="run a program in the cluster's network")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    run = actions.add_parser("run", help="start it, load images, run a program with its environment")
    run.add_argument("--load", action="append", default=[], type=Path)
    run.add_argument("--fresh", action="store_true", help="start anew: nothing that other tests left is there")
    run.add_argument("--down", action="store_true", help="stop it afterwards")
    run.add_argument("--down-if-failed", action="store_true", help="stop it when the program fails; else it stays")
    run.add_argument("command", nargs="+")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
