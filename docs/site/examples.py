"""The programs of the study notes as scripts with what they print.

The programs stand in parity_tests/programs, where they are compared with torch. Here each becomes a
script of its own: the imports and helpers that it uses, and its lines. What a script prints is
kept in docs/examples/NAME.txt, and what it draws in NAME-1.svg and so on.

    python -m docs.site.examples                   # run all, and write what they print and draw
    python -m docs.site.examples NAME              # the same, of one
    python -m docs.site.examples show NAME         # print the script
    python -m docs.site.examples run NAME          # run it, in a folder with small data sets
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import io
import os
import re
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.site import source

FOLDER = Path(__file__).resolve().parents[1] / "examples"
PROGRAMS = "parity_tests/programs"
ROW = re.compile(r"  # (?:(?:[A-Z]\d\d ?)+|fmt: skip)$")

# The pages, each with the files whose programs it shows.
PAGES = {
    "tensors": ("Tensors, tables, linear algebra", ["basics"]),
    "gradients": ("Gradients, activations, initial values", ["gradients"]),
    "thermometer": ("A thermometer: gradients by hand, by autograd, by modules", ["thermometer"]),
    "regression": ("Linear regression and weight decay", ["regression", "book_regression"]),
    "classification": ("Softmax regression", ["softmax", "book_classifiers"]),
    "perceptrons": ("Perceptrons and dropout", ["perceptrons"]),
    "modules": ("Blocks, parameters, files", ["modules"]),
    "convolution": ("Convolution, channels, pooling", ["convolution"]),
    "networks": ("Convolutional networks, LeNet to DenseNet", ["networks", "book_networks"]),
    "images": ("Data sets of images, augmentation, fine-tuning", ["cifar", "augmentation"]),
    "devices": ("Devices and data parallelism", ["devices"]),
    "sequences": ("Sequences, attention, transformers", ["sequences", "book_sequences"]),
}


@dataclass(frozen=True)
class Script:
    """One program of one file."""

    name: str  # 04_autograd
    title: str
    path: str
    text: str


@functools.cache
def scripts() -> dict[str, Script]:
    """Every script, by name."""
    found = {}
    for _, files in PAGES.values():
        for file in files:
            path = f"{PROGRAMS}/{file}.py"
            for node in ast.parse(source.read(path)).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("program_"):
                    name = node.name.removeprefix("program_")
                    title = name[3:].replace("_", " ").capitalize()
                    found[name] = Script(name, title, path, script(path, node))
    return found


def script(path: str, program: ast.FunctionDef) -> str:
    """A program's lines, less what only the tests want, after what they use of their file."""
    lines = [ROW.sub("", line) for line in source.read(path).splitlines()]
    tops = [n for n in ast.parse(source.read(path)).body if not _is_program(n)]
    own = {n.name for n in own_statements(program.body) if _is_definition(n)}
    wanted, used = names_in(program) - own, set[ast.stmt]()
    while new := [n for n in tops if n not in used and defined_by(n) & wanted]:
        used.update(new)
        wanted |= set().union(*map(names_in, new))
    heads = [n for n in tops if n in used]
    parts = ["\n".join(lines[_first(n) - 1 : n.end_lineno]) for n in heads]
    groups = [
        "\n".join(p for p, n in zip(parts, heads, strict=True) if _is_import(n)),
        "\n".join(p for p, n in zip(parts, heads, strict=True) if isinstance(n, ast.Assign)),
        *(p for p, n in zip(parts, heads, strict=True) if _is_definition(n)),
    ]
    body = lines[program.lineno : program.end_lineno]
    for node in own_statements(program.body):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
            for n in range(node.lineno, (node.end_lineno or 0) + 1):
                body[n - program.lineno - 1] = ""
    main = re.sub(r"\n{2,}", "\n\n", textwrap.dedent("\n".join(body)).strip())
    start = "torch.manual_seed(0)" if re.search(r"\btorch\.", main) else ""
    return "\n\n".join(filter(None, [*groups, start, main])) + "\n"


def own_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block and of the blocks in it, but not of functions and classes."""
    for node in body:
        yield node
        if not _is_definition(node):
            for name in ("body", "orelse", "finalbody"):
                yield from own_statements(getattr(node, name, []))


def _is_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("program_")


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef)


def _first(node: ast.stmt) -> int:
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def names_in(node: ast.AST) -> set[str]:
    """The names that it mentions."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def defined_by(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a file defines."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(a.asname or a.name).partition(".")[0] for a in node.names}
    if _is_definition(node):
        return {node.name}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and type(n.ctx) is ast.Store}


