"""How tensors and modules show themselves in a notebook: small tables and trees, in plain HTML.

No script and no style sheet: what is written stays readable on light and dark pages, in an exported
notebook, and where untrusted HTML is stripped of everything but tags.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from minigrad.printing import PrintOptions, words_of

__all__ = ["module_html", "tensor_html"]

EDGE = 6  # rows and columns shown at each end of a table that is cut
MOST = 16  # rows and columns shown of one that is not

_CELL = "text-align:right;padding:1px 6px;font-family:monospace"


def tensor_html(array: Any, title: str, text: str) -> str:
    """A tensor as HTML: its title, and a table shaded by value if it has one or two axes.

    Blue is negative and red positive, as deep as the value is near the largest of its table.
    ``text`` stands for tensors that are no table.

    >>> import minigrad as torch
    >>> torch.tensor([[1.0, -2.0]])._repr_html_().count("<td")
    2
    """
    body = f"<pre>{escape(text)}</pre>"
    if array.ndim in (1, 2) and array.size:
        body = _table(array if array.ndim == 2 else array[None])
    return f"<div><code>{escape(title)}</code>{body}</div>"


def _table(array: Any) -> str:
    rows, columns = (_ends(size) for size in array.shape)
    shown = array[np.ix_([r for r in rows if r is not None], [c for c in columns if c is not None])]
    words = iter(words_of(shown, PrintOptions()))
    shades = iter(_shades(shown))
    lines = []
    for row in rows:
        cells = [
            f'<td style="{_CELL};text-align:center">…</td>'
            if row is None or column is None
            else f'<td style="{_CELL}{next(shades)}">{escape(next(words).strip())}</td>'
            for column in columns
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _ends(size: int) -> list[int | None]:
    """The places of an axis that are shown; None where some are left out."""
    if size <= MOST:
        return list(range(size))
    return [*range(EDGE), None, *range(size - EDGE, size)]


def _shades(shown: Any) -> Iterable[str]:
    """A background for each cell."""
    with np.errstate(invalid="ignore"):
        values = shown.astype(np.float64).ravel()
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    for value in values.tolist():
        if value != value:
            yield ";background:rgba(255,200,0,0.6)"  # NaN is what one looks for
        elif not value or not largest:
            yield ""
        else:
            depth = min(abs(value) / largest, 1.0) * 0.5
            yield f";background:rgba({'220,60,40' if value > 0 else '40,90,220'},{depth:.2f})"


def module_html(module: Any, name: str = "", depth: int = 0) -> str:
    """A module as HTML: a line that opens to its own parameters and its children.

    >>> import minigrad as torch
    >>> "6 parameters" in torch.nn.Linear(2, 2)._repr_html_()
    True
    """
    many = sum(_count(parameter) for parameter in module.parameters())
    line = f"{module._get_name()}({' '.join(module.extra_repr().split())})"
    label = f"({escape(name)}): " if name else ""
    note = f"{many:,} parameter{'' if many == 1 else 's'}" if many else "no parameters"
    head = f"{label}<code>{escape(line)}</code> <small>{note}</small>"
    own = [
        f"<div {_indent(2)}><code>{escape(key)}</code> <small>{_facts(tensor)}</small></div>"
        for key, tensor in module._parameters.items()
        if tensor is not None
    ]
    inner = [
        module_html(child, key, depth + 1)
        for key, child in module._modules.items()
        if child is not None
    ]
    if not own and not inner:
        return f"<div {_indent(1)}>{head}</div>"
    opened = " open" if depth == 0 else ""
    parts = "".join([*own, *inner])
    return f"<details{opened} {_indent(1)}><summary>{head}</summary>{parts}</details>"


def _indent(steps: int) -> str:
    return f'style="margin-left:{1.2 * steps:.1f}em"'


def _count(parameter: Any) -> int:
    """Its number of elements; 0 while a lazy layer does not know its shape."""
    return 0 if _shapeless(parameter) else int(parameter.numel())


def _shapeless(parameter: Any) -> bool:
    return type(parameter).__name__.startswith("Uninitialized")


def _facts(parameter: Any) -> str:
    shape = "no shape yet" if _shapeless(parameter) else f"{tuple(parameter.shape)}"
    return f"{shape} {parameter.dtype.name}{'' if parameter.requires_grad else ', frozen'}"
