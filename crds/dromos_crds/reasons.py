# SPDX-License-Identifier: Apache-2.0
"""The reasons in conditions and problems: CamelCase words that a machine may compare and a person may search for."""

from __future__ import annotations

from typing import Final

# all is well: the reason of a condition that is True
ACCEPTED: Final = "Accepted"
RESOLVED: Final = "Resolved"
PROGRAMMED: Final = "Programmed"
READY: Final = "Ready"

# the document
UNREADABLE: Final = "SyntaxError"
UNKNOWN_FIELD: Final = "UnknownField"
INVALID: Final = "Invalid"
DUPLICATE: Final = "Duplicate"
UNKNOWN_KIND: Final = "UnknownKind"

# the object's meaning
NOT_SUPPORTED: Final = "NotSupported"
DUPLICATE_AE_TITLE: Final = "DuplicateAETitle"
TLS_DIFFERS: Final = "ListenerTLSDiffers"
NO_MAIL_RELAY: Final = "NoMailRelay"
INVALID_EXPRESSION: Final = "InvalidExpression"
PROFILE_INCOMPLETE: Final = "ProfileIncomplete"
CONFIG_TOO_LARGE: Final = "ConfigTooLarge"

# what it names
FORWARD_NODE_NOT_FOUND: Final = "ForwardNodeNotFound"
PROJECT_NOT_FOUND: Final = "ProjectNotFound"
SECRET_NOT_FOUND: Final = "SecretNotFound"  # noqa: S105
SECRET_KEY_NOT_FOUND: Final = "SecretKeyNotFound"  # noqa: S105
PROJECT_NOT_RESOLVED: Final = "ProjectNotResolved"
INVALID_KEYS: Final = "InvalidKeys"
CONFIG_MAP_NOT_FOUND: Final = "ConfigMapNotFound"
CONFIG_MAP_KEY_NOT_FOUND: Final = "ConfigMapKeyNotFound"

# what is in there
INVALID_CREDENTIAL: Final = "InvalidCredential"
INVALID_CERTIFICATE: Final = "InvalidCertificate"

# how it stands
PENDING: Final = "Pending"
NO_DESTINATION: Final = "NoDestination"
DISABLED: Final = "Disabled"
SUSPENDED: Final = "Suspended"
NOT_ACKNOWLEDGED: Final = "NotAcknowledged"
PODS_NOT_READY: Final = "PodsNotReady"
SCALING_DOWN: Final = "ScalingDown"
NO_REPLICAS: Final = "NoReplicas"
NOT_USED: Final = "NotUsed"
NAME_CONFLICT: Final = "NameConflict"  # an object of that name belongs to somebody else
REFUSED: Final = "Refused"  # the API server refused an object, for example for what is in spec.workload
