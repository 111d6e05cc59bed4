# SPDX-License-Identifier: Apache-2.0
"""Check that a DICOM node or a destination answers.

dromos echo HOST:PORT                          a C-ECHO to that node
dromos echo PATH… --destination NAME           the same to a Destination, called as its ForwardNode would; to one that
                                               speaks DICOMweb an OPTIONS request, with its credentials

Exit code 0: it answered with success. 1: it did not; the reason is printed. 2: wrong usage or unreadable input.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from dromos_crds import Destination
from dromos_crds.destination import Dicom
from dromos_crds.folders import sentence
from dromos_crds.manifests import Manifests, read
from dromos_crds.stow import Stow
from dromos_gateway.commands.calling import WrongUsage, add_calling_arguments, address, peer_of
from dromos_gateway.configuration.references import References
from dromos_gateway.configuration.settings import StowSettings
from dromos_gateway.configuration.tls import client_tls
from dromos_gateway.configuration.unresolved import Unresolved
from dromos_gateway.configuration.web import stow_settings
from dromos_gateway.dimse.errors import DimseError
from dromos_gateway.dimse.requestor import Association, Peer, ProposedContext
from dromos_gateway.dimse.status import SUCCESS, describe
from dromos_gateway.dimse.tls import InvalidTlsMaterial
from dromos_gateway.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, VERIFICATION

_CONTEXTS = (ProposedContext(VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN)),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """HOST:PORT, or manifests and the name of a destination."""
    parser.add_argument("where", metavar="HOST:PORT|PATH", nargs="+", help="the node, or manifests")
    parser.add_argument("--destination", metavar="NAME", help="the Destination to check, NAME or NAMESPACE/NAME")
    add_calling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask once."""
    try:
        peer = _peer(arguments)
    except WrongUsage as error:
        print(f"dromos echo: {error}", file=sys.stderr)
        return 2
    if isinstance(peer, StowSettings):
        return _options(peer)
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


def _options(settings: StowSettings) -> int:
    """Ask a STOW-RS server whether it is there and takes our credentials."""
    from dromos_gateway.stow.client import is_in_trouble
    from dromos_gateway.stow.opening import open_stow
    from dromos_gateway.web.errors import WebError, origin

    async def ask() -> int:
        client = open_stow(settings)
        try:
            return await client.options()
        finally:
            await client.close()

    where = f"STOW-RS at {origin(settings.url)}"
    started = time.perf_counter()
    try:
        status = asyncio.run(ask())
    except WebError as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 1
    if status in (401, 403) or is_in_trouble(status):
        what = "does not accept the credentials" if status in (401, 403) else "is in trouble"
        print(f"{where} answered OPTIONS with {status}: it {what}", file=sys.stderr)
        return 1
    print(f"{where} answered OPTIONS with {status} in {(time.perf_counter() - started) * 1000:.0f} ms")
    return 0


async def _echo(peer: Peer) -> int:
    association = await Association.open(peer, _CONTEXTS)
    try:
        return await association.echo()
    finally:
        await association.release()


def _peer(arguments: argparse.Namespace) -> Peer | StowSettings:
    if arguments.destination is not None:
        return destination_peer([Path(path) for path in arguments.where], arguments.destination)
    if len(arguments.where) != 1:
        raise WrongUsage("give one HOST:PORT, or manifests and --destination NAME")
    try:
        return peer_of(arguments, address(arguments.where[0]))
    except argparse.ArgumentTypeError as error:
        hint = "; manifests need --destination NAME" if Path(arguments.where[0]).exists() else ""
        raise WrongUsage(f"{error}{hint}") from None


def destination_peer(paths: Sequence[Path], name: str) -> Peer | StowSettings:
    """Find a Destination in manifests and say how to call it. WrongUsage."""
    try:
        manifests = read(paths)
    except OSError as error:
        raise WrongUsage(sentence(error)) from None
    destination = _destination(manifests, name)
    spec, namespace = destination.spec, destination.metadata.namespace
    references = References(
        {f"{each.metadata.namespace}/{each.metadata.name}": each for each in manifests.secrets},
        {f"{each.metadata.namespace}/{each.metadata.name}": each for each in manifests.config_maps},
    )
    try:
        if spec.stow is not None:
            return _stow(namespace, spec.stow, references)
        if spec.dicom is not None:
            return _dicom(namespace, spec.dicom, references, partial(_title, manifests, destination))
    except Unresolved as error:
        raise WrongUsage(f"Destination {name}: {error.field}: {error}") from None
    except InvalidTlsMaterial as error:
        field = "spec.dicom.tls" if spec.dicom is not None else "spec.stow.tls"
        raise WrongUsage(f"Destination {name}: {field}: {error}") from None
    raise AssertionError("the model has one of the two")


def _stow(namespace: str, stow: Stow, references: References) -> StowSettings:
    settings = stow_settings(namespace, stow, references)
    if settings.tls is not None:
        client_tls(settings.tls)
    return settings


def _dicom(namespace: str, dicom: Dicom, references: References, title: Callable[[], str]) -> Peer:
    calling = dicom.ae_title if dicom.use_destination_ae_title else title()
    if dicom.tls is None:
        return Peer(dicom.hostname, dicom.port, dicom.ae_title, calling)
    material = references.client(namespace, dicom.tls)
    context = client_tls(material)
    return Peer(dicom.hostname, dicom.port, dicom.ae_title, calling, context, server_name=material.server_name)


def _title(manifests: Manifests, destination: Destination) -> str:
    """The AE title of a Destination's ForwardNode."""
    wanted = (destination.spec.forward_node_ref.name, destination.metadata.namespace)
    for node in manifests.forward_nodes:
        if (node.metadata.name, node.metadata.namespace) == wanted:
            return node.spec.ae_title
    text = f"its ForwardNode {wanted[0]} is not among the valid manifests"
    raise WrongUsage(f"Destination {destination.metadata.name}: {text}")


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
