"""``minigrad summary``: what a model consists of and costs, as a table."""

from __future__ import annotations

import importlib.util
import os
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from minigrad import compat, nn
from minigrad.cli.errors import CommandError, reason
from minigrad.nn.summary import Summary, summary
from minigrad.vision.models.zoo import ZOO, get_model, list_models


def show_summary(
    model: str, input_size: str | None, batch: int, depth: int | None, training: bool
) -> None:
    """Print the table of a model of the zoo, or of ``file.py:ClassName``."""
    if batch < 1:
        raise CommandError(f"--batch {batch}: expected at least 1")
    if depth is not None and depth < 0:
        raise CommandError(f"--depth {depth}: expected at least 0")
    given = _size(input_size) if input_size else None
    net, usual = _model(model)
    size = given or usual
    if size is None:
        raise CommandError(f"{model}: give the size of one input, for example --input 3,224,224")
    try:
        found = summary(net, (batch, *size), training=training)
    except Exception as error:
        shape = ",".join(map(str, size))
        raise CommandError(
            f"{model} does not take a batch of {batch} of size {shape}: {reason(error)}"
        ) from error
    _print(found if depth is None else found.folded(depth))


def _size(text: str) -> tuple[int, ...]:
    try:
        size = tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        size = (0,)
    if min(size) < 1:
        raise CommandError(f"--input {text}: expected sizes such as 3,224,224")
    return size


def _model(name: str) -> tuple[nn.Module, tuple[int, ...] | None]:
    """The model, and the size of one input if that is known."""
    if name.lower() in ZOO:
        entry = ZOO[name.lower()]
        # Values do not matter here, and to draw them takes most of the time.
        quick = {k: v for k, v in entry.with_weights.items() if k == "init_weights"}
        return get_model(name, **quick), entry.input_size
    file, colon, attribute = name.rpartition(":")
    if not colon or not attribute:
        raise CommandError(
            f"{name}: expected file.py:ClassName or one of {', '.join(list_models())}"
        )
    return _made(_attribute(_executed(file), file, attribute), name), None


def _executed(file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("minigrad_summary_model", file)
    if not os.path.isfile(file) or spec is None or spec.loader is None:
        raise CommandError(f"{file}: there is no such Python file")
    module = importlib.util.module_from_spec(spec)
    was_installed = compat.installed()
    compat.install()  # a file written for torch will do
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise CommandError(f"{file}: {type(error).__name__}: {reason(error)}") from error
    finally:
        if not was_installed:
            compat.uninstall()
    return module


def _attribute(module: ModuleType, file: str, name: str) -> Any:
    if not hasattr(module, name):
        classes = [
            n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, nn.Module)
        ]
        raise CommandError(f"{file} has no {name}; its models: {', '.join(classes) or 'none'}")
    return getattr(module, name)


def _made(found: Any, name: str) -> nn.Module:
    """A module as it is; a class or a function is called without arguments."""
    if not isinstance(found, nn.Module):
        try:
            found = found()
        except Exception as error:
            raise CommandError(
                f"{name} cannot be made without arguments: {reason(error)}"
            ) from error
    if not isinstance(found, nn.Module):
        raise CommandError(f"{name} is a {type(found).__name__}, not a model")
    return found


def _print(found: Summary) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("layer", "output", "parameters", "multiply-adds", "saved"):
        right = title not in ("layer", "output")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for cells in found.cells():
        table.add_row(*cells)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:  # a file or a pipe has no width to keep to
        console.width = 10_000
    console.print(table)
    console.print()
    for label, value in found.totals():
        console.print(f"{label}: {value}", soft_wrap=True)
