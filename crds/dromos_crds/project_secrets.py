# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the Secrets that Projects name: keys that are none, tables of pseudonyms that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dromos_crds import reasons
from dromos_crds.document import Document
from dromos_crds.manifests import Manifests
from dromos_crds.metadata import Secret
from dromos_crds.problems import Problem
from dromos_crds.project import Project
from dromos_crds.projectkeys import InvalidKeys, key_secret, read_keys
from dromos_crds.pseudonyms.csvstore import CSVStore
from dromos_crds.pseudonyms.table import TableRefused

_MOST = 20  # lines of one table; import says more


def check(manifests: Manifests) -> tuple[Problem, ...]:
    """Problems of Secrets that are among the manifests. No message has a value of theirs."""
    secrets = {
        (document.object.metadata.namespace, document.object.metadata.name): document
        for document in manifests.documents
        if isinstance(document.object, Secret)
    }
    return tuple(
        problem
        for project in manifests.projects
        for problem in (*_keys(project, secrets), *_pseudonyms(project, secrets))
    )


def _keys(project: Project, secrets: Mapping[tuple[str, str], Document]) -> Iterator[Problem]:
    document = secrets.get((project.metadata.namespace, key_secret(project)))
    if document is None or not isinstance(document.object, Secret):
        return
    try:
        read_keys(document.object.data)
    except InvalidKeys as error:
        yield document.problem(reasons.INVALID, "", f"keys of Project {project.metadata.name!r}: {error}")


def _pseudonyms(project: Project, secrets: Mapping[tuple[str, str], Document]) -> Iterator[Problem]:
    selector = project.spec.pseudonyms.secret_key_ref if project.spec.pseudonyms is not None else None
    document = secrets.get((project.metadata.namespace, selector.name)) if selector is not None else None
    if selector is None or document is None or not isinstance(document.object, Secret):
        return
    content = document.object.data.get(selector.key)
    if content is None:
        return  # said elsewhere: it is a reference to a key that is not there
    field = "stringData" if f"stringData.{selector.key}" in document.lines else "data"
    try:
        CSVStore(content)
    except TableRefused as refused:
        for found in refused.problems[:_MOST]:
            text = f"line {found.line} of the table: {found.message}"
            yield document.problem(reasons.INVALID, f"{field}.{selector.key}", text)
