"""What is done with results: several runs joined, two compared, reports and the page written."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import TREE, compare
from benchmarks.report import progress, write
from benchmarks.results import BadResult, joined, load, slim
from benchmarks.tables import table_of

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
GPU = {
    "--rehearse": "every step of it on the stand-in, without a card: no figures",
    "--counts": "how many launches training steps take, counted by the stand-in",
}


def add_to(commands: Any) -> None:
    """The subcommands that read results."""
    gpu = commands.add_parser("gpu", help="all that needs a card: right, clean, and how fast")
    for name, what in GPU.items():
        gpu.add_argument(name, action="store_true", help=what)
    one = commands.add_parser("compare", help="name what is slower in AFTER than in BEFORE")
    one.add_argument("before", type=Path)
    one.add_argument("after", type=Path)
    one = commands.add_parser("report", help="write a page with tables and plots")
    one.add_argument("files", type=Path, nargs="+")
    one.add_argument("--html", type=Path, default=Path("report.html"), metavar="FILE")
    one = commands.add_parser("keep", help="keep a result in the repository, for the page")
    one.add_argument("files", type=Path, nargs="+")
    one = commands.add_parser("page", help="write docs/performance.md from what is kept")
    one.add_argument("--check", action="store_true", help="only say whether it is up to date")


def several(options: argparse.Namespace, given: Sequence[str]) -> int:
    """Run a suite several times in fresh processes, by turns with another checkout if asked to."""
    trees = {"": None} if options.against is None else {"": None, ".against": options.against}
    found: dict[str, list[Any]] = {name: [] for name in trees}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        for number in range(options.runs):
            for name in list(trees) if number % 2 == 0 else list(trees)[::-1]:
                progress(f"run {number + 1} of {options.runs}{name}\n")
                command = [sys.executable, "-m", "benchmarks", *_single(given), "--json", str(file)]
                tree = trees[name]
                extra = {} if tree is None else {TREE: str(tree.absolute())}
                done = subprocess.run(
                    command, cwd=ROOT, env={**os.environ, **extra}, stdout=subprocess.DEVNULL
                )
                if done.returncode:
                    return done.returncode
                found[name].append(load(file))
    both = {name: joined(contents) for name, contents in found.items()}
    for name, content in both.items():
        print(table_of(content).text(), *[f"- {n}" for n in content["notes"]], sep="\n")
        if options.json is not None:
            write(content, options.json.with_name(options.json.name + name))
    return 0 if options.against is None else _compared(both[".against"], both[""])


def _single(given: Sequence[str]) -> list[str]:
    """The same command line for one run of this checkout."""
    kept, rest = [], list(given)
    while rest:
        word = rest.pop(0)
        if word in ("--runs", "--against", "--json"):
            rest.pop(0)
        elif not word.startswith(("--runs=", "--against=", "--json=")):
            kept.append(word)
    return kept


def _compared(before: Any, after: Any) -> int:
    """Print what has changed; the exit code is 1 for a regression."""
    try:
        found = compare.changes(before, after)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(compare.table(found).text())
    print(f"- {compare.power(found)}")
    for text in compare.differences(before, after):
        print(f"- {text}")
    return 1 if any(change.verdict == "regression" for change in found) else 0


def _compare(options: argparse.Namespace) -> int:
    return _compared(load(options.before), load(options.after))


def _report(options: argparse.Namespace) -> int:
    from benchmarks import html_page  # which needs matplotlib

    contents = [load(file) for file in options.files]
    options.html.write_text(html_page.page(contents), encoding="utf-8")
    print(f"{options.html}: {len(contents)} results")
    return 0


def _keep(options: argparse.Namespace) -> int:
    RESULTS.mkdir(exist_ok=True)
    for file in options.files:
        content = load(file)
        target = RESULTS / f"{content['suite']}.json"
        write(slim(content), target)
        print(target)
    return 0


def _page(options: argparse.Namespace) -> int:
    from benchmarks import performance

    return performance.write_page(RESULTS, ROOT / "docs", options.check)


def _guarded(action: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """A bad file is one line, not a traceback."""

    def run(options: argparse.Namespace) -> int:
        try:
            return action(options)
        except (BadResult, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2

    return run


def _gpu(options: argparse.Namespace) -> int:
    """The run on a card."""
    from benchmarks import gpu

    return gpu.main([name for name in GPU if getattr(options, name.strip("-"))])


ACTIONS = {
    "gpu": _gpu,
    "compare": _guarded(_compare),
    "report": _guarded(_report),
    "keep": _guarded(_keep),
    "page": _guarded(_page),
}
