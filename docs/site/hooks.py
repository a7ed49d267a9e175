"""What MkDocs asks of this site: pages made from the code, and pages rewritten on their way."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # MkDocs loads this file by its path

from mkdocs.structure.files import File

from docs.site import debugger, examples, kinks, op_pages, player, reference, source

DOCS = source.ROOT / "docs"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:\s]+)(#[^)]*)?\)")
EXCERPT = re.compile(r"^```excerpt\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
# What is to be found first: guides, before the many pages that mention everything.
WEIGHTS = {"ops": 0.5, "examples": 0.3, "reference": 0.7, "parity.md": 0.3, "ledger.md": 0.2}
# Files outside of docs/ that have a page of another name.
ELSEWHERE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}


def on_config(config: Any) -> Any:
    """Put the pages that are made here into the navigation."""
    for section in config["nav"]:
        if "Examples" in section:
            section["Examples"] += [
                {title: f"examples/{page}.md"} for page, (title, _) in examples.PAGES.items()
            ]
        if "Reference" in section:
            section["Reference"] = reference.navigation()
    return config


def on_files(files: Any, config: Any) -> Any:
    """Begin to play the sessions of pages, and add the pages that are made from the code."""
    player.begin(sorted(DOCS.glob("**/*.md")))
    for path, content in generated():
        files.append(File.generated(config, path, content=content))
    return files


def generated() -> Iterator[tuple[str, str]]:
    """Path and content of everything that is not a file of docs/."""
    yield "changelog.md", source.read("CHANGELOG.md")
    yield from op_pages.pages()
    yield from reference.pages()
    yield from examples.pages()
    yield from debugger.pages()
    for path in sorted(linked()):
        yield f"source/{path}.md", source.page(path)


def linked() -> set[str]:
    """The files outside of docs/ that pages lead to, with those that these lead to."""
    found: set[str] = set()
    waiting = [p.relative_to(source.ROOT).as_posix() for p in DOCS.glob("**/*.md")]
    while waiting:
        page = waiting.pop()
        for _, target, _ in LINK.findall(source.read(page)):
            path = file_at(posixpath.join(posixpath.dirname(page), target))
            if not path or path in found or path in ELSEWHERE or path.startswith("docs/"):
                continue
            found.add(path)
            if path.endswith(".md"):
                waiting.append(path)
    return found


def file_at(path: str) -> str:
    """The file that a link means: of a folder, what introduces it; "" if there is none."""
    plain = posixpath.normpath(path)
    for name in ("", "/README.md", "/__init__.py"):
        if (source.ROOT / f"{plain}{name}").is_file():
            return f"{plain}{name}"
    return ""


def on_page_read_source(page: Any, **_: Any) -> str | None:
    """Of a page of docs/, what its sessions really show; other pages were made just now."""
    path = page.file.abs_src_path
    return player.played(Path(path)) if path and DOCS in Path(path).parents else None


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put in what is made from the code, and lead links to files to their pages."""
    path = page.file.src_uri
    weight = WEIGHTS.get(path.partition("/")[0], 2.0)
    page.meta["search"] = {"boost": weight, **page.meta.get("search", {})}
    if path == "ops.md":
        return op_pages.index()
    if path == "conventions.md":
        page.meta["hide"] = ["toc"]  # the table is wide
        markdown = kinks.executed(markdown)
    if path == "examples/README.md":
        markdown += "\n" + examples.index() + "\n"
    markdown = EXCERPT.sub(lambda found: source.excerpt(found[1]).fence(), markdown)
    return LINK.sub(lambda found: rewritten(found, path), markdown)


def rewritten(found: re.Match[str], path: str) -> str:
    """A link to a file outside of docs/, as a link to that file's page."""
    text, target, anchor = found[1], found[2], found[3] or ""
    home = path.removeprefix("source/") if path.startswith("source/") else f"docs/{path}"
    if path == "changelog.md":
        home = "CHANGELOG.md"
    whole = file_at(posixpath.join(posixpath.dirname(home), target))
    if whole in ELSEWHERE:
        goal = ELSEWHERE[whole]
    elif whole.startswith("docs/") and home == f"docs/{path}":
        return found[0]
    elif whole.startswith("docs/"):
        goal = whole.removeprefix("docs/")
    elif whole:
        goal = f"source/{whole}.md"
    else:
        return found[0]
    return f"[{text}]({posixpath.relpath(goal, posixpath.dirname(path) or '.')}{anchor})"
