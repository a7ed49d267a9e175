"""minigrad: a tensor and automatic-differentiation engine to read, with PyTorch's interface.

``import minigrad as torch`` is enough to move a program.
"""

from __future__ import annotations

import math as _math

from minigrad import autograd, cuda, dtypes, functions, linalg, nn, optim, special, utils
from minigrad.autograd.modes import (
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from minigrad.autograd.registry import publish
from minigrad.device import device
from minigrad.dtypes import (
    bfloat16,
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
    set_default_dtype,
    short,
    uint8,
)
from minigrad.functions import *  # noqa: F403
from minigrad.ops.legacy import (
    BoolTensor,
    ByteTensor,
    DoubleTensor,
    FloatTensor,
    HalfTensor,
    IntTensor,
    LongTensor,
)
from minigrad.printing import get_printoptions, printoptions, set_printoptions
from minigrad.random import Generator, default_generator
from minigrad.serialization import load, save
from minigrad.size import Size
from minigrad.tensor import Tensor
from minigrad.version import __version__

bool = dtypes.bool_
int = dtypes.int32
float = dtypes.float32
strided = "torch.strided"
inf = _math.inf
nan = _math.nan
pi = _math.pi
e = _math.e

__all__ = [
    "BoolTensor",
    "ByteTensor",
    "DoubleTensor",
    "FloatTensor",
    "Generator",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "Size",
    "Tensor",
    "__version__",
    "autograd",
    "bfloat16",
    "bool",
    "cuda",
    "default_generator",
    "device",
    "double",
    "dtype",
    "dtypes",
    "e",
    "enable_grad",
    "float",
    "float16",
    "float32",
    "float64",
    "functions",
    "get_default_dtype",
    "get_printoptions",
    "half",
    "inf",
    "inference_mode",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_anomaly_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "linalg",
    "load",
    "long",
    "nan",
    "nn",
    "no_grad",
    "optim",
    "pi",
    "printoptions",
    "promote_types",
    "save",
    "set_default_dtype",
    "set_grad_enabled",
    "set_printoptions",
    "short",
    "special",
    "strided",
    "uint8",
    "utils",
]
__all__ += functions.__all__
publish("torch", globals())  # also what is registered later
