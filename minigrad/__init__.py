"""minigrad: a tensor and automatic-differentiation engine to read, with PyTorch's interface.

``import minigrad as torch`` is enough to move a program.
"""

from __future__ import annotations

from minigrad import dtypes as _dtypes
from minigrad.autograd.modes import (
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
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
from minigrad.printing import get_printoptions, set_printoptions
from minigrad.random import Generator, default_generator
from minigrad.size import Size
from minigrad.tensor import Tensor
from minigrad.functions import *  # noqa: F403
from minigrad import autograd
# from minigrad import nn, optim, utils

bool = _dtypes.bool_
int = _dtypes.int32
float = _dtypes.float32
strided = "torch.strided"
inf = _dtypes.np.inf
nan = _dtypes.np.nan
pi = _dtypes.np.pi
e = _dtypes.np.e
