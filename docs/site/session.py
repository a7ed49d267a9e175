"""Lines of Python run as at the prompt: to be shown on a page, or to hold a page to what it shows.

python -m docs.site.session docs/tour.md          # what on that page does not come out
python -m docs.site.session --show docs/tour.md   # the page with what really came out
"""

from __future__ import annotations

import codeop
import contextlib
import doctest
import io
import re
import sys
import warnings
from pathlib import Path
from typing import Any

SESSION = re.compile(r"^```pycon\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
INVENTED = re.compile(r"<doctest [^>]*>")  # doctest's name for what is typed


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


class _Noting(doctest.OutputChecker):
    """A judge that keeps what came out."""

    def __init__(self) -> None:
        self.came: list[str] = []

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        self.came.append(got)
        return super().check_output(want, got, optionflags)


def played(text: str, name: str = "page") -> tuple[str, str]:
    """Run a page's sessions, one after the other: the page with what really came out, and faults.

    A fault is an output that differs from the one on the page, or an example that cannot be typed
    at the prompt as it stands. If there are any, the page is as it was.

    Raises: ValueError for a page without a session.

    >>> from docs.site.session import played
    >>> page = "```pycon\\n>>> 1 / 3\\n0.33...\\n```\\n"
    >>> print(played(page)[0].splitlines()[2])
    0.3333333333333333
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    judge, faults = _Noting(), list[str]()
    runner = doctest.DocTestRunner(checker=judge, optionflags=OPTIONS, verbose=False)

    def run(found: re.Match[str]) -> str:
        line, known = text[: found.start()].count("\n") + 1, len(judge.came)
        test = doctest.DocTestParser().get_doctest(found[1], names, name, name, line)
        lines = found[1].splitlines(keepends=True)
        for example in test.examples:
            if said := not_typable([piece[4:].rstrip("\n") for piece in typed(lines, example)]):
                faults.append(f"{name}:{line + example.lineno + 1}: {said}\n")
        runner.run(test, out=faults.append, clear_globs=False)
        names.update(test.globs)
        if faults:
            return found[0]
        return f"```pycon\n{with_outputs(lines, test.examples, judge.came[known:])}```"

    shown = SESSION.sub(run, text)
    if not runner.tries:
        raise ValueError(f"{name} shows no session")
    return (text if faults else shown), "".join(faults)


def typed(lines: list[str], example: doctest.Example) -> list[str]:
    """The lines of a session that an example was typed in, with their prompts."""
    end = example.lineno + 1
    while end < len(lines) and lines[end].startswith("..."):
        end += 1
    return lines[example.lineno : end]


def not_typable(lines: list[str]) -> str:
    """Why Python's prompt does not take these lines one after the other; "" if it does.

    >>> from docs.site.session import not_typable
    >>> not_typable(["if True:", "    x = 1"])
    'an empty line has to end it'
    """
    for count in range(1, len(lines) + 1):
        ended = codeop.compile_command("\n".join(lines[:count])) is not None
        if ended and count < len(lines):
            return f"the prompt takes line {count} of it for its end"
    return "" if ended else "an empty line has to end it"


def with_outputs(lines: list[str], examples: list[doctest.Example], came: list[str]) -> str:
    """A session's lines with other outputs."""
    shown, place = list[str](), 0
    for example, got in zip(examples, came, strict=True):
        end = example.lineno + len(typed(lines, example))
        if example.exc_msg is not None:  # the frames are not the reader's: their place is kept
            got = example.want.removesuffix(example.exc_msg) + got
        shown += [*lines[place:end], INVENTED.sub("<stdin>", got)]
        place = end + example.want.count("\n")
    return "".join([*shown, *lines[place:]])


def failures(page: Path) -> str:
    """What on a page does not come out as it is shown, as text.

    Raises: ValueError for a page without a session.
    """
    return played(page.read_text(encoding="utf-8"), page.name)[1]


def main(arguments: list[str]) -> int:
    """The command."""
    shows = arguments[:1] == ["--show"]
    for path in map(Path, arguments[shows:]):
        shown, faults = played(path.read_text(encoding="utf-8"), path.name)
        sys.stdout.write(faults or (shown if shows else ""))
        if faults:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
