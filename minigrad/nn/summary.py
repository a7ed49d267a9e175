"""What a model consists of, what a forward costs, and what backward will need.

Conventions. A multiply-add counts as one, and only those of matrix products and convolutions count,
as in published tables: a bias, a norm, an activation, a pooling count nothing, nor does what a
``forward`` computes by functions instead of layers. "Saved" are the bytes that the nodes of the
graph keep for backward: each memory block once, at the layer that keeps it first, without
parameters, buffers and the input, which exist anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from minigrad.autograd.modes import enable_grad, no_grad
from minigrad.functions import zeros
from minigrad.inspect.calls import ModuleCall, ModuleCalls
from minigrad.inspect.drawn import size_text
from minigrad.inspect.graph_model import owner, reached, saved_arrays
from minigrad.nn.modules.conv import _ConvNd, _ConvTransposeNd
from minigrad.nn.modules.linear import Bilinear, Linear
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import is_lazy
from minigrad.random import get_rng_state, set_rng_state
from minigrad.tensor import Tensor

__all__ = ["Row", "Summary", "summary"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One call of a module, without what the modules inside of it count for themselves.

    >>> from minigrad.nn.summary import Row
    >>> Row("0", "ReLU", 1, ((2, 3),), 0, 0, 24).kind
    'ReLU'
    """

    name: str  # the path of the module, empty for the model itself
    kind: str  # its class
    depth: int  # how many modules it stands in
    outputs: tuple[Shape, ...]
    parameters: int  # none at a second call
    multiply_adds: int
    saved: int  # bytes


@dataclass(frozen=True)
class Summary:
    """The calls of a forward in their order, and the totals. ``str`` gives a table.

    ``peak`` estimates the bytes of a training step without the optimiser's state: parameters,
    buffers, the input, and at the worst call of backward what the calls before it have saved, the
    gradients of the parameters after it, and the gradients of its output and of its input.

    >>> import minigrad as torch
    >>> from minigrad.nn.summary import summary
    >>> summary(torch.nn.Linear(3, 4), (2, 3)).multiply_adds
    24
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    multiply_adds: int
    parameter_bytes: int
    buffer_bytes: int
    gradient_bytes: int
    input_bytes: int
    saved: int
    peak: int
    unused: tuple[str, ...]  # outermost modules with parameters that were not called

    def folded(self, depth: int) -> Summary:
        """The same with the rows below a depth added to those that they stand in."""
        rows: list[Row] = []
        for row in self.rows:
            if row.depth <= depth:
                rows.append(row)
                continue
            last = rows[-1]
            rows[-1] = replace(
                last,
                parameters=last.parameters + row.parameters,
                multiply_adds=last.multiply_adds + row.multiply_adds,
                saved=last.saved + row.saved,
            )
        return replace(self, rows=tuple(rows))

    def cells(self) -> list[tuple[str, str, str, str, str]]:
        """A line of texts for each row: layer, output, parameters, multiply-adds, saved."""
        return [
            (
                "  " * row.depth + (row.name.rpartition(".")[2] or "model") + f" ({row.kind})",
                ", ".join(str(shape) for shape in row.outputs),
                f"{row.parameters:,}" if row.parameters else "-",
                f"{row.multiply_adds:,}" if row.multiply_adds else "-",
                size_text(row.saved) if row.saved else "-",
            )
            for row in self.rows
        ]

    def totals(self) -> list[tuple[str, str]]:
        """Label and value of each total."""
        found = [
            ("parameters", f"{self.parameters:,} ({self.trainable:,} trainable)"),
            ("multiply-adds", f"{self.multiply_adds:,}"),
            ("memory of parameters", size_text(self.parameter_bytes)),
            ("saved for backward", size_text(self.saved)),
            ("peak of a training step", f"about {size_text(self.peak)}, optimiser not included"),
        ]
        if self.unused:
            found.append(("not called", ", ".join(self.unused)))
        return found

    def __str__(self) -> str:
        table = [("layer", "output", "parameters", "multiply-adds", "saved"), *self.cells()]
        widths = [max(len(line[i]) for line in table) for i in range(5)]
        lines = [
            "  ".join(
                text.ljust(width) if i < 2 else text.rjust(width)
                for i, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        return "\n".join([*lines, "", *(f"{label}: {value}" for label, value in self.totals())])


def summary(
    model: Module,
    input_size: Sequence[int] | Sequence[Sequence[int]] | None = None,
    *,
    inputs: Any = None,
    training: bool = False,
) -> Summary:
    """Run a model once and tell what each of its modules counts.

    ``input_size`` is the shape of a batch of zeros, or a list of shapes for several arguments;
    ``inputs`` (a tensor or a tuple) takes its place for models of something else. Modes, buffers
    and the random stream are left as they were.

    Raises: ValueError without an input, or with both; whatever the model raises for it.

    >>> import minigrad as torch
    >>> from minigrad.nn.summary import summary
    >>> print(summary(torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU()), (2, 3)))
    layer               output  parameters  multiply-adds  saved
    model (Sequential)  (2, 4)           -              -      -
      0 (Linear)        (2, 4)          16             24      -
      1 (ReLU)          (2, 4)           -              -   32 B
    <BLANKLINE>
    parameters: 16 (16 trainable)
    multiply-adds: 24
    memory of parameters: 64 B
    saved for backward: 32 B
    peak of a training step: about 216 B, optimiser not included
    """
    if (input_size is None) == (inputs is None):
        raise ValueError("summary: expected either input_size or inputs")
    arguments = _zeros(model, input_size) if input_size is not None else _tuple(inputs)
    if any(map(is_lazy, (*model.parameters(), *model.buffers()))):
        with _undisturbed(model, training), no_grad():
            model(*arguments)  # lazy layers get their sizes
    facts = _Facts()
    with _undisturbed(model, training), enable_grad(), ModuleCalls(model, facts.note) as calls:
        output = model(*arguments)
    existing = (*model.parameters(), *model.buffers(), *_tensors(arguments))
    facts.charge(output, calls, {id(owner(tensor._array)) for tensor in existing})
    return _totals(model, [facts.of[call] for call in calls.calls], facts.called, arguments)


def _tuple(inputs: Any) -> tuple[Any, ...]:
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)


def _zeros(model: Module, size: Any) -> tuple[Tensor, ...]:
    """Arguments of these shapes, of the model's own dtype and on its device."""
    shapes = size if size and isinstance(size[0], (tuple, list)) else [size]
    like = next((p for p in model.parameters() if p.is_floating_point()), None)
    options: dict[str, Any] = {} if like is None else {"dtype": like.dtype, "device": like.device}
    return tuple(zeros(tuple(shape), **options) for shape in shapes)


