"""Contracts of CUDA kernels that take several launches, or a choice among kernels.

A plan is called like a kernel, with the kernels of its type before the arguments: ``k["name"]``
launches one of them, ``k.engine.empty`` gives scratch memory. Choices depend on sizes only, so
results do not depend on the card.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["PLANS", "TENSORS", "tensor_tables"]

PLANS: dict[str, Callable[..., None]] = {}
Kernels = Any

SHORT_ROW = 1024  # elements: a warp does a row up to this
BUSY = 528  # blocks that fill a card: four for each multiprocessor of an H200
PART = 4096  # elements, at least, in each part of a sum that is cut for the sake of more blocks
COLUMN = 256  # the same of columns, where eight threads take turns
TILE = 128  # of conv.cu, of products and places
FEW = 8  # channels of a group: fewer of them fill no tile
MOST_Z = 65535  # blocks of a grid along its second and third axis, on any card
STEP = 16  # of conv.cu: the inner dimension is cut at multiples


def plan(run: Callable[..., None]) -> Callable[..., None]:
    """Enter a plan under its name."""
    PLANS[run.__name__] = run
    return run


def _wide(k: Kernels) -> str:
    return "float64" if k.dtype == "float64" else "float32"


def _parts(blocks: int, size: int, least: int = PART) -> int:
    """In how many parts to cut sums of a size, when there are so many blocks of them."""
    return max(1, min(-(-BUSY // max(blocks, 1)), -(-size // least), MOST_Z))


def _by_row(n: int) -> str:
    return "_warps" if n <= SHORT_ROW else "_blocks"


@plan
def softmax(k: Kernels, x: Any, y: Any, outer: int, n: int, inner: int, log: Any) -> None:
    """See softmax.cu."""
    k["softmax" + (_by_row(n) if inner == 1 else "_columns")](x, y, outer, n, inner, log)


@plan
def softmax_backward(
    k: Kernels, g: Any, y: Any, gx: Any, outer: int, n: int, inner: int, log: Any
) -> None:
    """See softmax.cu."""
    form = _by_row(n) if inner == 1 else "_columns"
    k["softmax_backward" + form](g, y, gx, outer, n, inner, log)


@plan
def cross_entropy(k: Kernels, x: Any, classes: Any, y: Any, stats: Any, N: int, C: int) -> None:
    """See softmax.cu."""
    k["cross_entropy" + _by_row(C)](x, classes, y, stats, N, C)


@plan
def cross_entropy_backward(
    k: Kernels, g: Any, x: Any, classes: Any, stats: Any, gx: Any, N: int, C: int
) -> None:
    """See softmax.cu."""
    k["cross_entropy_backward" + _by_row(C)](g, x, classes, stats, gx, N, C)


@plan
def class_rows(k: Kernels, x: Any, *rest: Any) -> None:
    """See softmax.cu."""
    k["class_rows" + _by_row(x.shape[1])](x, *rest)


@plan
def class_gradient(k: Kernels, g: Any, scale: Any, x: Any, *rest: Any) -> None:
    """See softmax.cu."""
    k["class_gradient" + _by_row(x.shape[1])](g, scale, x, *rest)


@plan
def batch_norm(
    k: Kernels, x: Any, w: Any, b: Any, y: Any, mean: Any, invstd: Any, var: Any,
    N: int, C: int, L: int, eps: float, given: Any,
) -> None:  # fmt: skip
    """See norm.cu."""
    sums, parts = None, 0
    if not given:
        columns = L == 1
        parts = _parts(-(-C // 32), N, 256) if columns else _parts(C, N * L)
        sums = k.engine.empty((C, parts, 3), "float64")
        if columns:
            k["batch_sums_columns"](x, sums, N, C, parts)
        else:
            k["batch_sums"](x, sums, N, C, L, parts)
    k["batch_finish"](sums, mean, invstd, var, C, parts, eps, bool(given))
    k["batch_apply"](x, w, b, y, mean, invstd, N * C * L, C, L)


@plan
def batch_norm_backward(
    k: Kernels, g: Any, x: Any, w: Any, mean: Any, invstd: Any, gx: Any, gw: Any, gb: Any,
    N: int, C: int, L: int, given: Any,
) -> None:  # fmt: skip
    """See norm.cu."""
    slopes = None
    if gw is not None or gb is not None or not given:
        columns = L == 1
        parts = _parts(-(-C // 32), N, 256) if columns else _parts(C, N * L)
        sums = k.engine.empty((C, parts, 2), "float64")
        slopes = k.engine.empty((C, 2), _wide(k))
        if columns:
            k["batch_backward_sums_columns"](g, x, mean, sums, N, C, parts)
        else:
            k["batch_backward_sums"](g, x, mean, sums, N, C, L, parts)
        k["batch_backward_finish"](sums, invstd, slopes, gw, gb, C, parts, float(N * L))
    if gx is not None:
        slopes = None if given else slopes
        k["batch_backward_apply"](g, x, w, mean, invstd, slopes, gx, N * C * L, C, L)


@plan
def row_norm(
    k: Kernels, x: Any, w: Any, b: Any, y: Any, mean: Any, invstd: Any, var: Any,
    N: int, G: int, W: int, P: int, eps: float,
) -> None:  # fmt: skip
    """See norm_rows.cu."""
    k["row_norm" + _by_row(W * P)](x, w, b, y, mean, invstd, var, N, G, W, P, eps)


@plan
def row_norm_backward(
    k: Kernels, g: Any, x: Any, w: Any, mean: Any, invstd: Any, gx: Any, gw: Any, gb: Any,
    N: int, G: int, W: int, P: int,
) -> None:  # fmt: skip
    """See norm_rows.cu."""
    if gx is not None:
        k["row_norm_backward" + _by_row(W * P)](g, x, w, mean, invstd, gx, N, G, W, P)
    if gw is None and gb is None:
        return
    columns, weights = P == 1, G * W
    parts = _parts(-(-weights // 32), N, 64) if columns else _parts(weights, N, 8)
    sums = k.engine.empty((parts, 2, weights), _wide(k))
    if columns:
        k["row_norm_weights_columns"](g, x, mean, invstd, sums, N, G, W, parts)
    else:
        k["row_norm_weights_planes"](g, x, mean, invstd, sums, N, G, W, P, parts)
    k["row_norm_weights_finish"](sums, gw, gb, weights, parts)


@plan
def reduce(
    k: Kernels, x: Any, y: Any, outer: int, n: int, inner: int, op: int, scale: float
) -> None:
    """See reduce.cu."""
    if inner == 1 and n <= SHORT_ROW:
        k["reduce_warps"](x, y, outer, n, op, scale)
        return
    blocks = outer if inner == 1 else outer * -(-inner // 32)
    parts = _parts(blocks, n, PART if inner == 1 else COLUMN)
    sums = k.engine.empty((outer, parts, inner), _wide(k)) if parts > 1 else None
    if inner == 1:
        k["reduce_blocks"](x, y, sums, outer, n, parts, op, scale)
    else:
        k["reduce_columns"](x, y, sums, outer, n, inner, parts, op, scale)
    if sums is not None:
        k["reduce_finish"](sums, y, outer, parts, inner, op, scale)


@plan
def add_rows(k: Kernels, *arguments: Any) -> None:
    """See index.cu."""
    k["add_rows" + _form_of_sums(k)](*arguments)


@plan
def add_along(k: Kernels, *arguments: Any) -> None:
    """See index.cu."""
    k["add_along" + _form_of_sums(k)](*arguments)


@plan
def sample_planes_input(k: Kernels, *arguments: Any) -> None:
    """See sample.cu."""
    k["sample_planes_input" + _form_of_sums(k)](*arguments)


def _form_of_sums(k: Kernels) -> str:
    return "_ordered" if k.deterministic else "_atomic"


def _conv_form(rows: int, tensor: bool) -> str:
    return ("_tensor" if tensor else "_plain") + ("_narrow" if rows <= TILE // 2 else "")


def _tensor_cores(k: Kernels) -> bool:
    """16-bit numbers are exact in tensor cores; float32 becomes TF32 only if that is allowed."""
    return k.dtype in ("float16", "bfloat16") or k.allow_tf32


@plan
def conv_forward(k: Kernels, x: Any, w: Any, bias: Any, y: Any, *sizes: int) -> None:
    """See conv.cu."""
    rows = sizes[4] // sizes[13]
    direct = rows < FEW or sizes[13] > MOST_Z
    form = "_direct" if direct else _conv_form(rows, _tensor_cores(k))
    k["conv_forward" + form](x, w, bias, y, *sizes)


@plan
def conv_input(k: Kernels, g: Any, w: Any, bias: Any, gx: Any, *sizes: int) -> None:
    """See conv.cu."""
    rows = sizes[1] // sizes[13]
    direct = rows < FEW or sizes[7] * sizes[8] * sizes[13] > MOST_Z
    form = "_direct" if direct else _conv_form(rows, _tensor_cores(k))
    k["conv_input" + form](g, w, bias, gx, *sizes)


@plan
def conv_weight(k: Kernels, g: Any, x: Any, gw: Any, *sizes: int) -> None:
    """See conv.cu."""
    N, C, _, _, O, kh, kw = sizes[:7]  # noqa: E741
    groups, oh, ow = sizes[13:]
    rows, line, depth = O // groups, C // groups * kh * kw, N * oh * ow
    if rows < FEW or groups > MOST_Z:
        k["conv_weight_direct"](g, x, gw, *sizes)
        return
    tile = TILE // 2 if k.dtype == "float64" else TILE
    height = TILE // 2 if rows <= TILE // 2 else tile
    blocks = groups * -(-rows // height) * -(-line // tile)
    parts = min(_parts(blocks, depth, 32 * STEP), MOST_Z // groups)
    sums = k.engine.empty((parts, O, line), _wide(k)) if parts > 1 else None
    k["conv_weight" + _conv_form(rows, _tensor_cores(k))](g, x, gw, sums, parts, *sizes)
    if sums is not None:
        k["conv_weight_finish"](sums, gw, O * line, parts)


MOST, CHUNK = 64, 4096  # of optim.cu
TENSORS = np.dtype([
    ("count", "<i8"), ("first", "<i8", MOST + 1), ("size", "<i8", MOST), ("p", "<u8", MOST),
    ("g", "<u8", MOST), ("state", "<u8", (3, MOST)),
])  # fmt: skip


def tensor_tables(lists: list[list[Any]], pointer: Callable[[Any], int]) -> list[Any]:
    """Structs for launches that step many tensors: ``lists`` are p, g and up to three of state.

    ``pointer`` gives the address of an array; None in place of one is a null pointer.
    """
    tables = []
    for begin in range(0, len(lists[0]), MOST):
        some = [arrays[begin : begin + MOST] for arrays in lists]
        table = np.zeros((), TENSORS)
        count = len(some[0])
        sizes = np.array([array.size for array in some[0]], np.int64)
        table["count"], table["size"][:count] = count, sizes
        table["first"][1 : count + 1] = np.cumsum(-(-sizes // CHUNK))
        addresses = [[0 if a is None else pointer(a) for a in arrays] for arrays in some]
        table["p"][:count], table["g"][:count] = addresses[0], addresses[1]
        for row, state in enumerate(addresses[2:]):
            table["state"][row, :count] = state
        tables.append(table)
    return tables
