# SPDX-License-Identifier: Apache-2.0
"""The CEL engine: `compile` and `Context` of common-expression-language, a binding of the Rust implementation.

Its package imports its own command line, 300 modules and 17 MB that no gateway needs; so only the extension inside is
loaded. The only module that knows which engine it is.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any


def _extension() -> Any:
    package = find_spec("cel")
    inside = PathFinder.find_spec("cel", package.submodule_search_locations) if package is not None else None
    if inside is None or inside.loader is None:
        raise ImportError("common-expression-language is not installed", name="cel")
    module = module_from_spec(inside)
    inside.loader.exec_module(module)
    return module


_engine = _extension()
compile_cel = _engine.compile  # (text) -> program with execute(context); ValueError
Context = _engine.Context
