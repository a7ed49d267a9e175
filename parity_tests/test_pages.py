"""The pages of the documentation show what really comes out: their sessions are run."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from docs.site import examples, reference
from docs.site.session import SESSION, failures
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


def test_there_are_such_pages() -> None:
    assert len(PAGES) >= 1


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
