"""The README keeps its promises: its Python blocks run and its commands parse."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import typer.main

from minigrad.cli.app import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[tuple[int, str]]:
    """Line number and content of each fenced block of a language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    found = re.finditer(pattern, text, re.MULTILINE | re.DOTALL)
    return [(text[: match.start()].count("\n") + 2, match[1]) for match in found]


def commands(text: str) -> list[str]:
    """What stands behind the prompts."""
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


def test_python_blocks_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # one of them saves a file
    namespace: dict[str, object] = {"__name__": "readme"}
    found = blocks("python")
    assert found, "no Python block: is the fence still ```python?"
    for line, text in found:
        # Blank lines in front make a failing line carry its number in the README.
        exec(compile("\n" * (line - 1) + text, "README.md", "exec"), namespace)


@pytest.mark.parametrize("command", [c for _, text in blocks("console") for c in commands(text)])
def test_console_commands_parse(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == "minigrad"
    group = typer.main.get_command(app)
    with group.make_context("minigrad", list(arguments)) as context:
        name, subcommand, rest = group.resolve_command(context, arguments)
        assert name and subcommand, command
        subcommand.make_context(name, rest, parent=context)


def test_the_two_promised_lines_stand_in_the_readme() -> None:
    lines = [line for _, text in blocks("sh") for line in text.splitlines()]
    assert "python -m pip install '.[cli]' && minigrad train" in lines
    assert "python -m pip install -e '.[test]' && python -m pytest" in lines


def test_the_speeds_are_those_that_were_measured() -> None:
    kept = json.loads((ROOT / "benchmarks/results/train.json").read_text(encoding="utf-8"))
    wanted: dict[str, list[str]] = {
        "geometric mean": [f"{v:.2f}" for v in kept["summary"].values()]
    }
    for row in sorted(kept["rows"], key=lambda row: row["threads"]):
        wanted.setdefault(row["row"], []).append(f"{row['torch / minigrad']['median']:.2f}")
    section = README.split("## How fast it is")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    assert {name: values for name, *values in lines[2:]} == wanted


def test_ci_runs_the_very_line_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\npython -m pip install -e '.[test]' && python -m pytest || exit\n" in script
