"""minigrad on the stand-in's card, with the kernels that really ran noted by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

import minigrad as torch
from minigrad.backend import cuda_kernels
from minigrad.cuda import stand_in

# Units in the last place of the greatest result: float sums in another order, expf of another make.
ULPS = {"float32": 64, "float64": 64, "float16": 2, "bfloat16": 2}
EPS = {"float32": 2.0**-23, "float64": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}


class Noting(cuda_kernels.CupyEngine):
    """An engine that notes the names of what is launched."""

    def __init__(self, cupy: Any) -> None:
        super().__init__(cupy)
        self.launched: list[str] = []

    def compile(self, name: str, code: str) -> Any:
        """A module whose functions note their launches."""
        return _Module(super().compile(name, code), self.launched)


class _Module:
    def __init__(self, module: Any, launched: list[str]) -> None:
        self._module, self._launched = module, launched

    def get_function(self, symbol: str) -> Any:
        run, launched = self._module.get_function(symbol), self._launched

        def launch(*args: Any, **kwargs: Any) -> None:
            launched.append(symbol.removesuffix("_kernel"))
            run(*args, **kwargs)

        return launch


@contextlib.contextmanager
def card() -> Iterator[list[str]]:
    """A block in which "cuda" is the stand-in; gives the names of kernels, as they are launched.

    Convolutions of float32 stay float32: torch's default would round their factors to TF32.
    """
    with stand_in.installed() as cupy, torch.backends.cudnn.flags(allow_tf32=False):
        engine = Noting(cupy)
        cuda_kernels.serve(cupy.ndarray, engine)
        yield engine.launched


def moved(value: Any, device: str) -> Any:
    """Tensors in lists and dictionaries as leaves on a device, with the same values."""
    if isinstance(value, torch.Tensor):
        fresh = value.detach().to(device)
        return fresh.requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list):
        return type(value)(moved(v, device) for v in value)
    return value


def both_ways(run: Any, *inputs: Any) -> tuple[list[Any], list[Any]]:
    """Results and gradients of ``run(*inputs)`` on the CPU and on the card, as NumPy arrays."""
    found = []
    for device in ("cpu", "cuda"):
        given = moved(list(inputs), device)
        out = run(*given)
        outs = [o for o in (out if isinstance(out, tuple | list) else [out])]
        leaves = [t for t in given if isinstance(t, torch.Tensor) and t.requires_grad]
        results = [o.detach().cpu() for o in outs]
        if leaves:
            steered = [(o * weights_like(o)).sum() for o in outs if o.requires_grad]
            grads = torch.autograd.grad(sum(steered[1:], steered[0]), leaves, allow_unused=True)
            results += [g.cpu() for g in grads if g is not None]
        found.append([as_numpy(r) for r in results])
    return found[0], found[1]


def weights_like(out: Any) -> Any:
    """Fixed cotangents of both signs, on the output's device."""
    values = np.cos(np.arange(out.numel()) * 1.7).astype(np.float32).reshape(tuple(out.shape))
    return torch.tensor(values).to(out.device).to(out.dtype)


def as_numpy(tensor: Any) -> Any:
    """A tensor's values in a type that NumPy compares."""
    return tensor.double().numpy() if tensor.dtype.is_floating_point else tensor.numpy()


def agree(found: list[Any], wanted: list[Any], dtype: str, factor: float = 1.0) -> None:
    """The same up to ulps of the greatest element of each result."""
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        assert one.shape == two.shape
        if two.dtype.kind != "f":
            np.testing.assert_array_equal(one, two)
            continue
        finite = np.abs(two[np.isfinite(two)])
        scale = max(float(finite.max()), 2.0**-20) if finite.size else 1.0
        within = ULPS[dtype] * EPS[dtype] * factor
        np.testing.assert_allclose(one, two, rtol=0, atol=within * scale)