class _Facts:
    """What is noted of each call of a module when it ends."""

    def __init__(self) -> None:
        self.of: dict[ModuleCall, dict[str, Any]] = {}
        self.called: set[int] = set()

    def note(self, call: ModuleCall, arguments: Any, output: Any) -> None:
        outputs = list(_tensors(output))
        module = call.module
        own = [] if id(module) in self.called else list(module.parameters(recurse=False))
        self.called.add(id(module))
        self.of[call] = {
            "name": call.path,
            "kind": call.kind,
            "depth": call.depth,
            "outputs": tuple(tuple(tensor.shape) for tensor in outputs),
            "largest": max(map(_bytes, outputs), default=0),
            "gradients": sum(_bytes(p) for p in own if p.requires_grad),
            "parameters": _count(own),
            "multiply_adds": _multiply_adds(module, arguments, output),
            "saved": 0,
        }

    def charge(self, output: Any, calls: ModuleCalls, known: set[int]) -> None:
        """Add what each node of the graph keeps to the innermost call in which it was born."""
        for node in sorted(reached(_tensors(output)), key=lambda node: node.seq):
            call = calls.at(node.seq)
            if call is None:  # older than the forward: it belongs to a leaf
                continue
            for array in saved_arrays(node):
                block = owner(array)
                if id(block) not in known:
                    known.add(id(block))
                    self.of[call]["saved"] += block.nbytes


def _multiply_adds(module: Module, arguments: Any, output: Any) -> int:
    """Those of a layer that is one product of matrices; 0 for any other."""
    if isinstance(module, _ConvTransposeNd):  # each input meets the kernel once
        return int(arguments[0].numel() * prod(module.weight.shape[1:]))
    if isinstance(module, (_ConvNd, Linear, Bilinear)):  # each output is a row of the weight
        return int(output.numel() * prod(module.weight.shape[1:]))
    return 0


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)


def _count(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _bytes(tensor: Tensor) -> int:
    return int(tensor.numel() * tensor.element_size())


def _totals(
    model: Module, calls: list[dict[str, Any]], called: set[int], arguments: tuple[Any, ...]
) -> Summary:
    at_worst = _at_worst(calls)
    rows = tuple(Row(**call) for call in calls)
    parameters = list(model.parameters())
    gradients = sum(_bytes(p) for p in parameters if p.requires_grad)
    memory = {
        "parameter_bytes": sum(map(_bytes, parameters)),
        "buffer_bytes": sum(map(_bytes, model.buffers())),
        "gradient_bytes": gradients,
        "input_bytes": sum(map(_bytes, _tensors(arguments))),
        "saved": sum(row.saved for row in rows),
    }
    return Summary(
        rows,
        _count(parameters),
        _count(p for p in parameters if p.requires_grad),
        sum(row.multiply_adds for row in rows),
        **memory,
        peak=sum(memory.values()) - memory["saved"] - gradients + at_worst,
        unused=tuple(_uncalled(model, called)),
    )


def _at_worst(calls: list[dict[str, Any]]) -> int:
    """What is saved or a gradient when that is most; what only this needs leaves the calls."""
    saved = sum(call["saved"] for call in calls)
    most = gradients = 0
    for call in reversed(calls):
        gradients += call.pop("gradients")
        most = max(most, saved + gradients + 2 * call.pop("largest"))
        saved -= call["saved"]
    return max(most, gradients)


def _uncalled(model: Module, called: set[int]) -> Iterator[str]:
    """The outermost modules with parameters of which no part was called."""
    found: list[str] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(outer + ".") for outer in found)
        parts = {id(part) for part in module.modules()}
        if not inside and not parts & called and any(True for _ in module.parameters()):
            found.append(name)
            yield name


@contextmanager
def _undisturbed(model: Module, training: bool) -> Iterator[None]:
    """Run in one mode; then modes, buffers and the random stream are what they were."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer.clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if not is_lazy(buffer)
    ]
    stream = get_rng_state()
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for module, name, value in buffers:
            getattr(module, name).data.copy_(value)
        set_rng_state(stream)
