"""docs/verification.md keeps its promises: its blocks run, its output is the output."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import warnings
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import typer.main

import minigrad
from minigrad.cli.app import app
from minigrad.testing import GradcheckError
from minigrad.testing.cases import OWN
from parity_tests.test_readme import blocks, commands

PAGE = (Path(__file__).parents[2] / "docs" / "verification.md").read_text(encoding="utf-8")


def test_blocks_run_and_print_what_is_shown() -> None:
    names: dict[str, object] = {"__name__": "verification"}
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line, text in blocks("python", PAGE):
            exec(compile("\n" * (line - 1) + text, "verification.md", "exec"), names)
            if "test_sigmoid" in names and not said.getvalue():
                with pytest.raises(GradcheckError) as caught:
                    names["test_sigmoid"]()
                print(after_worst(str(caught.value)))
    OWN.pop("Sigmoid", None)
    (shown,) = [text for _, text in blocks("text", PAGE)]
    assert rounded(said.getvalue()) == rounded(shown)


def after_worst(text: str) -> str:
    """What a failure says from where it is worst."""
    return text[text.index("worst at") :]


def test_ten_lines_find_the_bug_shrink_it_and_name_it(tmp_path: Path) -> None:
    """What the page says first, in a process and a folder of its own, as a user would run it."""
    (_, function), (_, test), *_ = blocks("python", PAGE)
    assert len([line for line in test.splitlines() if line.strip()]) <= 10
    (tmp_path / "test_mine.py").write_text(function + test)
    installed = any(e.name == "minigrad-testing" for e in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "minigrad.testing.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", *plugin, "-q"]
    path = {"PYTHONPATH": str(Path(minigrad.__file__).parents[1]), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*command, "--tb=short", "--capsules", "kept", "test_mine.py"],
        cwd=tmp_path,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    said = "\n".join(re.sub(r"^E   ?", "", line) for line in done.stdout.splitlines())
    (shown,) = [text for _, text in blocks("text", PAGE)]
    assert rounded(shown) in rounded(said)
    assert (tmp_path / "kept" / "test_sigmoid.capsule").is_file()


def rounded(text: str) -> str:
    """Without the digits that are rounding, and differ from machine to machine."""
    rows = [line for line in text.strip().splitlines() if not re.match(r"  1e-0[4-7]", line)]
    return re.sub(r"(\d\.\d{6})\d+", r"\1", "\n".join(rows))


@pytest.mark.parametrize(
    "command", [c for _, text in blocks("console", PAGE) for c in commands(text)]
)
def test_commands_parse(command: str) -> None:
    _, *arguments = shlex.split(command)
    group = typer.main.get_command(app)
    with group.make_context("minigrad", list(arguments)) as context:
        name, subcommand, rest = group.resolve_command(context, arguments)
        assert name and subcommand
        subcommand.make_context(name, rest, parent=context)
