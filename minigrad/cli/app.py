"""The words of the ``minigrad`` command, and how its errors end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from minigrad.cli.errors import CommandError, reason
from minigrad.version import __version__

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


def _version(asked: bool) -> None:
    if asked:
        print(f"minigrad {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """minigrad: a tensor and autograd engine on NumPy, with PyTorch's API."""


def _option(help: str, *names: str) -> Any:
    """An option; what nobody gives stays None, so that a resumed run can fill it in."""
    return typer.Option(*names, help=help)


@app.command("train")
def train_command(
    model: Annotated[
        str | None, _option("Network to train: see minigrad models. [default: lenet]")
    ] = None,
    data: Annotated[
        str | None,
        _option(
            "digits, mnist, fashion-mnist, kmnist, cifar10, cifar100, fake, or a folder that holds "
            "the folders train and test (or val), each with one folder of images a class. "
            "[default: digits]"
        ),
    ] = None,
    root: Annotated[str | None, _option("Where data sets are kept. [default: data]")] = None,
    download: Annotated[
        bool, _option("Fetch the data set if it is not there.", "--download")
    ] = False,
    resize: Annotated[
        int | None,
        _option("Height and width of the images. [default: the data's, or the model's]"),
    ] = None,
    augment: Annotated[
        str | None,
        _option(
            "Random changes, joined by commas: shift, crop, resized-crop, flip, rotate, jitter, "
            "erase; or none. [default: shift for the digits, else none]"
        ),
    ] = None,
    epochs: Annotated[int | None, _option("Passes over the data. [default: 15]")] = None,
    batch_size: Annotated[int | None, _option("Images a step. [default: 32]")] = None,
    optimizer: Annotated[
        str | None,
        _option(
            "Rule of the steps: adam, adamw, sgd, nadam, radam, adamax, rmsprop, adagrad or "
            "adadelta. [default: adam]"
        ),
    ] = None,
    lr: Annotated[
        float | None, _option("Learning rate. [default: by the optimizer; adam 0.003, sgd 0.03]")
    ] = None,
    momentum: Annotated[float | None, _option("Momentum of sgd. [default: 0.9]")] = None,
    weight_decay: Annotated[float | None, _option("Weight decay. [default: 0]")] = None,
    schedule: Annotated[
        str | None,
        _option(
            "How the rate falls: cosine, linear, exponential, steps, onecycle or constant. "
            "[default: cosine]"
        ),
    ] = None,
    warmup: Annotated[int | None, _option("Steps in which the rate rises. [default: 0]")] = None,
    init_from: Annotated[
        str | None, _option("Begin with the weights of a file (.pth) or an https address.")
    ] = None,
    freeze: Annotated[
        bool, _option("Train the last layer only, on top of --init-from.", "--freeze")
    ] = False,
    folds: Annotated[
        int | None, _option("Cross-validation: so many runs, each tested on its own part.")
    ] = None,
    workers: Annotated[int | None, _option("Processes that read images. [default: 0]")] = None,
    device: Annotated[str | None, _option("cpu or cuda. [default: cpu]")] = None,
    seed: Annotated[int | None, _option("Same seed, same numbers. [default: 0]")] = None,
    out: Annotated[
        Path | None, _option("Folder of the run. [default: runs/MODEL, or the next free number]")
    ] = None,
    resume: Annotated[bool, _option("Go on with the run in --out.", "--resume")] = False,
) -> None:
    """Train a network on images and leave a run folder to look at.

    The folder holds metrics.jsonl, curves.png, predictions.png, graph.svg, the weights and a
    checkpoint. Ctrl-C saves and says how to go on; a resumed run gives the very numbers of an
    unbroken one.
    """
    options = dict(locals())
    from minigrad.cli.train import train

    del options["out"], options["resume"]
    given = {name: v for name, v in options.items() if v is not None and v is not False}
    if augment is not None:
        given["augment"] = tuple(word.strip() for word in augment.split(","))
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
    try:
        code = run_script(script, arguments or [])
    except KeyboardInterrupt:  # typer would end without a word
        print("minigrad: interrupted", file=sys.stderr)
        code = 130
    raise typer.Exit(code)


# Their own options may stand behind the program; what they do not know is the program's.
_LOOKING = {"ignore_unknown_options": True}
_Script = Annotated[Path, typer.Argument(help="The program.")]
_Its = Annotated[list[str] | None, typer.Argument(help="Its own arguments.")]
_At = Annotated[int, typer.Option(help="Which call of backward.")]


@app.command("step", context_settings=_LOOKING)
def step_command(
    script: _Script,
    arguments: _Its = None,
    at: _At = 1,
    page: Annotated[
        Path | None, _option("Write a page for a browser to this file. [default: print text]")
    ] = None,
) -> None:
    """Run a program up to a backward call, and show that one node by node."""
    from minigrad.cli.step import step_through

    raise typer.Exit(step_through(script, arguments or [], at, page))


