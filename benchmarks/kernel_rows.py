"""What the suite ``kernels`` runs: functions that memory limits, with what they move at least.

A row is a function of one tensor x. What else it needs is made by ``prepare`` before time is taken.
What it moves is counted in parts of x's bytes, read and written once in each pass that it can't do
without: the mean must be known before anything can be scaled by it, so normalising what no cache
holds reads x twice; a row of a softmax stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]
Call = Callable[[Any], Any]
Prepare = Callable[[Any, Shape], Call]


@dataclass(frozen=True)
class Row:
    """A function of one tensor, at a size beyond a core's own caches, at one beyond all, at others.

    ``forward`` and ``backward``: what is moved, in parts of the tensor's size; None: not timed.
    ``small``: the larger shape that is timed in the cache, if not a cut of the last of the shapes.
    """

    name: str
    prepare: Prepare
    shapes: tuple[Shape, ...]
    forward: float = 2.0
    backward: float | None = 3.0
    small: Shape | None = None

    def moved(self, name: str) -> float | None:
        """Of a pass by its name."""
        return self.forward if name == "forward" else self.backward


def _f(name: str, *args: Any, **options: Any) -> Prepare:
    return lambda lib, _: lambda x: getattr(lib.nn.functional, name)(x, *args, **options)


def _method(name: str, *args: Any, **options: Any) -> Prepare:
    return lambda lib, _: lambda x: getattr(x, name)(*args, **options)


def _with_other(call: Callable[[Any, Any], Any], axes: slice = slice(None)) -> Prepare:
    """A function of x and of a second tensor of its shape, or of some of its axes."""

    def prepare(lib: Any, shape: Shape) -> Call:
        other = lib.ones(shape[axes])
        return lambda x: call(x, other)

    return prepare


def _cross_entropy(lib: Any, shape: Shape) -> Call:
    target = lib.arange(shape[0]) * 7919 % shape[1]
    return lambda x: lib.nn.functional.cross_entropy(x, target)


def _batch_norm(training: bool) -> Prepare:
    def prepare(lib: Any, shape: Shape) -> Call:
        running = lib.linspace(-1, 1, shape[1]), lib.linspace(1, 2, shape[1])
        affine = [t.clone() for t in running]
        return lambda x: lib.nn.functional.batch_norm(x, *running, *affine, training)

    return prepare


def _layer_norm(lib: Any, shape: Shape) -> Call:
    w, b = lib.linspace(-1, 1, shape[1]), lib.linspace(1, 2, shape[1])
    return lambda x: lib.nn.functional.layer_norm(x, shape[1:], w, b)


def _rows_of_table(lib: Any, shape: Shape) -> Call:
    index = lib.arange(shape[0]) * 7919 % shape[0]
    return lambda x: lib.nn.functional.embedding(index, x)


def _index_add(lib: Any, shape: Shape) -> Call:
    index, other = lib.arange(shape[0]) * 7919 % shape[0], lib.ones(shape)
    return lambda x: other.index_add_(0, index, x)


def _copy(lib: Any, shape: Shape) -> Call:
    target = lib.ones(shape)
    return target.copy_


def _cat(dim: int) -> Prepare:
    def prepare(lib: Any, shape: Shape) -> Call:
        other = lib.ones(shape)
        return lambda x: lib.cat([x, other], dim)

    return prepare


def _step(kind: str, **options: Any) -> Prepare:
    """A step of an optimiser of one parameter; torch's in its fused form, a pass over memory."""

    def prepare(lib: Any, shape: Shape) -> Call:
        parameter = lib.ones(shape).requires_grad_()
        parameter.grad = lib.full(shape, 0.5)
        fused = {"fused": True} if lib.__name__ == "torch" else {}
        optimizer = getattr(lib.optim, kind)([parameter], lr=1e-3, **options, **fused)

        def step(_: Any) -> Any:
            optimizer.step()
            return parameter.detach()[:1]

        return step

    return prepare


def _from(kind: str) -> Prepare:
    """From half precision or a mask back to float32, of numbers that were made so before."""

    def prepare(lib: Any, shape: Shape) -> Call:
        narrow = (lib.arange(shape[0] * shape[1]) % 2001 - 1000).float().reshape(shape) / 1024
        narrow = narrow > 0 if kind == "bool" else narrow.to(getattr(lib, kind))
        return lambda _: narrow.float()

    return prepare


