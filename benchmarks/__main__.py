"""The command line: ``python -m benchmarks SUITE [--rounds N] [--runs N] [--json FILE]``."""

from benchmarks.environment import pin_threads

pin_threads()  # BLAS reads it when NumPy is imported, and everything below imports NumPy

import argparse  # noqa: E402
import importlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

from benchmarks import actions  # noqa: E402
from benchmarks.environment import Noise, describe, note  # noqa: E402
from benchmarks.report import as_text, save  # noqa: E402

# Each is a module of this package with `add_arguments(parser)` and `measure(options)`.
SUITES = (
    "overhead",
    "ops",
    "limits",
    "conv",
    "kernels",
    "ulps",
    "train",
    "infer",
    "scaling",
    "memory",
    "data",
    "transforms",
)


def parser(asked: str | None) -> argparse.ArgumentParser:
    """One subcommand for each suite, and those that read what suites wrote.

    Of the suites only the one that is asked for is imported; all for an overview.
    """
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = top.add_subparsers(dest="suite", required=True)
    for name in SUITES:
        if asked != name and asked in (*SUITES, *actions.ACTIONS):
            continue
        suite = importlib.import_module(f"benchmarks.{name}")
        summary = (suite.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=summary, description=suite.__doc__)
        command.add_argument("--rounds", type=int, default=suite.ROUNDS, metavar="N")
        command.add_argument("--runs", type=int, default=1, metavar="N", help="fresh processes")
        command.add_argument("--json", type=Path, metavar="FILE", help="write the results here too")
        command.add_argument(
            "--against", type=Path, metavar="FOLDER", help="another checkout, with its kernels "
            "built: run by turns with it, and compared with it; its results go to FILE.against"
        )  # fmt: skip
        suite.add_arguments(command)
    actions.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one suite, print its tables, and write them if asked to; or read what others wrote."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parser(given[0] if given else None).parse_args(given)
    if options.suite in actions.ACTIONS:
        return actions.ACTIONS[options.suite](options)
    if min(options.rounds, options.runs) < 1:
        print("error: --rounds and --runs must be at least 1", file=sys.stderr)
        return 2
    if options.json is not None and not os.access(options.json.absolute().parent, os.W_OK):
        print(f"error: no file can be written at {options.json}", file=sys.stderr)
        return 2
    if options.runs > 1 or options.against is not None:
        return actions.several(options, given)
    noise = Noise()
    try:
        result = importlib.import_module(f"benchmarks.{options.suite}").measure(options)
    except ModuleNotFoundError as error:
        print(f"error: {options.suite} needs {error.name}, which is not installed", file=sys.stderr)
        return 2
    result.noise = noise.data()
    result.notes.append(note(result.noise))
    environment = describe()
    print(as_text(result, environment))
    if options.json is not None:
        save(result, environment, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
