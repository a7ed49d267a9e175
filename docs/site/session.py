"""Lines of Python run as at the prompt: to be shown on a page, or to hold a page to what it shows.

python -m docs.site.session docs/tour.md    # what on that page does not come out
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import sys
import warnings
from pathlib import Path
from typing import Any

SESSION = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Session:
    """Names that live from line to line, and all that was shown.

    >>> from docs.site.session import Session
    >>> session = Session()
    >>> session.run("x = 2")
    >>> session.run("x + 1")
    >>> session.text
    '>>> x = 2\\n>>> x + 1\\n3'
    """

    def __init__(self, **names: Any) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__", **names}
        self.shown: list[str] = []

    def run(self, statement: str) -> None:
        """Run one statement; an error is the caller's to meet."""
        first, *rest = statement.splitlines()
        out = io.StringIO()
        hook, sys.displayhook = sys.displayhook, self._show
        try:
            with contextlib.redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(statement, "<the example>", "single"), self.names)
        finally:
            sys.displayhook = hook
        self.shown += [f">>> {first}", *(f"... {line}" for line in rest)]
        if out.getvalue():
            self.shown.append(out.getvalue().rstrip("\n"))

    @staticmethod
    def _show(value: Any) -> None:
        if value is not None:
            print(repr(value))

    @property
    def text(self) -> str:
        """The session so far."""
        return "\n".join(self.shown)


def failures(page: Path) -> str:
    """Run a page's sessions one after the other; what comes out otherwise than shown, as text.

    Raises: ValueError for a page without a session.
    """
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False
    )
    said: list[str] = []
    for found in SESSION.finditer(text):
        line = text[: found.start()].count("\n") + 1
        test = doctest.DocTestParser().get_doctest(found[1], names, page.name, str(page), line)
        runner.run(test, out=said.append, clear_globs=False)
        names.update(test.globs)
    if not runner.tries:
        raise ValueError(f"{page} shows no session")
    return "".join(said)


if __name__ == "__main__":
    print(found := "".join(failures(Path(name)) for name in sys.argv[1:]))
    sys.exit(bool(found))
