"""The modules of the stand-in: ``cupy``, ``cupyx`` and what minigrad uses of their parts."""

from __future__ import annotations

import contextlib
import functools
import re
import threading
import types
from collections.abc import Callable, Iterator
from importlib import import_module, resources
from importlib.machinery import ModuleSpec
from typing import Any

import numpy as np

from minigrad.cuda.stand_in import cards, operations, streams
from minigrad.cuda.stand_in.arrays import ndarray
from minigrad.cuda.stand_in.calls import run, unwrapped, write
from minigrad.cuda.stand_in.kernels import RawKernel, RawModule
from minigrad.cuda.stand_in.rules import (
    BY_LIBRARY,
    CHECKS,
    WAITING,
    WIDE,
    need_no_capture,
    widened,
)

__all__ = ["modules"]

# The types for which a card has the atomic operation behind `ufunc.at`.
_WHOLE = "int32 int64 uint32 uint64"
_AT = {
    "add": f"{_WHOLE} float16 float32 float64", "subtract": "int32 uint32",
    "maximum": f"{_WHOLE} float32 float64", "minimum": f"{_WHOLE} float32 float64",
    "bitwise_and": _WHOLE, "bitwise_or": _WHOLE, "bitwise_xor": _WHOLE,
}  # fmt: skip
_NAMES = (
    "float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 intp bool_ bool "
    "complex64 complex128 dtype generic number integer floating inexact signedinteger "
    "unsignedinteger complexfloating finfo iinfo broadcast_shapes result_type can_cast "
    "promote_types issubdtype pi e inf nan newaxis isscalar index_exp s_"
)


