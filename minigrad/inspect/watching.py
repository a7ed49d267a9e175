"""Watching a model while it trains: gradients, updates and activations by layer, over the steps."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.inspect.updates import History

__all__ = ["Watch"]


class Watch:
    """Statistics of a model's layers, one row a step.

    For each parameter the norm of its gradient and how far the update moved it, |change| / |value|;
    for each layer the mean, the spread and the share of zeros of what it gives. ``step()`` after
    ``optimizer.step()`` ends a row. ``close()``, or the end of a ``with`` block, removes the hooks.

    >>> import minigrad as torch
    >>> from minigrad import inspect, nn
    >>> net = nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> with inspect.Watch(net) as watch:
    ...     for _ in range(3):
    ...         optimizer.zero_grad(); net(torch.ones(4, 2)).sum().backward(); optimizer.step()
    ...         watch.step()
    >>> watch.series("gradient", "weight")
    [5.656..., 5.656..., 5.656...]
    >>> sorted(watch.names("gradient"))
    ['bias', 'weight']
    """

    def __init__(self, model: Any, activations: bool = True) -> None:
        self.rows: list[dict[tuple[str, str], float]] = []  # (what, name): number
        self._histories = {name: History(p) for name, p in model.named_parameters()}
        for history in self._histories.values():
            history.note()
        self._now: dict[tuple[str, str], float] = {}
        self._handles = [
            module.register_forward_hook(self._noting(name))
            for name, module in model.named_modules()
            if activations and not any(True for _ in module.children())
        ]

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Watch no more; what was seen stays."""
        while self._handles:
            self._handles.pop().remove()

    def _noting(self, name: str) -> Any:
        def note(module: Any, arguments: Any, output: Any) -> None:
            array = getattr(output, "_array", None)
            if array is not None and array.size and array.dtype.kind == "f":
                values = array.astype(np.float64)
                self._now["mean", name] = float(values.mean())
                self._now["spread", name] = float(values.std())
                self._now["zeros", name] = float((values == 0).mean())

        return note

    def step(self) -> None:
        """End a step: note gradients and updates."""
        for name, history in self._histories.items():
            history.note()
            self._now["update", name] = history.updates[-1]
            grad = history.tensor._grad
            if grad is not None:
                flat = grad._array.astype(np.float64).ravel()
                self._now["gradient", name] = float(np.linalg.norm(flat))
        self.rows.append(self._now)
        self._now = {}

    def names(self, what: str) -> list[str]:
        """The parameters or layers that a statistic is known of."""
        return list(dict.fromkeys(n for row in self.rows for w, n in row if w == what))

    def series(self, what: str, name: str) -> list[float]:
        """A statistic over the steps; NaN where it is not known.

        ``what`` is "gradient" or "update" of a parameter, "mean", "spread" or "zeros" of a layer.
        """
        return [row.get((what, name), float("nan")) for row in self.rows]

    def __str__(self) -> str:
        lines = [f"{'':32}{'gradient':>12}{'update':>12}"]
        for name in self.names("update"):
            pair = [self.series(what, name)[-1] for what in ("gradient", "update")]
            lines.append(f"{name:32}" + "".join(f"{value:12.3g}" for value in pair))
        lines.append(f"{'':32}{'mean':>12}{'spread':>12}{'zeros':>12}")
        for name in self.names("mean"):
            three = [self.series(what, name)[-1] for what in ("mean", "spread", "zeros")]
            lines.append(f"{name:32}" + "".join(f"{value:12.3g}" for value in three))
        return "\n".join(lines)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all rows as CSV: step, statistic, name, value."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("step", "statistic", "name", "value"))
            for step, row in enumerate(self.rows):
                writer.writerows((step, what, name, value) for (what, name), value in row.items())

    def plot(
        self,
        path: str | os.PathLike[str] | None = None,
        statistics: Iterable[str] = ("gradient", "update", "spread", "zeros"),
    ) -> Any:
        """Draw the statistics over the steps with matplotlib; the figure, also written to a file.

        Raises: ImportError without matplotlib (``pip install minigrad[cli]``).
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("Watch.plot: needs matplotlib: pip install minigrad[cli]") from error
        kinds = [what for what in statistics if self.names(what)]
        figure = Figure(figsize=(9, 2.6 * len(kinds)), layout="constrained")
        for place, what in enumerate(kinds):
            axes = figure.add_subplot(len(kinds), 1, place + 1)
            for name in self.names(what):
                axes.plot(self.series(what, name), label=name, linewidth=1.2)
            axes.set_ylabel(what)
            if what in ("gradient", "update"):
                axes.set_yscale("log")
            axes.legend(fontsize=6, ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
        if kinds:
            axes.set_xlabel("step")
        if path is not None:
            figure.savefig(os.fspath(path))
        return figure

    def to_tensorboard(self, folder: str | os.PathLike[str]) -> None:
        """Write all rows as TensorBoard's event files.

        Raises: ImportError without tensorboardX (``pip install minigrad[tensorboard]``).
        """
        from minigrad.utils.tensorboard import SummaryWriter

        with SummaryWriter(os.fspath(folder)) as writer:
            for step, row in enumerate(self.rows):
                for (what, name), value in row.items():
                    writer.add_scalar(f"{what}/{name}", value, step)
