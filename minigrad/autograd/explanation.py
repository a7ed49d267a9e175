"""A failed check explained: where, how far, what the steps say, the likely fault, and a test of it.

The error of a difference tells what it is by how it goes with the step: rounding grows as the step
shrinks, truncation shrinks with it, at a kink the slopes from both sides differ, and a wrong
formula stays as wrong as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.autograd.diagnosis import Diagnosis, Evidence, diagnose
from minigrad.autograd.jacobians import Array, Gradients, Point, arrivals
from minigrad.autograd.levels import zeros_like
from minigrad.autograd.tensor_base import TensorBase
from minigrad.errors import GradcheckError, GradientShapeError

FACTORS = (100.0, 10.0, 1.0, 0.1)  # of the step that was asked for
LARGEST = 300  # rows and columns of a Jacobian that is worth taking at further points


class GradientMismatch(GradcheckError):
    """A derivative that is not what differences say; ``diagnosis`` names the likely fault.

    ``point`` is what was checked: the function and its inputs.
    """

    def __init__(self, text: str, diagnosis: Diagnosis, point: Point) -> None:
        super().__init__(text)
        self.diagnosis, self.point = diagnosis, point


@dataclass(frozen=True)
class Mismatch:
    """One pair of Jacobians that differ: of which output, by which input, and what was allowed."""

    point: Point
    output: int
    index: int  # of the input, among those that want a gradient
    found: Sequence[Array]  # of this output, by input
    wanted: Sequence[Array]
    allowed: Array
    step: float
    title: str

    def place(self) -> tuple[int, int]:
        """Row and column where it is worst."""
        off = np.abs(self.found[self.index] - self.wanted[self.index])
        off = np.where(np.isfinite(off), off / np.maximum(self.allowed, 1e-300), np.inf)
        row, column = np.unravel_index(int(off.argmax()), off.shape)
        return int(row), int(column)

    def error(self) -> GradientMismatch:
        """What to raise."""
        table, cause = self.steps()
        fault = cause or self.fault()
        text = "\n".join([self.title, *self.where(), *table, "", f"diagnosis: {fault}", ""])
        return GradientMismatch(text + "\n" + regression_test(self.point), fault, self.point)

    def where(self) -> list[str]:
        """Argument, index, both values and their ratio."""
        row, column = self.place()
        tensor, output = self.point.wanted[self.index], self.point.outputs[self.output]
        here = tuple(int(i) for i in np.unravel_index(row, tensor._array.shape))
        there = tuple(int(i) for i in np.unravel_index(column, output._array.shape))
        got, want = (float(m[self.index][row, column]) for m in (self.found, self.wanted))
        ratio = f"{got / want:.6g}" if want else "none (numerical is 0)"
        return [
            f"worst at input {self.point.places[self.index]}{_at(here)} and output "
            f"{self.output}{_at(there)}:",
            f"  analytical {got:.9g}   numerical {want:.9g}   ratio {ratio}",
        ]

    def steps(self) -> tuple[list[str], Diagnosis | None]:
        """The error over four steps, and what it is if it is no fault of the derivative."""
        row, column = self.place()
        tensor, number = self.point.wanted[self.index], self.output
        here = tuple(int(i) for i in np.unravel_index(row, tensor._array.shape))
        got = float(self.found[self.index][row, column])
        middle = float(self.point.values()[number][column])
        again = float(self.point.values()[number][column])
        if middle != again and not (np.isnan(middle) and np.isnan(again)):
            text = "the function gives other values when it is called again"
            return [], Diagnosis("random function", text)
        lines, errors, gaps = ["  step      numerical       error       right - left"], [], []
        for factor in FACTORS:
            step = self.step * factor
            low, high = (
                float(self.point.moved(tensor, here, s)[number][column]) for s in (-step, step)
            )
            slope, gap = (high - low) / (2 * step), (high - 2 * middle + low) / step
            errors.append(abs(got - slope))
            gaps.append(abs(gap))
            lines.append(f"  {step:<8.0e}  {slope:<14.9g}  {errors[-1]:<10.2e}  {gap:.2e}")
        allowed = float(self.allowed[row, column])
        return lines, _cause(errors, gaps, allowed, abs(middle), self.step)

    def fault(self) -> Diagnosis:
        """What is wrong with the formula: at this point, and at others nearby."""
        zeros = [zeros_like(o.detach()) for o in self.point.outputs]
        for g in self.point.pull(self.point.outputs, zeros):
            if g is not None and np.nan_to_num(g._array).any():
                return Diagnosis("cotangent not used", "a cotangent of zeros gives a gradient")
        exact, step = self.point.in_float64(), self.step
        points = [self.evidence(self.point, self.found, self.wanted)]
        if exact is not self.point and (found := self.at(exact, step := 1e-6)):
            points = [found]
            if found.near(found.got, found.want):
                text = f"it is right in float64, and not in {self.point.wanted[self.index].dtype}"
                return Diagnosis("lower precision", text)
        for seed in (0, 1) if max(self.allowed.shape) <= LARGEST else ():
            other = self.at(exact.elsewhere(np.random.default_rng(seed)), step)
            if other is not None and np.isfinite(points[0].got).all():
                points.append(other)
        with np.errstate(all="ignore"):
            found_fault = diagnose(points)
        if isinstance(self.point.func, Gradients) and found_fault.name == "no gradient":
            text = "backward computes with values that are cut off from the graph"
            return Diagnosis("detached in backward", text)
        if getattr(self.point.func, "lengths", None) and found_fault.name == "constant factor 2":
            return Diagnosis("tie counted twice", "equal values each get the whole gradient")
        return found_fault

    def at(self, point: Point, step: float) -> Evidence | None:
        """The evidence at another point; None if the function has no such derivative there."""
        if len(point.outputs) != len(self.point.outputs):
            return None
        found = point.analytical(point.outputs[self.output])
        wanted = [point.numerical(t, step)[self.output] for t in point.wanted]
        finite = all(np.isfinite(m).all() for m in wanted)
        same = wanted[self.index].shape == self.allowed.shape
        return self.evidence(point, found, wanted) if finite and same else None

    def evidence(self, point: Point, found: Sequence[Array], wanted: Sequence[Array]) -> Evidence:
        """What the diagnosis is made from."""
        output, leaf = point.outputs[self.output], point.wanted[self.index]
        parts = np.zeros(self.allowed.shape)
        uses = 1
        weight = zeros_like(output.detach())
        flat = weight._array.reshape(-1)
        for column in range(flat.size if max(parts.shape) <= LARGEST else 0):
            flat[...] = 0
            flat[column] = 1
            uses, parts[:, column] = arrivals(output, leaf, weight.clone())
        inputs = [t._array.astype(np.float64) for t in point.wanted]
        value = np.asarray(output._array.astype(np.float64))
        return Evidence(inputs, value, self.index, found, wanted, uses, parts)


def _cause(
    errors: Sequence[float], gaps: Sequence[float], allowed: float, size: float, step: float
) -> Diagnosis | None:
    """What the steps say: a kink, rounding, truncation; None if it is the formula."""
    noise = 1e-14 * (1 + size) / step
    if not np.isfinite(errors).all():
        return None
    if gaps[3] > max(200 * noise, allowed) and gaps[3] > 0.5 * gaps[2]:
        text = "the slopes from the left and from the right differ: stay away from this point"
        return Diagnosis("kink", text)
    best = int(np.argmin(errors))
    if errors[1] < 0.3 * errors[2] or (errors[best] <= allowed and best < 2):
        text = f"larger steps agree: the values are too coarse for eps={step:g}"
        return Diagnosis("rounding", text)
    if errors[3] < 0.05 * errors[2] or (errors[best] <= allowed and best > 2):
        text = f"smaller steps agree: the function bends too much for eps={step:g}"
        return Diagnosis("truncation", text)
    return None


def regression_test(point: Point) -> str:
    """A test of this very call, ready to be pasted."""
    func: Any = point.func
    inputs, check = point.inputs, "gradcheck"
    if isinstance(func, Gradients):
        inputs, check = inputs[: len(inputs) - func.count], "gradgradcheck"
        func = func.func
    called = name = _name_of(func)
    if not all(part.isidentifier() for part in name.split(".")):
        called = name = "f"
    names = [f"x{i}" for i in range(len(inputs))]
    lines = [
        "A test of it:",
        "",
        f"def test_gradient_of_{name.removesuffix('.apply').replace('.', '_')}():",
    ]
    code = getattr(func, "__code__", None)
    if called == "f" and code is not None:
        lines.append(f"    # f is the function at {code.co_filename}:{code.co_firstlineno}")
    for own, value in zip(names, inputs, strict=True):
        lines.append(f"    {own} = {_literal(value)}")
    source = getattr(func, "source", None)
    if source is not None:
        called = f"lambda {', '.join(names)}: {source(names)}"
    lines.append(f"    assert torch.autograd.{check}({called}, ({', '.join(names)},))")
    return "\n".join(lines)


def _name_of(func: Any) -> str:
    """What a program calls a function: ``Cube.apply`` of a class by its name."""
    name = str(getattr(func, "__name__", type(func).__name__))
    owner = getattr(func, "__self__", None)
    return f"{owner.__name__}.{name}" if isinstance(owner, type) else name


def of_shapes(got: tuple[int, ...], want: tuple[int, ...]) -> Diagnosis:
    """What is wrong with a gradient of one shape for an input of another."""
    if sorted(got) == sorted(want):
        return Diagnosis("transposed", f"the gradient is {got} for an input of {want}")
    try:
        if np.broadcast_shapes(got, want) == got:
            text = f"sum the gradient {got} back to the {want} that forward broadcast"
            return Diagnosis("missing unbroadcast", text)
    except ValueError:
        pass
    return Diagnosis("wrong shape", f"{got} for an input of {want}")


def shape_fault(error: GradientShapeError) -> GradientShapeError:
    """The engine's error for a gradient of the wrong shape, with what is likely to be wrong."""
    shapes = [
        tuple(int(n) for n in re.findall(r"\d+", part))
        for part in re.findall(r"[\[(]([\d, ]*)[\])]", str(error))
    ]
    fault = of_shapes(*(shapes if len(shapes) == 2 else ((), ())))
    found: Any = GradientShapeError(f"{error}\ndiagnosis: {fault}")
    found.diagnosis = fault
    return found  # type: ignore[no-any-return]


def _literal(value: Any) -> str:
    if not isinstance(value, TensorBase):
        return repr(value)
    tensor: Any = value
    kind = str(tensor.dtype).replace("minigrad.", "torch.")
    wants = ", requires_grad=True" if tensor.requires_grad else ""
    if not tensor.numel():
        return f"torch.zeros({tuple(tensor.shape)}, dtype={kind}{wants})"
    return f"torch.tensor({tensor.tolist()}, dtype={kind}{wants})"


def _at(index: tuple[int, ...]) -> str:
    return f" at {list(index)}" if index else ""


__all__ = ["GradientMismatch", "Mismatch", "of_shapes", "regression_test", "shape_fault"]
