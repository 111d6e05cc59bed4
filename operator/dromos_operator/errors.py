# SPDX-License-Identifier: Apache-2.0
"""Failures of the infrastructure. Mistakes of users are values (conditions), never exceptions.

OperatorError
├── SettingsError       the environment says something that cannot be
└── ApiError            the API server refused or could not be reached
    ├── ObjectNotFound  404
    └── NamespaceGoing  403 because the namespace is being deleted: nothing to do but wait
"""

from __future__ import annotations


class OperatorError(Exception):
    """Root of the tree."""


class SettingsError(OperatorError):
    """The environment says something that cannot be."""


class ApiError(OperatorError):
    """The API server refused (`status` is HTTP's) or could not be reached (`status` is 0)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ObjectNotFound(ApiError):
    """There is no such object."""


class NamespaceGoing(ApiError):
    """The namespace is being deleted, so nothing can be created in it."""
