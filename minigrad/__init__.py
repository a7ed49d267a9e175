"""minigrad: a tensor and automatic-differentiation engine to read, with PyTorch's interface.

``import minigrad as torch`` is enough to move a program.
"""

from __future__ import annotations

import importlib as _importlib
import math as _math
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from minigrad import autograd, cuda, dtypes, functions, linalg, random, return_types, settings
from minigrad import special as special
from minigrad.autograd.modes import (
    enable_grad,
    inference_mode,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_anomaly_enabled,
    set_grad_enabled,
)
from minigrad.autograd.registry import publish as _publish
from minigrad.device import device, get_default_device, set_default_device
from minigrad.dtypes import (
    bfloat16,
    complex32,
    complex64,
    complex128,
    double,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    promote_types,
    qint8,
    qint32,
    quint8,
    set_default_dtype,
    short,
    uint8,
    uint16,
    uint32,
    uint64,
)
from minigrad.functions import *  # noqa: F403
from minigrad.layout import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    layout,
    memory_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from minigrad.left_out import no_attribute as _no_attribute
from minigrad.limits import finfo, iinfo
from minigrad.ops.creation.legacy import (
    BFloat16Tensor,
    BoolTensor,
    ByteTensor,
    CharTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
    ShortTensor,
)
from minigrad.ops.shape.storage import TypedStorage, UntypedStorage
from minigrad.printing import get_printoptions, printoptions, set_printoptions
from minigrad.random import Generator, default_generator
from minigrad.settings import *  # noqa: F403
from minigrad.size import Size
from minigrad.tensor import Tensor
from minigrad.version import __version__

if _TYPE_CHECKING:
    from minigrad import backends, func, hub, jit, multiprocessing, nn, optim, signal, types
    from minigrad import testing as testing
    from minigrad import utils as utils
    from minigrad.func import vmap
    from minigrad.jit import compile
    from minigrad.serialization import load, save

bool = dtypes.bool_
int = dtypes.int32
float = dtypes.float32
chalf, cfloat, cdouble = complex32, complex64, complex128
newaxis = None
inf = _math.inf
nan = _math.nan
pi = _math.pi
e = _math.e

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "Generator",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "Size",
    "Tensor",
    "TypedStorage",
    "UntypedStorage",
    "__version__",
    "autograd",
    "backends",
    "bfloat16",
    "bool",
    "cdouble",
    "cfloat",
    "chalf",
    "channels_last",
    "channels_last_3d",
    "compile",
    "complex32",
    "complex64",
    "complex128",
    "contiguous_format",
    "cuda",
    "default_generator",
    "device",
    "double",
    "dtype",
    "dtypes",
    "e",
    "enable_grad",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "func",
    "functions",
    "get_default_device",
    "get_default_dtype",
    "get_printoptions",
    "half",
    "hub",
    "iinfo",
    "inf",
    "inference_mode",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "jit",
    "layout",
    "linalg",
    "load",
    "long",
    "memory_format",
    "multiprocessing",
    "nan",
    "newaxis",
    "nn",
    "no_grad",
    "optim",
    "pi",
    "preserve_format",
    "printoptions",
    "promote_types",
    "qint8",
    "qint32",
    "quint8",
    "random",
    "return_types",
    "save",
    "set_anomaly_enabled",
    "set_default_device",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "short",
    "signal",
    "sparse_bsc",
    "sparse_bsr",
    "sparse_coo",
    "sparse_csc",
    "sparse_csr",
    "special",
    "strided",
    "types",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "utils",
    "vmap",
]
__all__ += [*functions.__all__, *settings.__all__]
_publish("torch", globals())  # also what is registered later

# What a program may not need is imported when it asks: a name, and the module that has it or is it.
_LATER = {
    **dict.fromkeys(("accelerator", "amp", "cpu", "distributed", "mps", "xpu")),
    **dict.fromkeys(("_dynamo", "compiler", "functional", "onnx", "overrides")),
    **dict.fromkeys(("backends", "func", "jit", "multiprocessing", "nn", "optim", "serialization")),
    **dict.fromkeys(("distributions", "hub", "inspect", "profiler", "signal")),
    **dict.fromkeys(("testing", "types", "utils", "version")),
    **dict.fromkeys(("autocast", "get_autocast_dtype", "is_autocast_enabled"), "amp"),
    **dict.fromkeys(
        ("memory_allocated", "memory_summary", "reset_peak_memory_stats"), "inspect.memory"
    ),
    **dict.fromkeys(("Event", "OutOfMemoryError", "Stream"), "cuda"),
    **dict.fromkeys(("_assert", "compile"), "jit"),
    "load": "serialization",
    "save": "serialization",
    "vmap": "func",
}


def __getattr__(name: str) -> _Any:
    """A part of minigrad that is imported when it is first asked for."""
    if name.startswith("_foreach_"):
        found = globals()[name] = _importlib.import_module("minigrad.foreach").made(name)
        return found
    if name not in _LATER:
        raise _no_attribute("minigrad", name)
    found = _importlib.import_module(f"minigrad.{_LATER[name] or name}")
    if _LATER[name]:
        found = globals()[name] = getattr(found, name)
    return found


def __dir__() -> list[str]:
    """Also what is still to be imported."""
    return sorted({*globals(), *_LATER})
