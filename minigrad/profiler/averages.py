"""Spans put together by name, and shown as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from minigrad.inspect.drawn import size_text
from minigrad.profiler.spans import Span

__all__ = ["Average", "Averages"]


@dataclass
class Average:
    """All spans of one name.

    >>> Average("mul", "forward", count=2, cpu_time_total=3.0).cpu_time
    1.5
    """

    key: str
    kind: str
    count: int = 0
    self_cpu_time_total: float = 0.0  # microseconds, without what lies inside
    cpu_time_total: float = 0.0
    bytes: int = 0
    flops: int = 0
    memory: int = 0  # the most that was alive after one of them
    device_time_total: float = 0.0  # microseconds of a card
    input_shapes: tuple[tuple[int, ...], ...] = field(default=())

    @property
    def cpu_time(self) -> float:
        """Microseconds of one."""
        return self.cpu_time_total / max(self.count, 1)

    @property
    def gigaflops(self) -> float:
        """10^9 floating-point operations a second."""
        return self.flops / self.self_cpu_time_total / 1e3 if self.self_cpu_time_total else 0.0

    @property
    def gigabytes(self) -> float:
        """10^9 bytes a second, read and written."""
        return self.bytes / self.self_cpu_time_total / 1e3 if self.self_cpu_time_total else 0.0


SORTS: dict[str, Callable[[Average], Any]] = {
    "self_cpu_time_total": lambda a: -a.self_cpu_time_total,
    "cpu_time_total": lambda a: -a.cpu_time_total,
    "cpu_time": lambda a: -a.cpu_time,
    "device_time_total": lambda a: -a.device_time_total,
    "count": lambda a: -a.count,
    "flops": lambda a: -a.flops,
    "bytes": lambda a: -a.bytes,
    "key": lambda a: a.key,
}


_LONGEST, _SHAPES = "self_cpu_time_total", "Input Shapes"


class Averages:
    """What ``key_averages`` returns: an iterable with ``table``.

    >>> from minigrad.profiler import Span
    >>> [a.count for a in Averages([Span("mul", "forward", 0, 5, 0)] * 3)]
    [3]
    """

    def __init__(self, spans: Iterable[Span], by_shape: bool = False) -> None:
        self.total = 0.0  # microseconds of all that lies in nothing else
        found: dict[Any, Average] = {}
        for span, own, outer in _with_own(spans):
            shapes = span.shapes if by_shape else ()
            average = found.setdefault((span.name, shapes), Average(span.name, span.kind))
            average.input_shapes = shapes
            average.count += 1
            average.self_cpu_time_total += own / 1e3
            average.cpu_time_total += span.nanoseconds / 1e3
            average.bytes += span.bytes
            average.flops += span.flops
            average.memory = max(average.memory, span.memory)
            average.device_time_total += span.device / 1e3
            self.total += span.nanoseconds / 1e3 if outer else 0.0
        self._averages = list(found.values())

    def __iter__(self) -> Iterator[Average]:
        return iter(self._averages)

    def __len__(self) -> int:
        return len(self._averages)

    def __str__(self) -> str:
        return self.table()

    def table(
        self,
        sort_by: str | None = "self_cpu_time_total",
        row_limit: int = 100,
        max_name_column_width: int = 55,
        limits: Any = None,
    ) -> str:
        """The averages as text.

        ``limits``, as ``profiler.limits.measure()`` gives them, adds how much of the machine's
        speed was reached; what lies in the caches can be faster than memory.

        Raises: ValueError for a column that cannot be sorted by.

        >>> import minigrad as torch
        >>> with torch.profiler.profile() as p:
        ...     y = torch.ones(3).exp()
        >>> [line.split()[0] for line in p.key_averages().table().splitlines()[:2]]
        ['Name', 'exp']
        """
        table = self._cells(sort_by, row_limit, max_name_column_width, limits)
        last = len(table[0]) - 1 if table[0][-1] == _SHAPES else -1
        widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if place in (0, last) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        return "\n".join([*lines, f"Self CPU time total: {_time(self.total)}"])

    def __rich__(self) -> Any:
        """What ``rich.print`` shows: the same table with lines and colours."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        titles, *rows = self._cells(_LONGEST, 100, 55, None)
        table = Table(caption=f"Self CPU time total: {_time(self.total)}", box=SIMPLE_HEAD)
        for title in titles:
            left = title in (titles[0], _SHAPES)
            table.add_column(title, justify="left" if left else "right")
        for row, average in zip(rows, sorted(self, key=SORTS[_LONGEST]), strict=False):
            large = average.self_cpu_time_total > self.total / 10
            table.add_row(*map(Text, row), style="bold" if large else None)
        return table

    def _cells(
        self, sort_by: str | None, row_limit: int, longest: int, limits: Any
    ) -> list[list[str]]:
        """The table as words, with its titles."""
        if sort_by is not None and sort_by not in SORTS:
            raise ValueError(f"table: expected sort_by in {', '.join(SORTS)}, got {sort_by!r}")
        rows = sorted(self, key=SORTS[sort_by]) if sort_by else list(self)
        shaped = any(a.input_shapes for a in rows)
        watched = any(a.memory for a in rows)
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "# of Calls"]
        titles += ["GFLOP/s", "GB/s"]
        on_card = any(a.device_time_total for a in rows)
        titles += ["Device total"] * on_card
        titles += ["of peak"] * (limits is not None) + ["Memory"] * watched
        titles += [_SHAPES] * shaped
        table = [titles]
        for a in rows[:row_limit]:
            line = [
                a.key[:longest],
                f"{a.self_cpu_time_total / self.total:.1%}" if self.total else "-",
                _time(a.self_cpu_time_total),
                _time(a.cpu_time_total),
                _time(a.cpu_time),
                str(a.count),
                f"{a.gigaflops:.1f}" if a.flops else "-",
                f"{a.gigabytes:.1f}" if a.bytes else "-",
            ]
            line += [_time(a.device_time_total)] * on_card
            line += [] if limits is None else [f"{limits.share(a):.0%}"]
            line += [size_text(a.memory)] * watched
            line += [str([list(s) for s in a.input_shapes])] * shaped
            table.append(line)
        return table


def _with_own(spans: Iterable[Span]) -> Iterator[tuple[Span, int, bool]]:
    """Each span with the time that lies in no other inside of it, and whether it lies in none."""
    by_thread: dict[int, list[Span]] = {}
    for span in spans:
        by_thread.setdefault(span.thread, []).append(span)
    for own_spans in by_thread.values():
        order = sorted(own_spans, key=lambda s: (s.began, -s.ended))
        inside = {id(span): 0 for span in order}
        outer: list[Span] = []
        depth = {}
        for span in order:
            while outer and outer[-1].ended <= span.began:
                outer.pop()
            if outer:
                inside[id(outer[-1])] += span.nanoseconds
            depth[id(span)] = len(outer)
            outer.append(span)
        for span in order:
            yield span, span.nanoseconds - inside[id(span)], depth[id(span)] == 0


def _time(microseconds: float) -> str:
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    if microseconds >= 1e3:
        return f"{microseconds / 1e3:.3f}ms"
    return f"{microseconds:.3f}us"
