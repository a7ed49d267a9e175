"""What the sides run: each program is one text for minigrad and torch, on any device.

A program is made of a library, a device and sizes, and is a function that returns its results as a
list: what is to be compared before anything is timed. Where nothing is to be recorded, no tensor
wants a gradient: ``no_grad`` around each call would cost torch more than a small op does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import CASES, FIRST, inference, training
from benchmarks.layers import convolution
from benchmarks.libraries import load

LIBRARIES = ("minigrad", "torch")
Run = Callable[[], list[Any]]
SEED = 1


def set_up(lib: Any, threads: int) -> None:
    """Threads, and products in full float32 on a card too."""
    load(lib.__name__)
    lib.set_num_threads(threads)
    if lib.__name__ == "torch":
        lib.backends.cuda.matmul.allow_tf32 = lib.backends.cudnn.allow_tf32 = False


def numbers(*shape: int, seed: int = SEED, low: float = -1.0, high: float = 1.0) -> Any:
    """Float32 numbers that every side draws alike."""
    drawn = np.random.default_rng(seed).random(shape, np.float32)
    return low + (high - low) * drawn


def train(lib: Any, device: str, case: str) -> Run:
    """Steps of training of one of the networks; its results are the first losses."""
    step = training(lib, CASES[case], device)
    first: list[float] = []

    def run() -> list[Any]:
        if not first:
            first.extend(step().item() for _ in range(FIRST))
            return first
        return [step()]

    return run


def infer(lib: Any, device: str, case: str, batch: int) -> Run:
    """What one of the networks says about a batch."""
    look = inference(lib, CASES[case], device, batch)
    return lambda: [look()]


def elementwise(lib: Any, device: str, op: str, n: int) -> Run:
    """An op of one or two tensors of n numbers."""
    function = getattr(lib, op)
    count = 2 if op in ("add", "mul") else 1
    given = [lib.tensor(numbers(n, seed=i), device=device) for i in range(count)]

    return lambda: [function(*given)]


def softmax(lib: Any, device: str, n: int) -> Run:
    """Softmax of rows of 1000 numbers, n in all."""
    x = lib.tensor(numbers(max(1, n // 1000), min(n, 1000), low=-5, high=5), device=device)

    return lambda: [lib.nn.functional.softmax(x, 1)]


def matmul(lib: Any, device: str, n: int) -> Run:
    """A product of two n x n matrices."""
    a, b = (lib.tensor(numbers(n, n, seed=i), device=device) for i in range(2))

    return lambda: [a @ b]


def conv(lib: Any, device: str, n: int) -> Run:
    """A 3x3 convolution of n images 32x32 of 32 channels to 32."""
    x = lib.tensor(numbers(n, 32, 32, 32), device=device)
    w = lib.tensor(numbers(32, 32, 3, 3, seed=2), device=device)

    return lambda: [lib.nn.functional.conv2d(x, w, padding=1)]


def chain(lib: Any, device: str, n: int) -> Run:
    """A graph of n products of 8 numbers, forward and backward."""
    x, w = (lib.tensor(numbers(8, seed=i, low=0.99, high=1.01), device=device) for i in range(2))
    x.requires_grad_()

    def run() -> list[Any]:
        z = x
        for _ in range(n):
            z = z * w
        return list(lib.autograd.grad(z.sum(), [x]))

    return run


def layers(depth: int, width: int) -> list[Any]:
    """The weights of an MLP, scaled so that signals neither vanish nor explode."""
    bound = (6 / width) ** 0.5
    return [numbers(width, width, seed=i, low=-bound, high=bound) for i in range(depth)]


def mlp(lib: Any, device: str, batch: int, depth: int, width: int) -> Run:
    """Forward and backward of an MLP of ``depth`` layers of ``width`` relu units."""
    x = lib.tensor(numbers(batch, width), device=device)
    weights = [lib.tensor(w, device=device).requires_grad_() for w in layers(depth, width)]

    def run() -> list[Any]:
        h = x
        for w in weights:
            h = lib.relu(h @ w)
        loss = (h * h).mean()
        return [loss, *lib.autograd.grad(loss, weights)[:1]]

    return run


def copy(lib: Any, device: str, n: int) -> Run:
    """A copy of n float32 numbers: what the memory can do."""
    x = lib.tensor(numbers(n), device=device)
    return lambda: [x.clone()]


PROGRAMS: dict[str, Callable[..., Run]] = {
    function.__name__: function
    for function in (
        train,
        infer,
        elementwise,
        softmax,
        matmul,
        conv,
        convolution,
        chain,
        mlp,
        copy,
    )
}