class Ufunc:
    """A function of numbers, with what CuPy's have: ``out``, ``dtype``, ``casting``, ``where``."""

    def __init__(self, function: np.ufunc) -> None:
        self.function, self.__name__ = function, function.__name__
        self.nin, self.nout = function.nin, function.nout

    def __call__(self, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        wrong = kwargs.keys() - {"dtype", "casting", "where"}
        if wrong:
            raise TypeError(f"Wrong arguments {wrong}")
        for value in args:
            if not isinstance(value, (ndarray, *operations.SCALARS)):
                raise TypeError(f"Unsupported type {type(value)}")
        if self.__name__ in BY_LIBRARY:
            need_no_capture(*args)
        if out is None:
            return run(self.function, args, kwargs, order="C")
        (out,) = out if isinstance(out, tuple) else (out,)
        if not isinstance(out, ndarray):
            raise TypeError("return arrays must be of ArrayType")
        write(lambda *a, **k: self.function(*a, out=out._a, **k), out, args, kwargs)
        return out

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        """Apply it at places, one after another where a place comes twice."""
        if self.__name__ not in _AT:
            raise NotImplementedError(f"`{self.__name__}.at` is not supported yet")
        known = _AT[self.__name__]
        if a.dtype.name not in known.split():
            raise TypeError(
                f"cupy.{self.__name__}.at only supports {known.replace(' ', ', ')} as data type"
            )
        write(self.function.at, a, (a, indices, b))

    def reduce(
        self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        """Apply it between all elements of an axis."""
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"`{self.__name__}.reduce` is not supported yet")
        return run(self.function.reduce, (array, axis, dtype, out, keepdims))

    def accumulate(self, array: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        """Apply it to ever more elements of an axis."""
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"`{self.__name__}.accumulate` is not supported yet")
        return run(self.function.accumulate, (array, axis, dtype, out))

    def outer(self, A: Any, B: Any, **kwargs: Any) -> Any:
        """Apply it to all pairs."""
        return run(self.function.outer, (A, B), kwargs)


def _function(name: str, function: Callable[..., Any], text: str) -> Callable[..., Any]:
    """A function of NumPy that takes what CuPy's takes."""
    by_place, _, by_name = text.partition("*, ")
    places = [p.strip() for p in by_place.split(",") if p.strip()]
    open_ended = any(p.startswith("*") for p in places)
    known = {p.rstrip("=") for p in (*places, *by_name.split(", ")) if p}
    if name in WIDE:
        function = widened(function)
    waiting, check, library = name in WAITING, CHECKS.get(name), name in BY_LIBRARY

    def call(*args: Any, **kwargs: Any) -> Any:
        if check is not None:
            check(*args, **kwargs)
        if library:
            need_no_capture(*args)
        if len(args) > len(places) and not open_ended:
            raise TypeError(f"{name}() takes at most {len(places)} arguments ({len(args)} given)")
        wrong = kwargs.keys() - known
        if wrong and "**kwargs" not in known:
            raise TypeError(f"{name}() got an unexpected keyword argument '{wrong.pop()}'")
        if waiting:
            cards.waits(name)
        out = kwargs.pop("out", None)
        if out is None:
            return run(function, args, kwargs)
        write(lambda *a, **k: function(*a, out=out._a, **k), out, args, kwargs)
        return out

    call.__name__ = call.__qualname__ = name
    return call


def _sections() -> Iterator[tuple[str, dict[str, str]]]:
    """Of each section of the file its functions: ``ufunc`` or the arguments."""
    text = (resources.files(__package__) / "cupy_api.txt").read_text("utf-8")
    for title, body in re.findall(r"^\[(\S+)\]\n((?:(?!\[).*\n)*)", text, re.MULTILINE):
        found: dict[str, str] = {}
        for line in body.splitlines():
            match = re.fullmatch(r"(\w+)\((.*)\)", line)
            names = {match[1]: match[2]} if match else dict.fromkeys(line.split(), "ufunc")
            found.update(names)
        found.pop("ufuncs", None)
        yield title, found


def _filled(module: types.ModuleType, source: Any, functions: dict[str, str]) -> None:
    for name, text in functions.items():
        there = getattr(source, name)
        if isinstance(there, np.ufunc):
            setattr(module, name, Ufunc(there))
        else:
            arguments = "*args" if text == "ufunc" else text
            setattr(module, name, _function(name, there, arguments))


def _copyto(dst: ndarray, src: Any, casting: str = "same_kind", where: Any = None) -> None:
    mask = {} if where is None else {"where": where}
    write(
        lambda d, s, **k: np.copyto(d, s, casting, **k),  # type: ignore[arg-type]
        dst, (dst, src), mask,
    )  # fmt: skip


def _overlap(a: Any, b: Any, *_: Any) -> bool:
    return isinstance(a, ndarray) and isinstance(b, ndarray) and np.may_share_memory(a._a, b._a)


def _by_hand() -> dict[str, Any]:
    """What is not NumPy's function with other arguments."""
    return {
        "ndarray": ndarray, "array": operations.array, "asarray": operations.asarray,
        "asanyarray": operations.asarray, "ascontiguousarray": operations.packed,
        "empty": operations.empty, "empty_like": operations.empty_like, "copyto": _copyto,
        "asfortranarray": lambda a, dtype=None: run(np.asfortranarray, (a, dtype)),
        "copy": lambda a, order="K": run(lambda x: x.copy(order), (a,)),
        "nan_to_num": lambda x, copy=True, nan=0.0, posinf=None, neginf=None: run(
            np.nan_to_num, (x, True, nan, posinf, neginf)
        ),
        "nonzero": _function("nonzero", np.nonzero, "a"),
        "flatnonzero": _function("flatnonzero", np.flatnonzero, "a"),
        "argwhere": _function("argwhere", np.argwhere, "a"),
        "bincount": _function("bincount", np.bincount, "x, weights=, minlength="),
        "unique": _function(
            "unique", np.unique,
            "ar, return_index=, return_inverse=, return_counts=, axis=, *, equal_nan=",
        ),
        "putmask": lambda a, mask, values: write(np.putmask, a, (a, mask, values)),
        "place": lambda arr, mask, vals: write(np.place, arr, (arr, mask, vals)),
        "put": lambda a, ind, v, mode="wrap": write(np.put, a, (a, ind, v, mode)),
        "put_along_axis": lambda arr, indices, values, axis: write(
            np.put_along_axis, arr, (arr, indices, values, axis)
        ),
        "fill_diagonal": lambda a, val, wrap=False: write(np.fill_diagonal, a, (a, val, wrap)),
        "broadcast_arrays": _broadcast,
        "shares_memory": _overlap, "may_share_memory": _overlap,
        "shape": lambda a: np.shape(a._a if isinstance(a, ndarray) else a),
        "ndim": lambda a: np.ndim(a._a if isinstance(a, ndarray) else a),
        "size": lambda a: np.size(a._a if isinstance(a, ndarray) else a),
        "asnumpy": lambda a, stream=None, order="C", out=None, *, blocking=True: (
            a.get(stream, order, out, blocking) if isinstance(a, ndarray) else np.asarray(a)
        ),
        "get_array_module": lambda *args: (
            modules()["cupy"] if any(isinstance(a, ndarray) for a in args) else np
        ),
        "is_available": lambda: len(cards.pools) > 0,
        "get_default_memory_pool": cards.MemoryPool,
        "RawModule": RawModule, "RawKernel": RawKernel,
    }  # fmt: skip


def _cuda() -> types.ModuleType:
    module = types.ModuleType("cupy.cuda")
    module.__dict__.update(
        Device=cards.Device,
        Stream=streams.Stream,
        ExternalStream=streams.external,
        Event=streams.Event,
        Graph=streams.Graph,
        MemoryPool=cards.OwnPool,
        get_current_stream=streams.current,
        get_elapsed_time=streams.get_elapsed_time,
        is_available=lambda: len(cards.pools) > 0,
        runtime=cards.runtime,
        memory=types.SimpleNamespace(OutOfMemoryError=cards.OutOfMemoryError),
        set_allocator=cards.set_allocator,
        using_allocator=cards.using_allocator,
        get_allocator=cards.get_allocator,
        nvtx=types.SimpleNamespace(
            available=True,
            Mark=lambda message, id_color=-1: None,
            RangePush=lambda message, id_color=-1: None,
            RangePop=lambda: None,
        ),
    )
    return module


def _broadcast(*args: ndarray) -> list[ndarray]:
    shape = np.broadcast_shapes(*(a.shape for a in args))
    return [run(np.broadcast_to, (a, shape)) for a in args]


def _strided(x: ndarray, shape: Any = None, strides: Any = None) -> Any:
    unwrapped(x, [])
    view = np.lib.stride_tricks.as_strided(x._a, shape, strides)
    return ndarray._of(view, x._block, x if x.base is None else x.base)


def _windows(x: ndarray, window_shape: Any, axis: Any = None) -> Any:
    unwrapped(x, [])
    view = np.lib.stride_tricks.sliding_window_view(x._a, window_shape, axis)
    return ndarray._of(view, x._block, x if x.base is None else x.base)


class PinnedMemoryPointer(np.ndarray[Any, Any]):
    """Memory of the host that a card reads by itself."""


def _pinned(shape: Any, dtype: Any = float, order: str = "C") -> Any:
    like = np.empty(shape, dtype, order)  # type: ignore[call-overload]
    memory = PinnedMemoryPointer((like.nbytes,), np.uint8)
    return np.ndarray(like.shape, like.dtype, memory, strides=like.strides)


_errors = threading.local()  # what is said of matrices that have no inverse


def _set_errors(*, linalg: str | None = None, **others: Any) -> dict[str, Any]:
    before = {"linalg": getattr(_errors, "linalg", "ignore")}
    _errors.linalg = linalg or before["linalg"]
    return before


@contextlib.contextmanager
def _with_errors(**wanted: Any) -> Iterator[None]:
    before = _set_errors(**wanted)
    try:
        yield
    finally:
        _set_errors(**before)


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """CuPy's own default is to say nothing, and to give NaN."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except np.linalg.LinAlgError:
            if getattr(_errors, "linalg", "ignore") == "raise":
                raise
            raise RuntimeError(
                "CuPy gives NaN here without a word, unless cupyx.seterr(linalg='raise') was called"
            ) from None

    return call


@contextlib.contextmanager
def _allow_synchronize(allow: bool) -> Iterator[None]:
    def refuse(what: str) -> None:
        raise RuntimeError(f"Device synchronization was detected while disallowed ({what}).")

    with contextlib.nullcontext() if allow else cards.guarded(refuse):
        yield


_made: dict[str, types.ModuleType] = {}


def modules() -> dict[str, types.ModuleType]:
    """The stand-in's modules by the names under which CuPy has them."""
    if _made:
        return _made
    tables = dict(_sections())
    cupy, linalg = types.ModuleType("cupy"), types.ModuleType("cupy.linalg")
    lib, cupyx = types.ModuleType("cupy.lib"), types.ModuleType("cupyx")
    _filled(cupy, np, tables["numpy"])
    cupy.__dict__.update({name: getattr(np, name) for name in _NAMES.split()})
    _filled(linalg, np.linalg, tables["numpy.linalg"])
    linalg.__dict__.update({name: _told(getattr(linalg, name)) for name in tables["numpy.linalg"]})
    linalg.__dict__["LinAlgError"] = np.linalg.LinAlgError
    tricks = types.SimpleNamespace(as_strided=_strided, sliding_window_view=_windows)
    lib.__dict__["stride_tricks"] = tricks
    cupy.__dict__.update(
        _by_hand(), __version__="14.2.0+stand-in", linalg=linalg, lib=lib, cuda=_cuda()
    )
    operations.attach(cupy)
    cupyx.__dict__.update(
        empty_pinned=_pinned,
        seterr=_set_errors,
        errstate=_with_errors,
        scatter_add=lambda a, slices, value: cupy.add.at(a, slices, value),
        rsqrt=lambda x: run(lambda v: 1 / np.sqrt(v), (x,)),
        allow_synchronize=_allow_synchronize,
    )
    _made.update({"cupy": cupy, "cupy.cuda": cupy.cuda, "cupy.linalg": linalg, "cupyx": cupyx})
    _made.update(_scipy(tables["scipy.special"]))
    for name, module in _made.items():
        module.__spec__ = ModuleSpec(name, None)  # for those who ask whether CuPy can be found
    return _made


def _scipy(functions: dict[str, str]) -> dict[str, types.ModuleType]:
    special = types.ModuleType("cupyx.scipy.special")
    _filled(special, import_module("scipy.special"), functions)
    linalg = types.ModuleType("cupyx.scipy.linalg")
    theirs = import_module("scipy.linalg")
    arguments = {
        "solve_triangular": "a, b, trans=, lower=, unit_diagonal=, overwrite_b=, check_finite=",
        "lu": "a, permute_l=, overwrite_a=, check_finite=",
        "lu_factor": "a, overwrite_a=, check_finite=",
        "lu_solve": "lu_and_piv, b, trans=, overwrite_b=, check_finite=",
        "expm": "a",
    }
    for name, text in arguments.items():
        setattr(linalg, name, _function(name, getattr(theirs, name), text))
    whole = types.ModuleType("cupyx.scipy")
    whole.__dict__.update(special=special, linalg=linalg)
    parts = {"cupyx.scipy": whole, special.__name__: special, linalg.__name__: linalg}
    return parts
