"""Products of matrices on a card: cuBLAS, told all that it needs by one pure function.

CuPy's ``@`` rounds batches of float16 to float32 and back, ignores TF32 in stacks, and refuses to
be captured into a CUDA graph. Here ``cublasGemmStridedBatchedEx`` is called with a handle and a
workspace of our own: one call for a product, transposed factors and broadcast stacks read where
they lie.

cuBLAS counts in columns: what is a matrix of m rows here is its transpose there. So the factors
are exchanged, ``C = A B`` being ``C' = B' A'``; ``plan`` does that and nothing else.
Source: https://docs.nvidia.com/cuda/cublas/#cublasgemmstridedbatchedex
"""

from __future__ import annotations

import ctypes
import importlib
import math
import sys
import threading
from typing import Any, NamedTuple, Protocol

from minigrad.backend.select import xp_of
from minigrad.backends import cuda as switches
from minigrad.settings import get_float32_matmul_precision

__all__ = ["Factor", "Library", "Product", "compute_type", "factor", "matmul", "plan"]

# cudaDataType_t and cublasComputeType_t
TYPES = {"float32": 0, "float64": 1, "float16": 2, "bfloat16": 14}
FLOAT32, FLOAT64, TF32 = 68, 70, 77
WORKSPACE = 32 << 20  # bytes; what NVIDIA recommends for Hopper
PER_THREAD = 2  # cudaStreamPerThread: one name for a stream of each thread
MOST = 2**31 - 1  # what an int of cuBLAS holds


class Factor(NamedTuple):
    """A stack of matrices as cuBLAS sees it: to be transposed or not, two steps in elements."""

    transposed: bool
    leading: int  # from one column to the next
    stack: int  # from one matrix to the next


class Product(NamedTuple):
    """The arguments of a call, in cuBLAS's order and words, less addresses, scales and types."""

    transa: bool
    transb: bool
    m: int
    n: int
    k: int
    lda: int
    stridea: int
    ldb: int
    strideb: int
    ldc: int
    stridec: int
    batch: int


class Library(Protocol):
    """What is called: libcublas, or what stands in for it."""

    def gemm(
        self, call: Product, alpha: float, a: int, b: int, beta: float, c: int, dtype: str,
        compute: int,
    ) -> None:  # fmt: skip
        """cublasGemmStridedBatchedEx on the current stream; a, b, c are addresses."""


def factor(shape: tuple[int, ...], steps: tuple[int, ...], lead: tuple[int, ...]) -> Factor | None:
    """How cuBLAS can read a row-major stack (``steps`` in elements) whose first axes are ``lead``.

    Missing and single axes are read again and again. None if the matrices must be copied first:
    neither their rows nor their columns are without gaps, or the stack has more than one step.

    >>> factor((2, 3), (3, 1), ()), factor((3, 2), (1, 3), ())
    (Factor(transposed=False, leading=3, stack=0), Factor(transposed=True, leading=3, stack=0))
    """
    rows, columns = shape[-2:]
    down, right = steps[-2:]
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        transposed, leading = False, max(down if rows > 1 else columns, columns, 1)
    elif (down == 1 or rows == 1) and (right >= rows or columns == 1):
        transposed, leading = True, max(right if columns > 1 else rows, rows, 1)
    else:
        return None
    stack = _one_step(shape[:-2], steps[:-2], lead)
    if stack is None or leading > MOST:
        return None
    return Factor(transposed, leading, stack)


def _one_step(shape: tuple[int, ...], steps: tuple[int, ...], lead: tuple[int, ...]) -> int | None:
    """The step that visits all matrices of a stack, repeated as ``lead`` says; None without one."""
    missing = len(lead) - len(shape)
    around = [
        (n, 0 if axis < missing or shape[axis - missing] == 1 else steps[axis - missing])
        for axis, n in enumerate(lead)
        if n != 1
    ]
    if not around:
        return 0
    count, step = around[-1]
    inner = step
    for n, outer in reversed(around[:-1]):
        if outer != inner * count:
            return None
        count *= n
    return step


def plan(m: int, n: int, k: int, count: int, a: Factor, b: Factor) -> Product:
    """The call that multiplies stacks (count, m, k) and (count, k, n) into one without gaps.

    >>> plan(2, 4, 3, 1, Factor(False, 3, 0), Factor(False, 4, 0))[:8]
    (False, False, 4, 2, 3, 4, 0, 3)
    """
    return Product(
        b.transposed, a.transposed, n, m, k, b.leading, b.stack, a.leading, a.stack, max(n, 1),
        m * n, count,
    )  # fmt: skip