ACTIVATIONS = ("relu", "leaky_relu", "hardtanh", "sigmoid", "tanh", "silu", "gelu", "softplus")
SQUARE = ((1000, 1000), (4096, 4096))
SIZES = (*SQUARE, (100, 100))
IMAGES = ((32, 64, 32, 32), (64, 64, 64, 64))
MAPS = ((32, 512, 4, 4), (1024, 1024, 4, 4))
SCORES = ((1024, 1000), (16384, 1000), (32, 10))
LINES = ((4096, 768), (16384, 1024), (32, 10))
COLUMNS = ((8, 64, 32, 32), (32, 64, 32, 32))  # nine times as many after im2col
ROWS = (
    *(Row(name, _f(name), SIZES) for name in ACTIVATIONS),
    Row("gelu (tanh)", _f("gelu", approximate="tanh"), SQUARE),
    Row("add", _with_other(lambda x, y: x + y), SIZES, 3, None),
    Row("mul", _with_other(lambda x, y: x * y), SIZES, 3, 3),
    Row("add a row", _with_other(lambda x, y: x + y, slice(1, None)), SQUARE, 2, None),
    Row("relu(x + row)", _with_other(lambda x, y: (x + y).relu(), slice(1, None)), SQUARE, 4, 3),
    Row("dropout", _f("dropout", 0.5), SIZES, 2.03, 2.03),
    Row("batch_norm", _batch_norm(True), IMAGES, 3, 5),
    Row("batch_norm, eval", _batch_norm(False), IMAGES, 2, 2),
    Row("batch_norm 4x4", _batch_norm(True), MAPS, 3, 5),
    Row("batch_norm 4x4, eval", _batch_norm(False), MAPS, 2, 2),
    Row("batch_norm (N, C)", _batch_norm(True), ((1024, 1024), (16384, 1024)), 3, 5),
    Row("layer_norm", _layer_norm, LINES),
    Row("group_norm", _f("group_norm", 8), IMAGES),
    Row("instance_norm", _f("instance_norm"), IMAGES),
    Row("softmax", _f("softmax", 1), SCORES),
    Row("softmax of 64", _f("softmax", 1), ((16384, 64), (262144, 64))),
    Row("softmax of channels", _f("softmax", 1), IMAGES),
    Row("log_softmax", _f("log_softmax", 1), SCORES),
    Row("cross_entropy", _cross_entropy, SCORES, 1, 2),
    Row("max_pool2d 2", _f("max_pool2d", 2), IMAGES, 1.3125, 1.3125),
    Row("max_pool2d 3, stride 2", _f("max_pool2d", 3, 2, 1), IMAGES, 1.3125, 1.3125),
    Row("avg_pool2d 2", _f("avg_pool2d", 2), IMAGES, 1.25, 1.25),
    Row("avg_pool2d 3, stride 2", _f("avg_pool2d", 3, 2, 1), IMAGES, 1.25, 1.25),
    Row("adaptive_avg_pool2d 1", _f("adaptive_avg_pool2d", 1), IMAGES, 1, 1),
    Row("adaptive_avg_pool2d 8", _f("adaptive_avg_pool2d", 8), IMAGES, 1.04, 1.04),
    Row("sum", _method("sum"), (*SQUARE, (2000, 2000)), 1, None),
    Row("sum of columns", _method("sum", 0), SQUARE, 1, None),
    Row("sum of rows", _method("sum", 1), SQUARE, 1, None),
    Row("mean of places", _method("mean", (2, 3)), IMAGES, 1, 1),
    Row("mean of channels", _method("mean", (0, 2, 3)), IMAGES, 1, 1),
    Row("var of rows", _method("var", 1), SQUARE, 1, 2),
    Row("var of columns", _method("var", 0), SQUARE, 2, 2),
    Row("var", _method("var"), SQUARE, 2, 2),
    Row("max of everything", _method("max"), SQUARE, 1, None),
    Row("argmax of rows", _method("argmax", 1), SQUARE, 1, None),
    Row("argmax of columns", _method("argmax", 0), SQUARE, 1, None),
    Row("embedding", _rows_of_table, ((10000, 256), (65536, 256)), 2, 3),
    Row("index_add_", _index_add, ((10000, 256), (65536, 256)), 3, None),
    Row("copy_", _copy, SQUARE, 2, None),
    Row("clone", _method("clone"), SQUARE, 2, None),
    Row(
        "transposed, contiguous",
        lambda lib, _: lambda x: x.t().contiguous(),
        SQUARE,
        2,
        None,
        (256, 256),
    ),
    Row(
        "channels last",
        lambda lib, _: lambda x: x.permute(0, 2, 3, 1).contiguous(),
        IMAGES,
        2,
        None,
        (2, 64, 16, 16),
    ),
    Row("cat of rows", _cat(0), SQUARE, 4, None),
    Row("cat of columns", _cat(1), SQUARE, 4, None),
    Row("SGD", _step("SGD"), SQUARE, 3, None),
    Row("SGD, momentum", _step("SGD", momentum=0.9), SQUARE, 5, None),
    Row("Adam", _step("Adam"), SQUARE, 7, None),
    Row("unfold 3x3 (im2col)", _f("unfold", 3, padding=1), COLUMNS, 10, 10),
    Row(
        "fold 3x3 (col2im)",
        _f("fold", (32, 32), 3, padding=1),
        ((8, 576, 1024), (32, 576, 1024)),
        1.11,
        1.11,
    ),
    Row("to float16", _method("half"), SQUARE, 1.5, None),
    Row("to bfloat16", _method("bfloat16"), SQUARE, 1.5, None),
    Row("from float16", _from("float16"), SQUARE, 1.5, None),
    Row("from bfloat16", _from("bfloat16"), SQUARE, 1.5, None),
    Row("from bool", _from("bool"), SQUARE, 1.25, None),
    Row("x > 0", lambda lib, _: lambda x: x > 0, SQUARE, 1.25, None),
)
