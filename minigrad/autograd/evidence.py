"""What a diagnosis is made from: a function at a point, with both of its Jacobians there.

Rows are the elements of an input, columns those of an output.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Diagnosis:
    """A fault: its short name, and what was seen."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}" if self.text else self.name


@dataclass(frozen=True)
class Evidence:
    """A function at one point: its inputs, one output, and both Jacobians of that by each input."""

    inputs: Sequence[Array]
    output: Array
    index: int  # of the input whose Jacobians differ
    found: Sequence[Array]  # by input: what backward gives
    wanted: Sequence[Array]  # by input: what differences give
    uses: int = 1  # how many edges of the graph lead to the input
    parts: Array | None = field(default=None, compare=False)  # the sum of what came along them

    @property
    def got(self) -> Array:
        """The Jacobian that is wrong."""
        return self.found[self.index]

    @property
    def want(self) -> Array:
        """What it should be."""
        return self.wanted[self.index]

    @property
    def off(self) -> Array:
        """By how much it is off."""
        return self.got - self.want

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the input."""
        return tuple(self.inputs[self.index].shape)

    def near(self, one: Array, other: Array) -> bool:
        """Equal, as far as differences can tell."""
        scale = max(1.0, float(np.abs(self.want).max(initial=0.0)))
        return one.shape == other.shape and np.allclose(one, other, 1e-4, 2e-6 * scale)

    def zero(self, values: Array) -> Array:
        """Where values vanish, as far as differences can tell."""
        scale = max(1.0, float(np.abs(self.want).max(initial=0.0)))
        return np.asarray(np.abs(values) < 2e-6 * scale)

    def sizes(self) -> set[int]:
        """Numbers of elements that a sum or mean of this call can run over."""
        shapes = [tuple(a.shape) for a in self.inputs] + [tuple(self.output.shape)]
        products = {int(np.prod(s)) for s in shapes}
        for shape in shapes:
            for count in range(1, len(shape) + 1):
                products |= {int(np.prod(c)) for c in itertools.combinations(shape, count)}
        products |= {a // b for a in products for b in products if b and a % b == 0}
        return products - {0, 1}

    def values(self, rows: Array, columns: Array) -> dict[str, Array]:
        """The numbers that belong to pairs of an element of the input and one of the output."""
        inputs, own = self.inputs, self.index
        found = {"x": inputs[own].reshape(-1)[rows], "out": self.output.reshape(-1)[columns]}
        names = iter("yzuvw")
        for number, array in enumerate(inputs):
            if number == own:
                continue
            name = next(names, "")
            try:
                found[name] = np.broadcast_to(array, self.output.shape).reshape(-1)[columns]
            except ValueError:
                if array.shape == self.shape:
                    found[name] = array.reshape(-1)[rows]
        return found

    def broadcasts(self) -> bool:
        """Whether forward may have broadcast this input to the shape of the output."""
        if self.shape == self.output.shape or self.output.size <= self.want.shape[0]:
            return False
        try:
            return bool(np.broadcast_shapes(self.shape, self.output.shape) == self.output.shape)
        except ValueError:
            return False

    def copies(self) -> int:
        """How often forward has broadcast each element."""
        return int(self.output.size // max(1, self.want.shape[0]))

    def groups(self) -> list[Array]:
        """The elements of the input that share outputs, as the rows of a normalisation do."""
        reached = (~self.zero(self.want)).astype(np.int64)
        linked = reached @ reached.T > 0
        names = np.arange(len(linked))
        while True:
            least = np.where(linked, names, len(names)).min(1, initial=len(names))
            least = np.minimum(least, names)
            if (least == names).all():
                return [np.flatnonzero(names == name) for name in np.unique(names)]
            names = least


Rule = Callable[[Evidence], Iterator[Diagnosis]]


def axis_names(axes: Sequence[int]) -> str:
    """Axes in words.

    >>> axis_names([1]), axis_names([0, 2])
    ('axis 1', 'axes (0, 2)')
    """
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {tuple(axes)}"


__all__ = ["Array", "Diagnosis", "Evidence", "Rule", "axis_names"]
