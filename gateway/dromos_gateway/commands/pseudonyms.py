# SPDX-License-Identifier: Apache-2.0
"""Import, list, find and delete the stored pseudonyms of a project; find also leads from a pseudonym to its patient.

The store is the one that the Project names: in the manifests at PATH, or in the namespace of the current kubeconfig; or
it is the Redis server at --redis. A Secret in a manifest file is edited in place, one in a cluster is patched.
Exit code 0: done. 1: nothing is found, or the table is refused. 2: wrong usage, or the store cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dromos_crds.durations import parse_duration
from dromos_crds.folders import sentence
from dromos_crds.pseudonyms.identity import Entry, Patient
from dromos_crds.pseudonyms.table import TableRefused
from dromos_gateway.commands import pseudonymtables as tables
from dromos_gateway.pseudonyms import finding
from dromos_gateway.pseudonyms.finding import NoStore
from dromos_gateway.pseudonyms.holders import Holder
from dromos_gateway.pseudonyms.secretfile import CannotEdit
from dromos_gateway.pseudonyms.store import StoreUnavailable


class _Wrong(Exception):
    """The command line does not say what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare import, list, find and delete."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--project", metavar="NAME", required=True, help="the Project")
    common.add_argument("--namespace", "-n", metavar="NAME", help="its namespace, where that is not clear")
    common.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    redis = common.add_argument_group("Redis")
    redis.add_argument("--redis", metavar="URL", help="redis://HOST:PORT/DATABASE or rediss://…")
    redis.add_argument("--redis-username", metavar="NAME", help="user name there")
    redis.add_argument("--redis-password-file", metavar="FILE", type=Path, help="file with the password")
    redis.add_argument("--ttl", metavar="DURATION", type=_ttl, default=0, help="how long imported ones live: 720h")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    importing = actions.add_parser("import", parents=[common], help="add the rows of a table, all of them or none")
    tables.add_layout_arguments(importing)
    listing = actions.add_parser("list", parents=[common], help="all entries")
    found = actions.add_parser(
        "find", parents=[common], help="the pseudonym of a patient, or the patient of a pseudonym"
    )
    deleting = actions.add_parser("delete", parents=[common], help="remove entries; with them goes the way back")
    for action in (importing, listing, found, deleting):
        action.add_argument("paths", metavar="PATH", nargs="*", help="manifest file or folder")
        action.set_defaults(behind=[])
    importing.usage = "dromos pseudonyms import [PATH ...] FILE --project NAME [OPTION ...]"
    importing.epilog = "FILE is the table, - for standard input; it stands behind all PATHs."
    for action in (listing, found):
        action.add_argument("--format", choices=tables.FORMATS, default="table", help="(default table)")
    for action in (found, deleting):
        action.add_argument("--patient-id", metavar="ID", help="Patient ID")
        action.add_argument("--issuer", metavar="NAME", help="Issuer of Patient ID; all issuers when absent")
        action.add_argument("--pseudonym", metavar="TEXT", help="the pseudonym, as it is written")
    deleting.add_argument("--all", action="store_true", help="every entry of the project")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    arguments.paths = [*arguments.paths, *arguments.behind]
    arguments.file = arguments.paths.pop() if arguments.action == "import" and arguments.paths else None
    try:
        if arguments.action == "import" and arguments.file is None:
            raise _Wrong("name the table to import")
        return _ACTIONS[arguments.action](_holder(arguments), arguments)
    except TableRefused as error:
        return _refused(error, arguments)
    except (_Wrong, NoStore, StoreUnavailable, CannotEdit) as error:
        said, code = str(error), 2
    except OSError as error:
        said, code = sentence(error), 2
    print(f"dromos pseudonyms: {said}", file=sys.stderr)
    return code


def _holder(arguments: argparse.Namespace) -> Holder:
    if arguments.redis is not None:
        if arguments.paths:
            raise _Wrong("give either manifests or --redis, not both")
        file = arguments.redis_password_file
        password = file.read_text().strip() if file is not None else None
        return finding.at_url(arguments.redis, arguments.project, arguments.redis_username, password, arguments.ttl)
    if arguments.redis_username or arguments.redis_password_file or arguments.ttl:
        raise _Wrong("--redis-username, --redis-password-file and --ttl go with --redis; a Project names its own")
    if arguments.paths:
        return finding.in_manifests([Path(path) for path in arguments.paths], arguments.project, arguments.namespace)
    return finding.in_cluster(arguments.context, arguments.namespace, arguments.project)


def _import(holder: Holder, arguments: argparse.Namespace) -> int:
    rows = tables.read(arguments)
    with tables.progress(len(rows)) as progress:
        imported = holder.add(rows, progress)
    there = f"; {imported.unchanged} were there already" if imported.unchanged else ""
    print(f"imported {imported.added} of {len(rows)} into project {arguments.project} ({holder.place}){there}")
    return 0


def _list(holder: Holder, arguments: argparse.Namespace) -> int:
    tables.write(sorted(holder.store().entries()), arguments.format)
    return 0


def _find(holder: Holder, arguments: argparse.Namespace) -> int:
    found = _chosen(holder, arguments)
    if not found:
        print("dromos pseudonyms: nothing is stored under that", file=sys.stderr)
        return 1
    tables.write(found, arguments.format)
    return 0


def _delete(holder: Holder, arguments: argparse.Namespace) -> int:
    if arguments.all:
        if arguments.patient_id is not None or arguments.pseudonym is not None:
            raise _Wrong("give --all, or which one")
        chosen = list(holder.store().entries())
    else:
        chosen = _chosen(holder, arguments)
        if len(chosen) > 1:
            raise _Wrong("this Patient ID has entries of several issuers; choose one with --issuer")
    removed = holder.remove(chosen)
    print(f"deleted {removed} of project {arguments.project} ({holder.place})")
    return 0 if removed or arguments.all else 1


def _chosen(holder: Holder, arguments: argparse.Namespace) -> list[Entry]:
    if (arguments.patient_id is None) == (arguments.pseudonym is None):
        raise _Wrong("give --patient-id or --pseudonym")
    store = holder.store()
    if arguments.pseudonym is not None:
        if arguments.issuer is not None:
            raise _Wrong("--issuer goes with --patient-id")
        entry = store.of_pseudonym(arguments.pseudonym)
        return [] if entry is None else [entry]
    if arguments.issuer is None:
        return sorted(store.of_patient_id(arguments.patient_id))
    patient = Patient(arguments.patient_id, arguments.issuer)
    pseudonym = store.find(patient)
    return [] if pseudonym is None else [Entry(patient, pseudonym)]


def _refused(error: TableRefused, arguments: argparse.Namespace) -> int:
    file = arguments.file
    where = f"{'standard input' if file == '-' else file}:" if file else "the stored table, line "
    for problem in error.problems:
        print(f"{where}{problem.line}: {problem.message}", file=sys.stderr)
    if error.more:
        print(f"… and {error.more} more", file=sys.stderr)
    if file:
        columns = "; say which columns count: --patient-id-column, --issuer-column, --pseudonym-column"
        hint = columns if error.problems[0].message.startswith("the header") else ""
        print(f"dromos pseudonyms: nothing was imported{hint}", file=sys.stderr)
    return 1


def _ttl(text: str) -> int:
    try:
        seconds = int(parse_duration(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration, such as 720h") from None
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration, such as 720h")
    return seconds


_ACTIONS = {"import": _import, "list": _list, "find": _find, "delete": _delete}


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="dromos pseudonyms", description=__doc__)
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
