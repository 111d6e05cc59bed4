# SPDX-License-Identifier: Apache-2.0
"""What Python and its libraries write by themselves: lines like all others, and nothing of what they are about."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAYS = """
import gc, sys, warnings
from {module} import {set_up}
{set_up}({arguments})

class Torn:
    def __del__(self):
        raise ValueError("MARK")

for patient in ("MARK^one", "MARK^two"):
    warnings.warn(f"the value {{patient}} is too long")
warnings.warn("MARK", DeprecationWarning)
Torn()
"""


@pytest.mark.parametrize(
    ("module", "set_up", "arguments"),
    [("dromos_gateway.logs", "set_up", ""), ("dromos_operator.logs", "configure", "'info'")],
)
def test_what_libraries_say_is_a_line_without_their_words(module: str, set_up: str, arguments: str) -> None:
    program = SAYS.format(module=module, set_up=set_up, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert "MARK" not in done.stderr
    assert [(line["message"], line.get("type")) for line in lines] == [
        ("a library warns", "UserWarning"),
        ("an exception that nobody could catch", None),
    ]
    assert lines[0]["place"].startswith("<string>:")


PYDICOM = """
from dromos_gateway.logs import set_up
set_up()
from pydicom.misc import warn_and_log  # its import makes its logger talk

warn_and_log("the value MARK is none")
"""


def test_pydicoms_own_log_is_not_ours() -> None:
    """It says each of its warnings in two ways."""
    done = subprocess.run([sys.executable, "-c", PYDICOM], capture_output=True, text=True, check=True)
    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == ["a library warns"]
    assert "MARK" not in done.stderr
