"""What a built site must keep to: each link leads somewhere, and nothing is fetched from elsewhere.

python -m docs.site.check build/site
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r'<(\w+)[^>]*?\s(?:href|src)="?([^"\s>]*)')
ID = re.compile(r'\s(?:id|name)="?([^"\s>]+)')
FETCHED = {"script", "img", "link", "iframe", "source"}  # what a browser loads by itself


def faults(site: Path) -> Iterator[str]:
    """A line for each link into nothing, and for each file of another host that a page loads."""
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}

    @cache
    def ids(page: Path) -> set[str]:
        return set(ID.findall(pages[page]))

    for page, text in pages.items():
        for tag, link in set(LINK.findall(text)):
            where = f"{page.relative_to(site)}: {link}"
            if re.match(r"[a-z]+:|//", link):
                if tag in FETCHED and not link.startswith("data:"):
                    yield f"{where} is fetched from elsewhere"
                continue
            path, _, anchor = unquote(link).partition("#")
            goal = site / path.lstrip("/") if path.startswith("/") else page.parent / path
            goal = (page if not path else goal).resolve()
            goal = goal / "index.html" if goal.is_dir() else goal
            if not goal.is_file():
                yield f"{where} leads nowhere"
            elif anchor and goal in pages and anchor not in ids(goal) and anchor != "__top":
                yield f"{where} leads to no such place on the page"


def main(site: Path) -> int:
    """The command: print the faults, and say how many pages there are."""
    found = list(faults(site.resolve()))
    print("\n".join(found) or f"{len(list(site.rglob('*.html')))} pages, no broken link")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
