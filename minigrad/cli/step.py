"""``minigrad step``, ``graph`` and ``profile``: a program, looked at while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minigrad import Tensor, compat, inspect
from minigrad.cli.errors import CommandError
from minigrad.inspect.naming import names_of, variables

__all__ = ["draw_graph", "profile", "step_through"]

Show = Callable[[Any, Any, inspect.Recording], None]  # a tensor, its gradient, what was recorded


def step_through(script: Path, arguments: Sequence[str], at: int, page: Path | None) -> int:
    """Run a program to its ``at``-th backward call; show its steps, or write them as a page."""

    def show(tensor: Any, gradient: Any, recording: inspect.Recording) -> None:
        if page is None:
            for step in inspect.steps(tensor, gradient, recording):
                print(step)
        else:
            inspect.page(tensor, recording, gradient, title=script.name).save(page)
            print(f"{page}: open it in a browser; the arrow keys go step by step")

    return _until(script, arguments, at, show)


def draw_graph(script: Path, arguments: Sequence[str], at: int, out: Path | None) -> int:
    """Run a program to its ``at``-th backward call; print its graph, or draw it to a file."""
    writes = {".svg": "svg", ".dot": "dot", ".mmd": "mermaid", ".txt": "__str__"}
    if out is not None and out.suffix not in (".png", *writes):
        known = ", ".join((".png", *writes))
        raise CommandError(f"--out {out}: expected a name that ends in {known}")

    def show(tensor: Any, gradient: Any, recording: inspect.Recording) -> None:
        graph = inspect.graph(tensor, recording)
        if out is None:
            print(graph)
        elif out.suffix == ".png":
            graph.png(out)
        else:
            out.write_text(getattr(graph, writes[out.suffix])(), encoding="utf-8")
        if out is not None:
            print(f"{out}: the graph that loss.backward() goes through")

    return _until(script, arguments, at, show)


def profile(
    script: Path, arguments: Sequence[str], rows: int, trace: Path | None, page: Path | None
) -> int:
    """Run a program; print where its time went, op by op, and write it to files."""
    from minigrad.profiler import profile as profiling

    _must_exist(script)
    with profiling(profile_memory=True) as found:
        code = compat.run(script, arguments)
    print(found.key_averages().table(row_limit=rows))
    if trace is not None:
        found.export_chrome_trace(trace)
    if page is not None:
        found.export_html(page)
    return code


def _must_exist(script: Path) -> None:
    if not script.is_file():
        raise CommandError(f"there is no file {script}")


def _until(script: Path, arguments: Sequence[str], at: int, show: Show) -> int:
    """Run a program to a backward call, and end it with what is shown there."""
    _must_exist(script)
    if at < 1:
        raise CommandError(f"--at {at}: expected at least 1")
    stop = _Stop(at, show)
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

    def __init__(self, at: int, show: Show) -> None:
        self.at, self.show, self.reached = at, show, 0
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
                self.show(tensor, gradient, self.recording)
                raise SystemExit(0)
            own(tensor, gradient, *args, **kwargs)
            self._record()

        return backward
