"""docs/verification.md keeps its promises: its blocks run, its output is the output."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import warnings
from pathlib import Path

import pytest
import typer.main

from minigrad.cli.app import app
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
    OWN.pop("Sigmoid", None)
    (shown,) = [text for _, text in blocks("text", PAGE)]
    assert rounded(said.getvalue()) == rounded(shown)


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
