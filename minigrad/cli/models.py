"""``minigrad models``: the zoo as a table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from minigrad.cli.errors import CommandError
from minigrad.vision.models.zoo import ZOO, list_models


def show_models(pattern: str | None = None) -> None:
    """Print name, parameters and usual input of each model whose name fits the pattern."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model")
    table.add_column("parameters", justify="right")
    table.add_column("input", justify="right")
    wanted = pattern.lower() if pattern else None
    if wanted and not set("*?[") & set(wanted):
        wanted = f"*{wanted}*"  # a part of the name will do
    names = list_models(include=wanted)
    for name in names:
        entry = ZOO[name]
        table.add_row(name, f"{entry.parameters:,}", ",".join(map(str, entry.input_size)))
    if not names:
        raise CommandError(f"models: no model fits {pattern}; minigrad models lists all")
    Console(highlight=False).print(table)
