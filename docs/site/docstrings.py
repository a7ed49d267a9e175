"""Docstrings as Markdown: their prose, fields such as ``Shape:``, and sessions."""

from __future__ import annotations

import html
import inspect
import re

FIELD = re.compile(
    r"^((?:Formula|Gradient)[^:.=]*|Shape|Dtypes|Raises|Source|Returns|Args)\s*:\s*(?=\S)"
)
ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`~?([^`]+)`")
CODE = re.compile(r"(`[^`]+`)")
SPECIAL = re.compile(r"([\\*_\[\]<>|#{}])")
URL = re.compile(r"(https?://[^\s)]+?)(?=[.,;:]?(?:[\s)]|$))")


def prose(text: str) -> str:
    """Plain text of a docstring with nothing in it that Markdown would read as a mark.

    >>> from docs.site.docstrings import prose
    >>> prose("the ``out`` of :func:`exp`, x * y")
    'the `out` of `exp`, x \\\\* y'
    """
    text = ROLE.sub(r"`\1`", text).replace("``", "`")
    parts = CODE.split(text)
    return "".join(part if i % 2 else _plain(part) for i, part in enumerate(parts))


def _plain(text: str) -> str:
    parts = URL.split(text)
    return "".join(f"<{p}>" if i % 2 else SPECIAL.sub(r"\\\1", p) for i, p in enumerate(parts))


def summary(doc: str | None) -> str:
    """The first line."""
    return prose(inspect.cleandoc(doc or "").partition("\n")[0])


def markdown(doc: str | None, skip_summary: bool = False) -> str:
    """A docstring as Markdown."""
    lines = inspect.cleandoc(doc or "").splitlines()
    blocks: list[str] = []
    for block in _blocks(lines[1:] if skip_summary else lines):
        if block[0].lstrip().startswith(">>>"):
            blocks.append("```pycon\n" + inspect.cleandoc("\n".join(block)) + "\n```")
        else:
            blocks += [_field(part) for part in _fields(block)]
    return "\n\n".join(filter(None, blocks)) + "\n"


def _blocks(lines: list[str]) -> list[list[str]]:
    """Runs of lines between blank ones; a session is a run of its own."""
    found: list[list[str]] = [[]]
    for line in lines:
        begins = line.lstrip().startswith(">>>") and found[-1] and ">>>" not in found[-1][0]
        if not line.strip() or begins:
            found.append([])
        if line.strip():
            found[-1].append(line)
    return [block for block in found if block]


def _fields(block: list[str]) -> list[list[str]]:
    """A block cut where fields begin."""
    parts: list[list[str]] = []
    for whole in block:
        for line in re.split(r"(?<=[.;])\s+(?=Gradient[^:.=]*: )", whole):
            if not parts or FIELD.match(line):
                parts.append([])
            parts[-1].append(line)
    return parts


def _field(lines: list[str]) -> str:
    text = "\n".join(lines)
    if not (found := FIELD.match(text)):
        if lines[0].startswith(" "):  # set apart by its author
            return formula(inspect.cleandoc("\n" + text))
        return prose(text)
    rest = [text[found.end() :].split("\n")[0], *(line.strip() for line in lines[1:])]
    if found[1].startswith(("Formula", "Gradient")):
        return f"**{prose(found[1])}**\n\n{formula(chr(10).join(rest))}"
    return f"**{found[1]}**: {prose(' '.join(rest))}"


# An index of a name of one letter (x_j, Σ_{c, t}), and not a name with an underscore.
INDEX = re.compile(r"(?<!\w)(\w[₀-₉]?)_(?:\{([^{}]*)\}|([A-Za-z0-9]{1,2})(?![A-Za-z0-9_]))")
POWER = re.compile(r"\^(?:\{([^{}]*)\}|\(([^()]*)\)|(-?\w+))")


def formula(text: str) -> str:
    """A formula as its author typed it, with indices and powers where they belong.

    >>> from docs.site.docstrings import formula
    >>> formula("y_i = e^{x_i} / n_in")
    '<pre class="formula">y<sub>i</sub> = e<sup>x<sub>i</sub></sup> / n<sub>in</sub></pre>'
    """
    text = html.escape(ROLE.sub(r"\1", text).replace("``", ""), quote=False)
    text = INDEX.sub(lambda m: f"{m[1]}<sub>{m[2] or m[3]}</sub>", text)
    text = POWER.sub(lambda m: f"<sup>{m[1] or m[2] or m[3]}</sup>", text)
    return f'<pre class="formula">{text}</pre>'
