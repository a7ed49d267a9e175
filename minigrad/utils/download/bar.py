"""How a download looks on a terminal: rich's bar if it is installed, else one line of text."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

__all__ = ["Bar"]

_EVERY = 0.1  # seconds between two lines


class Bar:
    """Shows the bytes that have come of one file; on anything but a terminal, nothing.

    >>> with Bar("train-images.gz") as bar:
    ...     bar.start(100, 0)
    ...     bar.advance(100)
    """

    def __init__(self, name: str, shown: bool = True) -> None:
        self.name = name
        self.total: int | None = None
        self.done = 0
        self._shown = shown and sys.stderr.isatty()
        self._rich: Any = None
        self._task: Any = None
        self._last = 0.0

    def __enter__(self) -> Bar:
        if self._shown:
            try:
                self._rich = _rich_progress()
            except ImportError:
                return self  # text it is
            self._rich.start()
            self._task = self._rich.add_task(self.name, total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rich is not None:
            self._rich.stop()
        elif self._shown and self._last:
            self._line()
            print(file=sys.stderr)

    def start(self, total: int | None, done: int) -> None:
        """A transfer begins with ``done`` of ``total`` bytes there."""
        self.total, self.done = total, done
        if self._rich is not None:
            self._rich.update(self._task, total=total, completed=done)

    def advance(self, count: int) -> None:
        """More bytes have come."""
        self.done += count
        if self._rich is not None:
            self._rich.advance(self._task, count)
        elif self._shown and time.monotonic() - self._last > _EVERY:
            self._line()

    def _line(self) -> None:
        self._last = time.monotonic()
        share = f" ({self.done / self.total:4.0%})" if self.total else ""
        text = f"\r{self.name}: {self.done / 1e6:.1f} MB{share}"
        print(text, end="", file=sys.stderr, flush=True)


def _rich_progress() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
