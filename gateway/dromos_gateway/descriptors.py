# SPDX-License-Identifier: Apache-2.0
"""Open files: a process begins with a soft limit of 1024 in many places, and a thousand connections may be open here.

Python and what is used here never call select(), for which that limit is so low; raising it is everybody's right.
"""

from __future__ import annotations

import contextlib
import resource

_PLENTY = 65_536


def provide() -> int:
    """Raise this process' limit, and its children's, as far as it may; how many files may be open then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _PLENTY if hard == resource.RLIM_INFINITY else min(_PLENTY, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _PLENTY if soft == resource.RLIM_INFINITY else soft
    with contextlib.suppress(OSError, ValueError):  # then there is what there is
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
