"""Sums over batches, and stop watches.

Source: https://d2l.ai/chapter_linear-regression/linear-regression.html
"""

from __future__ import annotations

import time
from itertools import accumulate
from typing import Any

__all__ = ["Accumulator", "Timer"]


class Accumulator:
    """``n`` running sums; what is added may be a tensor of one element.

    >>> from minigrad import d2l
    >>> metric = d2l.Accumulator(2)
    >>> metric.add(1, 2.5)
    >>> metric.add(1, 2.5)
    >>> metric[0], metric[1]
    (2.0, 5.0)
    """

    def __init__(self, n: int) -> None:
        self.data = [0.0] * n

    def add(self, *args: Any) -> None:
        """Add one number to each sum.

        >>> from minigrad import d2l
        >>> metric = d2l.Accumulator(1)
        >>> metric.add(3)
        >>> metric.data
        [3.0]
        """
        self.data = [total + float(new) for total, new in zip(self.data, args, strict=False)]

    def reset(self) -> None:
        """Begin again from zero.

        >>> from minigrad import d2l
        >>> metric = d2l.Accumulator(1)
        >>> metric.add(3)
        >>> metric.reset()
        >>> metric[0]
        0.0
        """
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index: int) -> float:
        return self.data[index]


class Timer:
    """A stop watch that keeps its times, in seconds; it runs from the moment it is made.

    >>> from minigrad import d2l
    >>> timer = d2l.Timer()
    >>> timer.stop() == timer.times[0]
    True
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        """Begin a time.

        >>> from minigrad import d2l
        >>> d2l.Timer().start()
        """
        self.tik = time.perf_counter()

    def stop(self) -> float:
        """End the time that was begun last, keep it, and return it.

        >>> from minigrad import d2l
        >>> d2l.Timer().stop() >= 0
        True
        """
        self.times.append(time.perf_counter() - self.tik)
        return self.times[-1]

    def avg(self) -> float:
        """The mean of the times.

        >>> from minigrad import d2l
        >>> timer = d2l.Timer()
        >>> timer.times = [1.0, 3.0]
        >>> timer.avg()
        2.0
        """
        return sum(self.times) / len(self.times)

    def sum(self) -> float:
        """All times together.

        >>> from minigrad import d2l
        >>> timer = d2l.Timer()
        >>> timer.times = [1.0, 3.0]
        >>> timer.sum()
        4.0
        """
        return sum(self.times)

    def cumsum(self) -> list[float]:
        """The running total of the times.

        >>> from minigrad import d2l
        >>> timer = d2l.Timer()
        >>> timer.times = [1.0, 3.0]
        >>> timer.cumsum()
        [1.0, 4.0]
        """
        return list(accumulate(self.times))
