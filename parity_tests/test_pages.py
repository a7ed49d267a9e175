"""The pages of the documentation show what really comes out: their sessions are run."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from mkdocs.exceptions import PluginError

from docs.site import examples, player, reference
from docs.site.session import SESSION, failures, played
from minigrad.autograd.registry import REGISTRY

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.glob("**/*.md")) if SESSION.search(page.read_text("utf-8"))]
PLAYED = ("debugger/expression.html", "debugger/lenet.html")
ALONE = [DOCS / "extend" / "op.md"]  # they enter ops, which other tests would find


@pytest.mark.parametrize("page", [p for p in PAGES if p not in ALONE], ids=lambda page: page.stem)
def test_sessions_run_one_after_the_other(page: Path) -> None:
    assert failures(page) == ""


@pytest.mark.parametrize("page", ALONE, ids=lambda page: page.stem)
def test_sessions_run_in_a_process_of_their_own(page: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "docs.site.session", str(page)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_page_that_shows_something_else_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 1\n2\n```\n\n```pycon\n>>> 1 + 2\n4\n```\n")
    assert "Expected:\n    4\nGot:\n    3" in failures(page)


def test_what_cannot_be_typed_at_the_prompt_is_found() -> None:
    ends_early = "```pycon\n>>> class A:\n...     x = 1\n...\n...     y = 2\n...\n```\n"
    assert "takes line 3 of it for its end" in played(ends_early)[1]
    never_ends = "```pycon\n>>> for _ in range(2):\n...     x = 1\n>>> x\n1\n```\n"
    assert "an empty line has to end it" in played(never_ends)[1]


def test_the_site_shows_what_really_comes_out() -> None:
    page = "a\n```pycon\n>>> 2 / 3, 1\n(0.66..., 1)\n>>> for i in range(2):\n...     i\n...\n0\n1\n"
    page += ">>> [][1]\nTraceback (most recent call last):\n    ...\nIndexError: list...\n```\nb\n"
    shown = page.replace("0.66...", "0.6666666666666666").replace(
        "list...", "list index out of range"
    )
    assert played(page) == (shown, "")


def test_a_page_that_shows_something_else_stops_the_build(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 2\n4\n```\n")
    with pytest.raises(
        PluginError, match=r"(?s)page.md shows what does not come out:.*Got:\n    3"
    ):
        player.played(page)


def test_the_ten_lessons_are_among_the_pages() -> None:
    names = {page.stem for page in PAGES if page.parent.name == "lessons"}
    assert len(names) == 10


@cache
def made() -> set[Path]:
    """The pages that are made from the code when the site is built."""
    names = [f"ops/{name}" for name in REGISTRY]
    names += [f"reference/{name}" for name in reference.modules()]
    names += [f"examples/{name}" for name in examples.PAGES]
    return {DOCS / f"{name}.md" for name in names} | {DOCS / name for name in PLAYED}


def test_links_within_the_documentation_lead_somewhere() -> None:
    for page in DOCS.glob("**/*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            there = (page.parent / target).resolve()
            assert there.exists() or there in made(), f"{page.name}: {target}"


@pytest.mark.parametrize("folder", ["", "autograd"])
def test_the_design_names_every_room_and_every_file_of_the_engine(folder: str) -> None:
    text = (DOCS / "design.md").read_text("utf-8")
    named = {
        name.rstrip("/")
        for row in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
        for name in re.findall(r"`([^`]*)`", row)
    }
    there = {
        path.name
        for path in (ROOT / "minigrad" / folder).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - named <= {"__init__.py", "__main__.py", "version.py"}
