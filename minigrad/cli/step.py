"""``minigrad step``: a program up to one of its backward calls, and that call node by node."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minigrad import Tensor, compat, inspect
from minigrad.cli.errors import CommandError
from minigrad.inspect.naming import names_of, variables

__all__ = ["step_through"]


def step_through(script: Path, arguments: Sequence[str], at: int, page: Path | None) -> int:
    """Run a program to its ``at``-th backward call; show its steps, or write them as a page."""
    if not script.is_file():
        raise CommandError(f"step: there is no file {script}")
    if at < 1:
        raise CommandError(f"--at {at}: expected at least 1")
    stop = _Stop(at, page, script.name)
    own = Tensor.backward
    Tensor.backward = stop.backward_of(own)  # type: ignore[method-assign]
    try:
        code = compat.run(script, arguments)
    finally:
        Tensor.backward = own  # type: ignore[method-assign]
        stop.recording.__exit__(None, None, None)
    if stop.reached < at:
        times = f"{stop.reached} time{'s' * (stop.reached != 1)}"
        raise CommandError(f"{script}: the program called backward {times}, not {at}")
    return code


class _Stop:
    """Takes the place of ``Tensor.backward`` and ends the program at the call that is wanted."""

    def __init__(self, at: int, page: Path | None, title: str) -> None:
        self.at, self.page, self.title, self.reached = at, page, title, 0
        self._record()

    def _record(self) -> None:
        self.recording = inspect.record()
        self.recording.__enter__()

    def backward_of(self, own: Any) -> Any:
        def backward(tensor: Any, gradient: Any = None, *args: Any, **kwargs: Any) -> None:
            self.reached += 1
            self.recording.__exit__(None, None, None)
            if self.reached == self.at:
                self.recording.names = names_of(variables(sys._getframe(1)))
                self._show(tensor, gradient)
                raise SystemExit(0)
            own(tensor, gradient, *args, **kwargs)
            self._record()

        return backward

    def _show(self, tensor: Any, gradient: Any) -> None:
        if self.page is None:
            for step in inspect.steps(tensor, gradient, self.recording):
                print(step)
        else:
            inspect.page(tensor, self.recording, gradient, title=self.title).save(self.page)
            print(f"{self.page}: open it in a browser; the arrow keys go step by step")