@app.command("graph", context_settings=_LOOKING)
def graph_command(
    script: _Script,
    arguments: _Its = None,
    at: _At = 1,
    out: Annotated[
        Path | None, _option("A file: .svg, .png, .dot, .mmd (Mermaid), .txt. [default: print it]")
    ] = None,
) -> None:
    """Run a program up to a backward call, and draw the graph that it left."""
    from minigrad.cli.step import draw_graph

    raise typer.Exit(draw_graph(script, arguments or [], at, out))


@app.command("profile", context_settings=_LOOKING)
def profile_command(
    script: _Script,
    arguments: _Its = None,
    rows: Annotated[int, typer.Option(help="Lines of the table.")] = 20,
    trace: Annotated[Path | None, _option("Write a trace for Perfetto to this file.")] = None,
    page: Annotated[Path | None, _option("Write a timeline for a browser to this file.")] = None,
) -> None:
    """Run a program, and show where its time went, op by op."""
    from minigrad.cli.step import profile

    raise typer.Exit(profile(script, arguments or [], rows, trace, page))


@app.command("models")
def models_command(
    pattern: Annotated[
        str | None, typer.Argument(help='Only these, for example "resnet*".')
    ] = None,
) -> None:
    """List the models of the zoo with their parameters and usual inputs."""
    from minigrad.cli.models import show_models

    show_models(pattern)


@app.command("summary")
def summary_command(
    model: Annotated[str, typer.Argument(help="A model of the zoo, or file.py:ClassName.")],
    input: Annotated[
        str | None, _option("Size of one input, such as 3,224,224. [default: the model's]")
    ] = None,
    batch: Annotated[int, typer.Option(help="How many inputs.")] = 1,
    depth: Annotated[
        int | None, _option("Join what lies deeper than this. [default: show all]")
    ] = None,
    train: Annotated[bool, _option("Run in training mode.", "--train")] = False,
) -> None:
    """Show a model's layers, their outputs, parameters and multiply-adds, and the memory it needs.

    Only multiply-adds of matrix products and convolutions count, as in published tables. "Saved"
    is what the layer keeps for backward.
    """
    from minigrad.cli.summary import show_summary

    show_summary(model, input, batch, depth, train)


@app.command("doctor")
def doctor_command() -> None:
    """Say what minigrad finds on this machine, and what is missing."""
    from minigrad.cli.doctor import report

    for line in report():
        print(line)


@app.command("cuda-check")
def cuda_check_command(
    file: Annotated[Path, typer.Argument(help="A .cu file, or the name of one of minigrad's own.")],
    dtype: Annotated[
        str, typer.Option(help="What real is: float32, float64, float16 or bfloat16.")
    ] = "float32",
    kernel: Annotated[str | None, _option("Only the tries of this kernel.")] = None,
) -> None:
    """Run a CUDA kernel file on the CPU and look for races, bad accesses and missed barriers.

    The file says what to run: // Try: scale(randn(1000), out(1000), 1000, 2.5)
    """
    from minigrad.cli.cuda_check import check

    raise typer.Exit(check(file, dtype, kernel))


@app.command("mutants")
def mutants_command(
    check: Annotated[
        str | None,
        typer.Argument(
            help="file.py:function, called with a drawn case; fails by an exception. "
            "[default: gradcheck]"
        ),
    ] = None,
    only: Annotated[list[str] | None, _option("Only this one; may be repeated.", "--only")] = None,
    examples: Annotated[int, typer.Option(help="Calls drawn for each.")] = 20,
    stories: Annotated[bool, _option("Only tell what each is.", "--stories")] = False,
) -> None:
    """Run a check over known wrong gradients, and name those that it lets pass."""
    from minigrad.cli.mutants import show_mutants

    raise typer.Exit(show_mutants(check, only or [], examples, stories))


@app.command(
    "parity", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True}
)
def parity_command(
    script: Annotated[Path, typer.Argument(help="A program for torch.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its own arguments.")] = None,
    ulps: Annotated[
        float | None, _option("Forgive no more than this. [default: as assert_close]")
    ] = None,
) -> None:
    """Run a program under minigrad and torch at once, and say where they part.

    Compared is each tensor that a line of the program, or a layer that it calls, makes or writes.
    """
    from minigrad.cli.parity import show_parity

    raise typer.Exit(show_parity(script, arguments or [], ulps))


@app.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(help="What recorded(), or pytest --capsules, wrote.")],
    trust: Annotated[
        bool, _option("Allow code of its author: modules, and functions by name.", "--trust")
    ] = False,
) -> None:
    """Run a failure again that was left in a capsule."""
    from minigrad.cli.replay import show_replay

    raise typer.Exit(show_replay(file, trust))


@app.command(
    "bench",
    add_help_option=False,
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True},
)
def bench_command(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="As for python -m benchmarks; --help lists them.")
    ] = None,
) -> None:
    """Measure minigrad beside torch, and compare results."""
    from minigrad.cli.bench import bench

    raise typer.Exit(bench(arguments or []))


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
