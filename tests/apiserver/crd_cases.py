# SPDX-License-Identifier: Apache-2.0
"""Every rule of the API with manifests it takes and manifests it refuses, and what the refusal must say.

The same table is put to a real API server (test_crds.py) and to `dromos validate` (tests/unit/crds): they must agree.
"""

from __future__ import annotations

from tests.apiserver.destination_cases import DESTINATION_CASES
from tests.apiserver.forwardnode_cases import FORWARDNODE_CASES
from tests.apiserver.project_cases import PROJECT_CASES

CASES = FORWARDNODE_CASES + DESTINATION_CASES + PROJECT_CASES
