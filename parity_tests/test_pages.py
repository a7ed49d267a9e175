"""The pages of the documentation show what really comes out: their sessions are run."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
SESSION = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(DOCS.glob("**/*.md")) if SESSION.search(page.read_text("utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_sessions_run_one_after_the_other(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    globs: dict[str, object] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    said: list[str] = []
    for found in SESSION.finditer(text):
        line = text[: found.start()].count("\n") + 1
        test = doctest.DocTestParser().get_doctest(found[1], globs, page.name, str(page), line)
        runner.run(test, out=said.append, clear_globs=False)
        globs.update(test.globs)
    assert runner.tries > 0 and runner.failures == 0, "".join(said)


def test_there_are_such_pages() -> None:
    assert len(PAGES) >= 1


def test_links_within_the_documentation_lead_somewhere() -> None:
    for page in DOCS.glob("**/*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
