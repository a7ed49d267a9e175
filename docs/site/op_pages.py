"""A page for each op, from its record, from which tests, stubs and the table come as well."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import minigrad.nn.functional  # noqa: F401 (the registry is filled)
from docs.site import docstrings, source
from docs.site.op_example import Example, example, places_of
from minigrad.autograd.op import Binary, Op, Unary
from minigrad.autograd.record import Record
from minigrad.autograd.registry import REGISTRY
from minigrad.inspect.drawn import size_text

FAMILIES = {
    "elementwise": "functions of numbers",
    "reduction": "many elements to fewer",
    "shape": "the same elements in another shape",
    "indexing": "reading and writing at places",
    "matrix": "products, decompositions, equations",
    "image": "convolution, pooling, resizing",
    "network": "activations, losses, normalisation",
    "creation": "tensors from data and chance",
}


def pages() -> Iterator[tuple[str, str]]:
    """Path and content of each page, and of each graph."""
    for name, record in sorted(REGISTRY.items()):
        worked = example(record)
        if worked and worked.graph:
            yield f"ops/graphs/{name}.svg", worked.graph.svg(f"What {name} leaves for backward")
        yield f"ops/{name}.md", page(record, worked)


def page(record: Record, worked: Example | None) -> str:
    """The Markdown of one op."""
    parts = [
        f"---\ntitle: {record.name}\n---\n\n# `{record.name}`\n",
        f"[Operations](../ops.md) › [{family(record)}](../ops.md#{family(record)})\n",
        f"{docstrings.summary(record.doc)}\n",
        calls(record),
        documentation(record),
        worked_example(record, worked),
        source_of(record),
        *(inner(op) for op in runs(record, worked)[:3]),
        conventions(record),
        cost(record, worked),
        parity(record),
    ]
    return "\n".join(filter(None, parts))


def calls(record: Record) -> str:
    """How it is called, and from where."""
    names = places_of(record)
    shown = re.sub(r": [^,()=]+(\[[^]]*\])?(?= =|,|\))", "", signature(record.function))
    also = [f"`{name}`" for name in names[1:]]
    if record.inplace:
        also.append(f"`torch.Tensor.{record.name}_` (in place)")
    also += [f"`{operator}`" for operator in record.dunder]
    text = f"```python\n{names[0]}{shown}\n```\n" if names else ""
    return text + (f"\nAlso: {', '.join(also)}.\n" if also else "")


def signature(function: Any) -> str:
    """The arguments and their defaults."""
    found = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in found.parameters.values()]
    return str(inspect.Signature(plain))


def documentation(record: Record) -> str:
    """The rest of the docstring."""
    found = REGISTRY[record.name].function.__doc__ or record.doc
    text = docstrings.markdown(found, skip_summary=True)
    head = "Formula and gradient" if "**Formula**" in text else "Definition"
    return f"## {head}\n\n{text}" if text.strip() else ""


def worked_example(record: Record, worked: Example | None) -> str:
    """The session that was run when the site was built."""
    if worked is None:
        return ""
    text = f"## Worked example\n\n```pycon\n{worked.text}\n```\n"
    if worked.graph is None:
        return text
    title = f"The graph that {record.name} leaves for backward"
    return f"{text}\n![{title}](graphs/{record.name}.svg){{ .graph }}\n"


def source_of(record: Record) -> str:
    """The class, or the function that is made of other ops, without its docstring."""
    below, name = place_of(record)
    if name not in source.definitions(below):
        return ""
    kind = "" if record.op else "Made of other ops, without a derivative of its own.\n\n"
    excerpt = source.definition(below, name, docstring=False)
    return f"## Source {{ data-search-exclude }}\n\n{kind}{excerpt.fence()}\n"


def runs(record: Record, worked: Example | None) -> list[type[Op]]:
    """The ops without a page that the example of a composed op leaves for backward."""
    nodes = worked.graph.nodes if worked and worked.graph and record.op is None else []
    ops = [n.node.op for n in nodes if n.node is not None and n.node.op is not None]
    known = [r.op for r in REGISTRY.values()]
    return [op for op in dict.fromkeys(ops) if op not in known]


def inner(op: type[Op]) -> str:
    """An op that users do not call: the source, in which its derivatives stand."""
    path = Path(inspect.getsourcefile(op) or "").resolve().relative_to(source.ROOT).as_posix()
    if op.__qualname__ not in source.definitions(path):
        return ""
    told = docstrings.summary(op.__doc__)
    text = source.definition(path, op.__qualname__, docstring=False).fence()
    return f"It runs `{op.name}`: {told}\n\n{text}\n"


def place_of(record: Record) -> tuple[str, str]:
    """The file that defines it, below the root, and the name there."""
    made: Any = record.op or as_written(record.method)
    path = inspect.getsourcefile(made) or ""
    whole = made.__qualname__ if record.op else made.__code__.co_qualname
    name = whole.partition(".<locals>")[0]  # of one that is made in a function: that function
    return Path(path).resolve().relative_to(source.ROOT).as_posix(), name


def as_written(function: Any) -> Any:
    """The function that its author wrote, behind the fronts that check arguments."""
    while True:
        free = function.__code__.co_freevars
        behind = getattr(function, "__wrapped__", None)
        if "fn" in free and "about" in free:  # see minigrad/autograd/fronts.py
            behind = function.__closure__[free.index("fn")].cell_contents
        if not hasattr(behind, "__code__"):
            return function
        function = behind


@functools.cache
def convention_rows() -> list[list[str]]:
    """The rows of docs/conventions.md."""
    lines = source.read("docs/conventions.md").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if re.match(r"\| .*`\[", line)]


def conventions(record: Record) -> str:
    """What was chosen where mathematics leaves a choice."""
    names = "|".join(map(re.escape, (record.name, *record.aliases)))
    told = re.compile(rf"`({names})\b|x\.({names})\(|\.({names})\(x")
    rows = [row for row in convention_rows() if told.search(row[0] + row[2])]
    kinks = sorted({point for domain in record.domain for point in domain.avoid})
    if not rows and not kinks:
        return ""
    text = "## At kinks and ties\n\n"
    if kinks:
        points = ", ".join(f"{point:g}" for point in kinks)
        text += f"There is no derivative at {points}; checks by differences keep away.\n\n"
    if rows:
        table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
        text += f"| at | x | program | gradient |\n| --- | --- | --- | --- |\n{table}\n\n"
        text += "The same choices as torch's, [tested](../conventions.md).\n"
    return text


def cost(record: Record, worked: Example | None) -> str:
    """What is kept for backward, what runs, and what the benchmarks say."""
    lines = []
    if worked and worked.graph:
        ops = [node for node in worked.graph if node.kind == "op"]
        kept = [f"`{s.name}` of `{n.name}` ({size_text(s.bytes)})" for n in ops for s in n.saved]
        lines.append(f"Recorded in the example: {', '.join(f'`{n.name}`' for n in ops)}.")
        lines.append(f"Kept for backward: {', '.join(kept) or 'no array'}.")
    if record.op is not None:
        lines += wanted(record.op)
        if issubclass(record.op, (Unary, Binary)):
            lines.append("Time and memory are proportional to the number of elements.")
    if record.name in slow():
        ratio, cause = slow()[record.name]
        lines.append(
            f"At some sizes up to {ratio} times torch's time: {cause} "
            "([measured](../performance.md))."
        )
    if not lines:
        return ""
    body = "\n".join(f"- {line}" for line in lines)
    return f"## Cost {{ data-search-exclude }}\n\n{body}\n"


def wanted(op: type[Op]) -> list[str]:
    """Which gradient asks for which saved value."""
    found = []
    for name, arguments in zip(op.saves, op.wanted_by, strict=True):
        by = [f"`{op.inputs[i]}`" for i in arguments if i < len(op.inputs)]
        if by:
            found.append(
                f"`{name}` is kept only where the gradient of {' or '.join(by)} is wanted."
            )
    return found


@functools.cache
def slow() -> dict[str, tuple[str, str]]:
    """The largest ratio to torch's time, and its cause, of the ops that docs/performance.md names.

    Raises: LookupError if that page has no table of causes.
    """
    text = source.read("docs/performance.md")
    table = re.search(r"^\| cause\s.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    if table is None:
        raise LookupError("docs/performance.md has no table that begins with | cause |")
    found = {}
    for row in table[0].splitlines()[2:]:
        cause, ops = row.strip("| ").split(" | ")[:2]
        for name, ratio in re.findall(r"`(\w+)` ([\d.]+)", ops):
            found[name] = (ratio, cause.strip())
    return found


@functools.cache
def statuses() -> dict[str, tuple[str, str]]:
    """Status and tests of each name of docs/parity.md."""
    found, where = {}, ""
    for line in source.read("docs/parity.md").splitlines():
        if line.startswith("## "):
            where = line[3:].strip()
        elif row := re.fullmatch(r"\| `([^`]+)` \| ([a-z ]+) \| (.*) \|", line):
            found[f"{where}.{row[1]}"] = (row[2], row[3])
    return found


def parity(record: Record) -> str:
    """How it is compared with torch."""
    rows = []
    for place in places_of(record):
        if place in statuses():
            status, by = statuses()[place]
            rows.append(f"| `{place}` | {status} | {by} |")
    table = "| name | status | compared by |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n\n"
    samples = len(record.samples_or_default())
    claims = [f"{samples} sample calls" if samples else "no sample calls of its own"]
    if samples:
        claims.append(f"dtypes: {', '.join(record.dtypes)}")
        claims.append(
            "both orders of derivative checked by differences"
            if record.gradcheck
            else "no derivative, or none but zero; that is tested"
        )
    text = f"In the op's record: {'; '.join(claims)}. [All names](../parity.md).\n"
    return "## Parity with torch { data-search-exclude }\n\n" + (table if rows else "") + text


def family(record: Record) -> str:
    """The folder below minigrad/ops that it stands in; what makes numbers counts as creation."""
    found = place_of(record)[0].split("/")[2]
    return found if found in FAMILIES else "creation"


def index() -> str:
    """The rows of docs/ops.md with links, by family."""
    families: dict[str, list[Record]] = {}
    for _, record in sorted(REGISTRY.items()):
        families.setdefault(family(record), []).append(record)
    lines = [
        "# Operations\n",
        f"{len(REGISTRY)} operations, each with a page: formula, gradient, source, an example "
        "worked out when this site was built, its graph, and what is tested.\n",
    ]
    for name, what in FAMILIES.items():
        head = f"## {name.capitalize()}: {what} {{ #{name} }}"
        lines.append(f"{head}\n\n| op | what it does |\n| --- | --- |")
        for record in families[name]:
            lines.append(
                f"| [`{record.name}`](ops/{record.name}.md) | {docstrings.summary(record.doc)} |"
            )
        lines.append("")
    return "\n".join(lines)
