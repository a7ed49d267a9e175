"""The sessions of the pages, played while the site is built: each page in a process of its own.

They begin when the build begins and run beside it, so that they cost it little time. A page that
was played stays known, so that ``mkdocs serve`` plays only what was edited.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mkdocs.exceptions import PluginError

from docs.site import source
from docs.site.session import SESSION

_pool = ThreadPoolExecutor(2, thread_name_prefix="player")


def begin(pages: Iterable[Path]) -> None:
    """Begin to play the pages that have sessions."""
    for page in pages:
        if SESSION.search(text := page.read_text(encoding="utf-8")):
            _playing(page, text)


def played(page: Path) -> str:
    """A page with what its sessions really show.

    Raises: PluginError, which ends the build, where that is not what stands on the page.
    """
    text = page.read_text(encoding="utf-8")
    if not SESSION.search(text):
        return text
    done = _playing(page, text).result()
    if done.returncode:
        raise PluginError(f"{page.name} shows what does not come out:\n{done.stdout}{done.stderr}")
    return done.stdout


@functools.cache
def _playing(page: Path, text: str) -> Future[subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-W", "ignore", "-m", "docs.site.session", "--show", str(page)]
    return _pool.submit(subprocess.run, command, cwd=source.ROOT, capture_output=True, text=True)