def compute_type(dtype: str) -> int:
    """What cuBLAS adds up in: float64, float32, or TF32 factors of float32 where that is allowed.

    >>> compute_type("float16") == compute_type("bfloat16") == FLOAT32
    True
    """
    if dtype == "float64":
        return FLOAT64
    allowed = switches.matmul.allow_tf32 or get_float32_matmul_precision() != "highest"
    return TF32 if dtype == "float32" and allowed else FLOAT32


def matmul(a: Any, b: Any, bias: Any = None, out: Any = None) -> Any:
    """``a @ b + bias`` of vectors, matrices or stacks on a card; None where cuBLAS is not asked.

    That is so for other types than the four of floating point, and for sizes that do not fit,
    which are the array module's to judge. ``out``, an array of the result's shape and type without
    gaps that is no factor, is written to.
    """
    if a.dtype.name not in TYPES or b.dtype != a.dtype or not a.ndim or not b.ndim:
        return None
    if a.ndim > 1 and b.ndim > 1:
        return _stacks(a, b, bias, out)
    if bias is not None or out is not None:
        return None
    made = _stacks(a if a.ndim > 1 else a[None], b if b.ndim > 1 else b[:, None])
    if made is None:
        return None
    made = made if b.ndim > 1 else made[..., 0]
    return made if a.ndim > 1 else made[..., 0, :] if b.ndim > 1 else made[0]


def _stacks(a: Any, b: Any, bias: Any = None, out: Any = None) -> Any:
    """The same of matrices or stacks of them."""
    lead = _broadcast(a.shape[:-2], b.shape[:-2])
    (m, k), n = a.shape[-2:], b.shape[-1]
    fits = bias is None or (bias.dtype == a.dtype and bias.shape == (n,))
    if k != b.shape[-2] or lead is None or not fits or max(m, n, k) > MOST:
        return None
    xp, dtype, count = xp_of(a), a.dtype.name, math.prod(lead)
    if out is None:
        out = xp.empty((*lead, m, n), a.dtype)
    if not out.size:
        return out
    if bias is not None or not k:
        out[...] = 0 if bias is None else bias
    if not k:
        return out
    (a, one), (b, two) = (_readable(xp, x, lead) for x in (a, b))
    call = plan(m, n, k, count, one, two)
    beta = 0.0 if bias is None else 1.0
    _library(xp).gemm(
        call, 1.0, b.data.ptr, a.data.ptr, beta, out.data.ptr, dtype, compute_type(dtype)
    )
    return out


def _broadcast(one: tuple[int, ...], two: tuple[int, ...]) -> tuple[int, ...] | None:
    if one == two:
        return one
    if len(one) < len(two):
        one, two = two, one
    two = (1,) * (len(one) - len(two)) + two
    fits = all(i == j or i == 1 or j == 1 for i, j in zip(one, two, strict=True))
    return tuple(j if i == 1 else i for i, j in zip(one, two, strict=True)) if fits else None


