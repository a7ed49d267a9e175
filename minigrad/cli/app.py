"""The words of the ``minigrad`` command, and how its errors end."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from minigrad.cli.errors import CommandError, reason

# The base of typer's own complaints about a command line. Some versions of typer take it from
# click and others carry it inside; this finds it in both.
_UsageError: Any = typer.BadParameter.__mro__[1]

app = typer.Typer(
    help="minigrad: a tensor and autograd engine on NumPy, with PyTorch's API.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Model(StrEnum):
    """What ``--model`` takes."""

    mlp = "mlp"
    lenet = "lenet"


class OptimizerName(StrEnum):
    """What ``--optimizer`` takes."""

    sgd = "sgd"
    adam = "adam"


@app.callback()
def _root() -> None:
    """minigrad: a tensor and autograd engine on NumPy, with PyTorch's API."""


@app.command("train")
def train_command(
    model: Annotated[Model | None, typer.Option(help="Network to train. [default: lenet]")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data. [default: 15]")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step. [default: 32]")] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="First learning rate, falling to 0. [default: adam 0.003, sgd 0.03]"),
    ] = None,
    optimizer: Annotated[
        OptimizerName | None, typer.Option(help="Rule of the steps. [default: adam]")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda. [default: cpu]")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same numbers. [default: 0]")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run. [default: runs/MODEL, or the next free number]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
) -> None:
    """Train a network on handwritten digits and leave a run folder to look at.

    The folder holds metrics.jsonl, curves.png, predictions.png, graph.svg and a checkpoint. Ctrl-C
    saves and says how to go on; a resumed run gives the very numbers of an unbroken one.
    """
    from minigrad.cli.train import train

    options = {
        "model": model.value if model else None,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "optimizer": optimizer.value if optimizer else None,
        "device": device,
        "seed": seed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    raise typer.Exit(train(given, out, resume))


@app.command(
    "run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True}
)
def run_command(
    script: Annotated[Path, typer.Argument(help="The program.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its own arguments.")] = None,
) -> None:
    """Run a program written for torch, unmodified: its torch and torchvision are minigrad."""
    from minigrad.compat import run as run_script

    if not script.is_file():
        raise CommandError(f"run: there is no file {script}")
    raise typer.Exit(run_script(script, arguments or []))


@app.command("doctor")
def doctor_command() -> None:
    """Say what minigrad finds on this machine, and what is missing."""
    from minigrad.cli.doctor import report

    for line in report():
        print(line)


def run(arguments: list[str]) -> int:
    """Run a command line; every expected mishap is one line on stderr and exit code 2."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except OSError as error:  # files are looked after where they are written: this is the output
        with open(os.devnull, "w") as nowhere:  # or Python would try, and complain, once more
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return _complain(f"cannot write the output: {reason(error)}")


def _run(arguments: list[str]) -> int:
    try:
        code = app(arguments or ["--help"], prog_name="minigrad", standalone_mode=False)
    except CommandError as error:
        return _complain(str(error))
    except _UsageError as error:
        return _complain(f"{' '.join(error.format_message().split())} (see minigrad --help)")
    except (KeyboardInterrupt, typer.Abort):
        print("minigrad: interrupted", file=sys.stderr)
        return 130
    return code if isinstance(code, int) else 0


def _complain(text: str) -> int:
    print(f"minigrad: {text}", file=sys.stderr)
    return 2
