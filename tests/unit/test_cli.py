# SPDX-License-Identifier: Apache-2.0
"""The dispatcher: help, version, wrong usage."""

import re
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from dromos_gateway import cli


def dromos(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dromos_gateway.cli", *arguments], capture_output=True, text=True, check=False
    )


def test_without_a_command_the_usage_is_shown_and_the_exit_code_is_2() -> None:
    result = dromos()
    assert result.returncode == 2
    assert "usage: dromos" in result.stderr


def test_an_unknown_command_is_refused_naming_the_known_ones() -> None:
    result = dromos("validat")
    assert result.returncode == 2
    assert "'validat'" in result.stderr
    assert "'validate'" in result.stderr


def test_help_names_every_command_with_a_line_of_help() -> None:
    result = dromos("--help")
    assert result.returncode == 0
    for point in entry_points(group=cli.GROUP):
        assert re.search(rf"^ +{point.name}\b", result.stdout, re.MULTILINE)
        assert cli.HELP[point.name] in " ".join(result.stdout.split())  # Python 3.13 folds lines elsewhere


@pytest.mark.parametrize("name", sorted(point.name for point in entry_points(group=cli.GROUP)))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: dromos {name}" in capsys.readouterr().out