def _readable(xp: Any, x: Any, lead: tuple[int, ...]) -> tuple[Any, Factor]:
    """A factor that cuBLAS can read, a copy if need be, and how."""
    size = x.itemsize
    found = factor(x.shape, tuple(step // size for step in x.strides), lead)
    if found is None:
        x = xp.ascontiguousarray(xp.broadcast_to(x, (*lead, *x.shape[-2:])))
        found = factor(x.shape, tuple(step // size for step in x.strides), lead)
        assert found is not None
    return x, found


class CublasError(RuntimeError):
    """cuBLAS refused a call."""


class _Handles:
    """A thread's handles, by card; when it has ended, another thread has them."""

    def __init__(self, free: list[dict[int, Any]]) -> None:
        self.free, self.by_card = free, free.pop() if free else {}

    def __del__(self) -> None:
        self.free.append(self.by_card)


class _Here(threading.local):
    def __init__(self, free: list[dict[int, Any]]) -> None:
        self.handles = _Handles(free)


class Cublas:
    """libcublas by ctypes, with a handle for each card and thread, a workspace for each stream.

    CuPy's own bindings raise while a stream is captured; the library itself does not mind, as long
    as it need not allocate: hence the workspace. Streams run at the same time, so none is shared.
    A workspace is kept for good, as a captured graph may know its address; a new stream has that of
    an old one whose handle it was given.
    """

    def __init__(self, xp: Any, library: Any = None) -> None:
        self.xp = xp
        self._library = _declared(_loaded(xp) if library is None else library)
        self._here = _Here([])
        self._workspaces: dict[tuple[int, int], Any] = {}  # by card and stream

    def gemm(
        self, call: Product, alpha: float, a: int, b: int, beta: float, c: int, dtype: str,
        compute: int,
    ) -> None:  # fmt: skip
        """One call on the current stream."""
        number = ctypes.c_double if dtype == "float64" else ctypes.c_float
        one, other = number(alpha), number(beta)
        kind = TYPES[dtype]
        status = self._library.cublasGemmStridedBatchedEx(
            self._handle(), call.transa, call.transb, call.m, call.n, call.k,
            ctypes.byref(one), a, kind, call.lda, call.stridea, b, kind, call.ldb, call.strideb,
            ctypes.byref(other), c, kind, call.ldc, call.stridec, call.batch, compute, -1,
        )  # fmt: skip
        if status:
            _check(status, f"cublasGemmStridedBatchedEx{tuple(call)} of {dtype}")

    def _handle(self) -> Any:
        """This thread's handle for the current card, set to the current stream."""
        cuda, handles = self.xp.cuda, self._here.handles.by_card
        card, stream = cuda.runtime.getDevice(), cuda.get_current_stream().ptr
        where = (card, stream if stream != PER_THREAD else -threading.get_ident())
        handle, workspace = handles.get(card), self._workspaces.get(where)
        if handle is None:
            handle = ctypes.c_void_p()
            _check(self._library.cublasCreate_v2(ctypes.byref(handle)), "cublasCreate")
            handles[card] = handle
        if workspace is None:
            workspace = self._workspaces.setdefault(where, cuda.alloc(WORKSPACE))
        # In this order: setting a stream takes the workspace away again.
        _check(self._library.cublasSetStream_v2(handle, stream), "cublasSetStream")
        _check(
            self._library.cublasSetWorkspace_v2(handle, workspace.ptr, WORKSPACE),
            "cublasSetWorkspace",
        )
        return handle


def _check(status: int, what: str) -> None:
    if status:
        raise CublasError(f"{what} failed with status {status}")


def _declared(library: Any) -> Any:
    """The library with the types of what it is called with: ctypes converts by them, and fast."""
    whole, wide, address = ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p
    matrix = [address, whole, whole, wide]
    library.cublasCreate_v2.argtypes = [address]
    library.cublasSetStream_v2.argtypes = [address, address]
    library.cublasSetWorkspace_v2.argtypes = [address, address, ctypes.c_size_t]
    library.cublasGemmStridedBatchedEx.argtypes = [
        address, *[whole] * 5, address, *matrix, *matrix, address, *matrix, *[whole] * 3,
    ]  # fmt: skip
    return library


def _loaded(xp: Any) -> Any:
    """The library that CuPy uses: it finds it, we ask for the one that is loaded then.

    By its version: another package of this process, torch for one, may have loaded another. CuPy
    loads it with the module of its own calls, from wherever pip or a toolkit has put it; nothing
    is launched, so a captured step may be the first that asks for it.
    """
    importlib.import_module("cupy_backends.cuda.libs").cublas  # noqa: B018 (asking loads it)
    major = int(xp.cuda.runtime.runtimeGetVersion()) // 1000
    try:
        return ctypes.CDLL(f"libcublas.so.{major}")
    except OSError:
        util = importlib.import_module("ctypes.util")  # which imports much
        found = util.find_library("cublas")
    if found is None:
        raise CublasError("libcublas was not found; python -m pip install 'cupy-cuda13x[ctk]'")
    return ctypes.CDLL(found)


_libraries: dict[Any, Library] = {}


def _library(xp: Any) -> Library:
    """The library that makes the products of an array module's arrays."""
    found = _libraries.get(xp.ndarray)
    if found is None:
        stand_in: Any = sys.modules.get("minigrad.cuda.stand_in")
        if stand_in is not None and xp.ndarray is stand_in.cupy.ndarray:
            made: Library = importlib.import_module("minigrad.cuda.stand_in.blas").Cublas()
        else:
            made = Cublas(xp)
        found = _libraries[xp.ndarray] = made
    return found
