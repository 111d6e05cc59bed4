# SPDX-License-Identifier: Apache-2.0
"""Check that a DICOM node or a destination answers.

dromos echo HOST:PORT                          a C-ECHO to that node
dromos echo PATH… --destination NAME           the same to a Destination, called as its ForwardNode would

Exit code 0: it answered with success. 1: it did not; the reason is printed. 2: wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dromos_crds import Destination
from dromos_crds.manifests import Manifests, read
from dromos_gateway.commands.calling import WrongUsage, add_calling_arguments, address, peer_of
from dromos_gateway.configuration.references import References, Unresolved
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext
from dromos_gateway.dimse.status import SUCCESS, describe
from dromos_gateway.dimse.tls import InvalidTlsMaterial, client_context
from dromos_gateway.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, VERIFICATION

_CONTEXTS = (ProposedContext(VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """HOST:PORT, or manifests and the name of a destination."""
    parser.add_argument("where", metavar="HOST:PORT|PATH", nargs="+", help="the node, or manifests")
    parser.add_argument("--destination", metavar="NAME", help="the Destination to check, NAME or NAMESPACE/NAME")
    add_calling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say C-ECHO once."""
    try:
        peer = _peer(arguments)
    except WrongUsage as error:
        print(f"dromos echo: {error}", file=sys.stderr)
        return 2
    started = time.perf_counter()
    try:
        status = asyncio.run(_echo(peer))
    except DimseError as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    if status != SUCCESS:
        print(f"{peer} answered C-ECHO with {describe(status)}", file=sys.stderr)
        return 1
    print(f"{peer} answered in {(time.perf_counter() - started) * 1000:.0f} ms")
    return 0


async def _echo(peer: Peer) -> int:
    association = await Association.open(peer, _CONTEXTS)
    try:
        return await association.echo()
    finally:
        await association.release()


def _peer(arguments: argparse.Namespace) -> Peer:
    if arguments.destination is not None:
        return destination_peer([Path(path) for path in arguments.where], arguments.destination)
    if len(arguments.where) != 1:
        raise WrongUsage("give one HOST:PORT, or manifests and --destination NAME")
    try:
        return peer_of(arguments, address(arguments.where[0]))
    except argparse.ArgumentTypeError as error:
        hint = "; manifests need --destination NAME" if Path(arguments.where[0]).exists() else ""
        raise WrongUsage(f"{error}{hint}") from None


def destination_peer(paths: Sequence[Path], name: str) -> Peer:
    """Find a Destination in manifests and say how to call it. WrongUsage."""
    try:
        manifests = read(paths)
    except OSError as error:
        raise WrongUsage(f"{error.filename}: {error.strerror}") from None
    destination = _destination(manifests, name)
    spec, namespace = destination.spec, destination.metadata.namespace
    if spec.dicom is None:
        raise WrongUsage(f"Destination {name} is not a DICOM destination; this version checks only those")
    dicom = spec.dicom
    calling = dicom.ae_title
    if not dicom.use_destination_ae_title:
        node = spec.forward_node_ref.name
        titles = [
            each.spec.ae_title
            for each in manifests.forward_nodes
            if (each.metadata.name, each.metadata.namespace) == (node, namespace)
        ]
        if not titles:
            raise WrongUsage(f"Destination {name}: its ForwardNode {node} is not among the valid manifests")
        calling = titles[0]
    if dicom.tls is None:
        return Peer(dicom.hostname, dicom.port, dicom.ae_title, calling)
    references = References(
        {f"{each.metadata.namespace}/{each.metadata.name}": each for each in manifests.secrets},
        {f"{each.metadata.namespace}/{each.metadata.name}": each for each in manifests.config_maps},
    )
    try:
        material = references.client(namespace, dicom.tls)
        context = client_context(
            ca=material.authorities, certificate=material.certificate or None, key=material.key or None
        )
    except (Unresolved, InvalidTlsMaterial) as error:
        raise WrongUsage(f"Destination {name}: spec.dicom.tls: {error}") from None
    return Peer(dicom.hostname, dicom.port, dicom.ae_title, calling, context, server_name=material.server_name)


def _destination(manifests: Manifests, name: str) -> Destination:
    everything = list(manifests.destinations)
    found = [
        each for each in everything if name in (each.metadata.name, f"{each.metadata.namespace}/{each.metadata.name}")
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongUsage(f"Destination {name} exists in several namespaces; give NAMESPACE/{name}")
    broken = [problem for problem in manifests.problems if problem.kind == "Destination" and problem.name == name]
    if broken:
        raise WrongUsage(str(broken[0]))
    names = ", ".join(each.metadata.name for each in everything) or "none"
    raise WrongUsage(f"there is no Destination {name} in these manifests; there are: {names}")
