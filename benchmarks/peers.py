"""Some of the programs for other engines, as one would write them with each.

tinygrad runs what it has been told when a result is asked for; its kernels are compiled on the
first run, which is not timed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.programs import Run, layers, numbers


def program(library: str, name: str) -> Callable[..., Run]:
    """A program for an engine; LookupError if it has none."""
    found: Callable[..., Run] | None = globals().get(f"_{library}_{name}")
    if found is None:
        raise LookupError(f"no such program is written for {library}")
    return found


def _mygrad_chain(n: int) -> Run:
    mg: Any = importlib.import_module("mygrad")
    x = mg.tensor(numbers(8, seed=0, low=0.99, high=1.01))
    w = mg.tensor(numbers(8, seed=1, low=0.99, high=1.01), constant=True)

    def run() -> list[Any]:
        z = x
        for _ in range(n):
            z = z * w
        z.sum().backward()
        return [x.grad]

    return run


def _mygrad_mlp(batch: int, depth: int, width: int) -> Run:
    mg: Any = importlib.import_module("mygrad")
    relu = importlib.import_module("mygrad.nnet.activations").relu
    x = mg.tensor(numbers(batch, width), constant=True)
    weights = [mg.tensor(w) for w in layers(depth, width)]

    def run() -> list[Any]:
        h = x
        for w in weights:
            h = relu(mg.matmul(h, w))
        loss = (h * h).mean()
        loss.backward()
        return [loss.data, weights[0].grad]

    return run


def _mygrad_elementwise(op: str, n: int) -> Run:
    mg: Any = importlib.import_module("mygrad")
    function = getattr(mg, {"mul": "multiply"}.get(op, op))
    count = 2 if op in ("add", "mul") else 1
    given = [mg.tensor(numbers(n, seed=i)) for i in range(count)]

    def run() -> list[Any]:
        with mg.no_autodiff:
            return [function(*given).data]

    return run


def _autograd_chain(n: int) -> Run:
    autograd: Any = importlib.import_module("autograd")
    x, w = (numbers(8, seed=i, low=0.99, high=1.01) for i in range(2))

    def function(x: Any) -> Any:
        z = x
        for _ in range(n):
            z = z * w
        return z.sum()

    gradient = autograd.grad(function)
    return lambda: [gradient(x)]


def _autograd_mlp(batch: int, depth: int, width: int) -> Run:
    autograd: Any = importlib.import_module("autograd")
    np: Any = importlib.import_module("autograd.numpy")
    x, weights = numbers(batch, width), layers(depth, width)

    def function(weights: Any) -> Any:
        h = x
        for w in weights:
            h = np.maximum(np.dot(h, w), 0)
        return np.mean(h * h)

    both = autograd.value_and_grad(function)

    def run() -> list[Any]:
        loss, gradients = both(weights)
        return [loss, gradients[0]]

    return run


def _tinygrad(array: Any) -> Any:
    return importlib.import_module("tinygrad").Tensor(array).realize()


def _waited(*tensors: Any) -> list[Any]:
    """Compute, and wait until it is done; numbers leave the device only when they are compared."""
    tensors[0].realize(*tensors[1:])
    tinygrad: Any = importlib.import_module("tinygrad")
    tinygrad.Device[tinygrad.Device.DEFAULT].synchronize()
    return [_Result(t) for t in tensors]


class _Result:
    """A tensor of tinygrad's that NumPy can read."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.tensor.numpy()


def _tinygrad_elementwise(op: str, n: int) -> Run:
    count = 2 if op in ("add", "mul") else 1
    given = [_tinygrad(numbers(n, seed=i)) for i in range(count)]
    return lambda: _waited(getattr(given[0], op)(*given[1:]))


def _tinygrad_matmul(n: int) -> Run:
    a, b = (_tinygrad(numbers(n, n, seed=i)) for i in range(2))
    return lambda: _waited(a @ b)


def _tinygrad_mlp(batch: int, depth: int, width: int) -> Run:
    x = _tinygrad(numbers(batch, width))
    weights = [_tinygrad(w) for w in layers(depth, width)]

    def run() -> list[Any]:
        h = x
        for w in weights:
            h = (h @ w).relu()
        loss = (h * h).mean()
        return _waited(loss, loss.gradient(*weights)[0])

    return run