@dataclass(frozen=True)
class Played:
    """What a script did."""

    text: str  # what it printed
    figures: list[str]  # what it drew, as SVG


def play(name: str) -> Played:
    """Run a script with minigrad as torch, in a folder of its own with small data sets."""
    import minigrad
    from parity_tests.programs import course
    from parity_tests.programs.running import importer, stands_for

    packages = stands_for(minigrad)
    importing = importer(packages)
    names = {"__name__": "__main__", "__builtins__": {**vars(builtins), "__import__": importing}}
    before, out, figures = Path.cwd(), io.StringIO(), list[str]()
    close_figures()  # what somebody else has left open is none of the script's
    with tempfile.TemporaryDirectory() as folder:
        course.write(Path(folder))
        (Path(folder) / "work").mkdir()
        os.chdir(Path(folder) / "work")
        packages["d2l"].torch.figure_folder("figures")
        minigrad.manual_seed(0)
        try:
            with contextlib.redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(scripts()[name].text, f"{name}.py", "exec"), names)
                figures += drawn()
        finally:
            os.chdir(before)
            close_figures()
    return Played(out.getvalue(), figures)


def close_figures() -> None:
    """Close the figures that are open, if there can be any."""
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def drawn() -> list[str]:
    """The figures that are open, as small SVGs: words stay words, places have one decimal."""
    if "matplotlib.pyplot" not in sys.modules:
        return []
    import matplotlib
    from matplotlib import pyplot

    found = []
    facts = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # nothing that changes by itself
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "minigrad"}):
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            for image in [image for axes in figure.axes for image in axes.images]:
                image.set_interpolation("none")  # the browser enlarges it
            text = io.StringIO()
            figure.savefig(text, format="svg", bbox_inches="tight", metadata=facts)
            found.append(re.sub(r"(?<=\d\.\d)\d+(?=[\s\"])", "", text.getvalue()))
    return list(dict.fromkeys(found))


def kept(name: str) -> str:
    """What it printed when the files were written."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def kept_figures(name: str) -> list[str]:
    """The names of the files of what it drew."""
    return sorted(path.name for path in FOLDER.glob(f"{name}-*.svg"))


def shown(one: Script) -> str:
    """A script with what it prints and draws."""
    parts = [f"## {one.name[:2]} {one.title}\n\n````python\n{one.text}````\n"]
    printed, figures = kept(one.name).rstrip(), kept_figures(one.name)
    if printed:
        parts.append(f"What it prints:\n\n````text\n{printed}\n````\n")
    if figures:
        images = [f"![A figure of program {one.name[:2]}]({path}){{ .figure }}" for path in figures]
        parts.append("What it draws:\n\n" + "\n".join(images) + "\n")
    if len(parts) == 1:
        parts.append("It prints nothing.\n")
    return "\n".join(parts)


def pages() -> Iterator[tuple[str, str]]:
    """Path and content of each page."""
    for page, (title, files) in PAGES.items():
        parts = [f"# {title}\n"]
        for one in scripts().values():
            if Path(one.path).stem in files:
                parts.append(shown(one))
        yield f"examples/{page}.md", "\n".join(parts)


def index() -> str:
    """The list of the pages, for the page about them."""
    rows = []
    for page, (title, files) in PAGES.items():
        names = [
            f"{s.name[:2]} {s.title}" for s in scripts().values() if Path(s.path).stem in files
        ]
        rows.append(f"| [{title}]({page}.md) | {', '.join(names)} |")
    return "| page | programs |\n| --- | --- |\n" + "\n".join(rows)


def main(arguments: list[str]) -> int:
    """The command."""
    if len(arguments) == 2 and arguments[0] in ("run", "show") and arguments[1] in scripts():
        name, wants = arguments[1], arguments[0]
        print(play(name).text if wants == "run" else scripts()[name].text, end="")
        return 0
    if arguments and not set(arguments) <= set(scripts()):
        print(__doc__, "\nNames:", *scripts(), file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    for stale in [*FOLDER.glob("*.txt"), *FOLDER.glob("*.svg")]:
        if not arguments or stale.stem.rpartition("-")[0] in arguments:
            stale.unlink()
    for name in arguments or scripts():
        played = play(name)
        (FOLDER / f"{name}.txt").write_text(played.text, encoding="utf-8")
        for number, figure in enumerate(played.figures, 1):
            (FOLDER / f"{name}-{number}.svg").write_text(figure, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
