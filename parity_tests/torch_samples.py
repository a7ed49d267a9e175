"""Run an op on the samples that torch's own test suite draws for it, and compare with torch.

torch ships a database of its operators (``OpInfo``) with thousands of valid calls and many invalid
ones. Each is made once with torch's tensors and once with minigrad's, of the same memory and
strides. ``python -m parity_tests.torch_samples NAME ...`` prints what differs; without names, one
line for every operator of the database.
"""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

import minigrad
from parity_tests.both import built_in, of_torchs_tests
from parity_tests.ops.samples import outputs, to_numpy
from parity_tests.tolerances import TOL

VALUE_KINDS = ("float32", "float64", "int64", "bool", "uint8", "int32", "float16", "bfloat16")


class LeftOut(Exception):
    """A sample that needs what minigrad leaves out on purpose: complex, sparse, quantised."""


@functools.cache
def database() -> dict[str, list[Any]]:
    """torch's records by dotted name; an operator may have several."""
    op_db = of_torchs_tests("common_methods_invocations").op_db
    # Each iterator of samples looks for a unittest above it, of which there is none, through the
    # source of the whole stack.
    for module in ("common_utils", "opinfo.core"):
        of_torchs_tests(module).extract_test_fn = lambda: None
    found: dict[str, list[Any]] = {}
    for info in op_db:
        found.setdefault(info.name, []).append(info)
    return found


def counterpart(info: Any) -> Callable[..., Any] | None:
    """minigrad's function for a record: by its dotted name, or torch's own lambda read with it."""
    if same := read_with_minigrad(info.op):
        return same
    found: Any = minigrad
    for part in info.name.split("."):
        found = getattr(found, part, None)
    if not callable(found) or isinstance(found, minigrad.dtype):
        found = getattr(minigrad.Tensor, info.name, None)
    return found.fget if isinstance(found, property) else found


def read_with_minigrad(op: Any) -> Callable[..., Any] | None:
    """A lambda of torch's database with minigrad in the place of torch; None for anything else."""
    if isinstance(op, functools.partial) and op.func.__module__.startswith("torch."):
        own = named(minigrad, f"{op.func.__module__}.{op.func.__name__}".removeprefix("torch."))
        return functools.partial(own, *op.args, **op.keywords)
    if not isinstance(op, types.FunctionType) or op.__name__ != "<lambda>":
        return None
    scope = {**op.__globals__, "torch": minigrad}
    return types.FunctionType(op.__code__, scope, "same", op.__defaults__)


def converted(value: Any) -> Any:
    """torch's tensors, dtypes and devices as minigrad's, in whatever they are wrapped."""
    if isinstance(value, torch.Tensor):
        return tensor(value)
    if isinstance(value, torch.dtype):
        name = str(value).removeprefix("torch.")
        found = getattr(minigrad, name, None)
        if not isinstance(found, minigrad.dtype):
            raise LeftOut(name)
        return found
    if isinstance(value, torch.device):
        return minigrad.device(str(value))
    if isinstance(value, (torch.layout, torch.memory_format)):
        found = getattr(minigrad, str(value).removeprefix("torch."), None)
        if found is None or "sparse" in str(value):
            raise LeftOut(str(value))
        return found
    if isinstance(value, torch.Size):
        return minigrad.Size(value)
    if isinstance(value, torch.nn.Module):
        if not hasattr(minigrad.nn, type(value).__name__):
            raise LeftOut(type(value).__name__)
        return getattr(minigrad.nn, type(value).__name__)()
    if isinstance(value, complex):
        raise LeftOut("complex")
    if isinstance(value, slice):
        return slice(converted(value.start), converted(value.stop), converted(value.step))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(converted, value))
    if isinstance(value, (list, tuple)):
        return type(value)(converted(v) for v in value)
    if isinstance(value, dict):
        return {k: converted(v) for k, v in value.items()}
    return value


def tensor(value: torch.Tensor) -> Any:
    """A minigrad tensor of the same values and strides as a torch one."""
    if value.layout is not torch.strided or value.is_quantized or value.is_complex():
        raise LeftOut(str(value.layout))
    if not isinstance(getattr(minigrad, str(value.dtype)[6:], None), minigrad.dtype):
        raise LeftOut(str(value.dtype))
    plain = value.detach()
    if value.dtype is torch.bfloat16:
        made = minigrad.from_numpy(plain.float().numpy()).to(minigrad.bfloat16)
    else:
        made = minigrad.from_numpy(plain.numpy())
        if plain.is_conj() or plain.is_neg():
            raise LeftOut("a lazy conjugate")
    return made.requires_grad_() if value.requires_grad else made


@dataclass
class Tally:
    """What came of one operator's samples."""

    name: str
    passed: int = 0
    left_out: int = 0
    failures: list[str] = field(default_factory=list)

    def line(self) -> str:
        text = f"{self.name}: {self.passed} same, {len(self.failures)} differ"
        return text + (f", {self.left_out} left out" if self.left_out else "")


def difference(mine: Any, theirs: Any) -> str:
    """What is not the same about two results, in a few words; empty if nothing."""
    got, want = outputs(mine), outputs(theirs)
    if len(got) != len(want):
        return f"{len(got)} results, not {len(want)}"
    for a, b in zip(got, want, strict=True):
        if not isinstance(b, torch.Tensor):
            if str(a).replace("minigrad", "torch") != str(b) and not (a != a and b != b):
                return f"{a!r} is not {b!r}"
            continue
        if not isinstance(a, minigrad.Tensor):
            return f"{type(a).__name__} is no Tensor"
        if str(a.dtype) != str(b.dtype):
            return f"{a.dtype} is not {b.dtype}"
        if tuple(a.shape) != tuple(b.shape):
            return f"shape {tuple(a.shape)} is not {tuple(b.shape)}"
        if a.requires_grad != b.requires_grad:
            return f"requires_grad is {a.requires_grad}, not {b.requires_grad}"
        x, y = to_numpy(a), to_numpy(b)
        if x.dtype.kind != "f":
            if not np.array_equal(x, y):
                return f"values {_short(x)} are not {_short(y)}"
            continue
        bound = TOL[str(b.dtype).removeprefix("torch.")]
        # Half precision: what is rounded on the way is not the same on both sides.
        slack = 4 if b.dtype.itemsize == 2 else 1
        # Sums in another order: a few roundings of the greatest, also where terms cancel.
        greatest = float(np.abs(y, where=np.isfinite(y), out=np.zeros_like(y)).max(initial=0))
        atol = max(bound["atol"], bound["rtol"] / 3 * greatest) * slack
        if not np.allclose(x, y, bound["rtol"] * slack, atol, equal_nan=True):
            return f"values {_short(x)} are not {_short(y)}"
    return ""


def _short(array: Any) -> str:
    return np.array2string(np.asarray(array).reshape(-1)[:6], precision=7).replace("\n", "")


def describe(sample: Any) -> str:
    """A sample call in one line."""

    def one(value: Any) -> str:
        if isinstance(value, torch.Tensor):
            stride = "" if value.is_contiguous() else f" strides {value.stride()}"
            return f"<{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}{stride}>"
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(map(one, value))}]"
        return repr(value)

    parts = [one(sample.input), *map(one, sample.args)]
    parts += [f"{k}={one(v)}" for k, v in sample.kwargs.items()]
    return f"({', '.join(parts)})"[:300]


def samples(info: Any, kind: str, grad: bool) -> Iterator[Any]:
    """torch's samples of one dtype."""
    dtype = getattr(torch, kind)
    if dtype not in info.dtypes:
        return
    torch.manual_seed(0)
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from info.sample_inputs("cpu", dtype, requires_grad=grad)


def call(fn: Callable[..., Any], sample: Any, convert: Callable[[Any], Any]) -> Any:
    """One sample run with fresh random numbers; the result, or the error."""
    args = [convert(sample.input), *map(convert, sample.args)]
    kwargs = {k: convert(v) for k, v in sample.kwargs.items()}
    for library in (torch, minigrad):
        library.manual_seed(42)  # as torch's own wrappers of random functions do
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fn(*args, **kwargs)


def check_values(
    tally: Tally, info: Any, kind: str, limit: int | None = None, fn: Any = None
) -> None:
    """The function on all samples of a dtype: values, dtypes, shapes."""
    fn = fn or counterpart(info)
    assert fn is not None
    for number, sample in enumerate(samples(info, kind, False)):
        if limit is not None and number >= limit:
            return
        try:
            theirs = call(info.op, sample, lambda v: v)
        except Exception:
            continue
        try:
            mine = call(fn, sample, converted)
            wrong = difference(mine, theirs)
        except LeftOut:
            tally.left_out += 1
            continue
        except Exception as error:
            wrong = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        _note(tally, wrong, kind, describe(sample))


def check_variants(tally: Tally, info: Any, kind: str, limit: int | None = None) -> None:
    """The in-place method and ``out=`` on samples of a dtype."""
    name = info.name.rpartition(".")[2]
    method = read_with_minigrad(info.inplace_variant) or getattr(
        minigrad.Tensor, f"{name.rstrip('_')}_", None
    )
    for number, sample in enumerate(samples(info, kind, False)):
        if limit is not None and number >= limit:
            return
        try:
            if info.inplace_variant is not None:
                wrong = _in_place_differs(info, method, sample)
                _note(tally, wrong, f"{kind} {name}_", describe(sample))
            if info.supports_out:
                wrong = _out_differs(info, sample)
                _note(tally, wrong, f"{kind} out=", describe(sample))
        except LeftOut:
            tally.left_out += 1


def _in_place_differs(info: Any, method: Any, sample: Any) -> str | None:
    try:
        theirs = call(info.inplace_variant, sample, _cloned)
    except Exception:
        return None
    if method is None:
        return "no such method"
    try:
        return difference(call(method, sample, lambda v: _cloned(converted(v))), theirs)
    except LeftOut:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


def _cloned(value: Any) -> Any:
    return value.clone() if hasattr(value, "clone") else value


def _out_differs(info: Any, sample: Any) -> str | None:
    try:
        theirs = call(info.op, sample, lambda v: v)
        results = theirs if isinstance(theirs, (tuple, list)) else (theirs,)
        if not all(isinstance(r, torch.Tensor) for r in results):
            return None
        blank = [torch.full_like(r, 0) for r in results]
        into = blank[0] if isinstance(theirs, torch.Tensor) else tuple(blank)
        call(functools.partial(info.op, out=into), sample, lambda v: v)
    except Exception:
        return None
    fn = counterpart(info)
    assert fn is not None
    own = [converted(torch.full_like(r, 0)) for r in results]
    mine = own[0] if isinstance(theirs, torch.Tensor) else tuple(own)
    try:
        result = call(functools.partial(fn, out=mine), sample, converted)
    except LeftOut:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    if any(a is not b for a, b in zip(outputs(result), own, strict=False)):
        return "the result is not the tensor given as out"
    return difference(own, blank)


def check_gradients(tally: Tally, info: Any, limit: int | None = None) -> None:
    """First and second order, by weighted sums of the outputs, in float64."""
    fn = counterpart(info)
    assert fn is not None
    if not info.supports_autograd:
        return
    for number, sample in enumerate(samples(info, "float64", True)):
        if limit is not None and number >= limit:
            return
        try:
            want = _gradients(torch, info.op, sample, lambda v: v, info.supports_gradgrad)
        except Exception:
            continue
        try:
            got = _gradients(minigrad, fn, sample, converted, info.supports_gradgrad)
            wrong = _gradients_differ(got, want)
        except LeftOut:
            tally.left_out += 1
            continue
        except Exception as error:
            wrong = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        _note(tally, wrong, "gradient", describe(sample))


def _gradients(library: Any, fn: Any, sample: Any, convert: Any, twice: bool) -> list[Any]:
    leaves: list[Any] = []

    def collect(value: Any) -> Any:
        if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
            return type(value)(map(collect, value))
        made = convert(value)
        if isinstance(made, library.Tensor) and made.requires_grad:
            leaves.append(made)
        return made

    result = call(fn, sample, collect)
    if sample.output_process_fn_grad is not None:
        result = sample.output_process_fn_grad(result)
    outs = [o for o in outputs(result) if isinstance(o, library.Tensor) and o.requires_grad]
    if not outs:
        return [None] * len(leaves)
    first = library.autograd.grad(
        outs, leaves, [_weight(library, o) for o in outs], create_graph=twice, allow_unused=True
    )
    found = list(first)
    if twice:
        again = [
            (g * _weight(library, g)).sum() for g in first if g is not None and g.requires_grad
        ]
        second = library.autograd.grad(again, leaves, allow_unused=True) if again else ()
        # A second derivative that is zero may be said by None as well.
        found += [
            library.zeros_like(leaf) if s is None else s
            for s, leaf in zip(second or [None] * len(leaves), leaves, strict=True)
        ]
    return found


def _weight(library: Any, like: Any) -> Any:
    count = int(np.prod(tuple(like.shape)))
    values = np.cos(np.arange(count, dtype=np.float64)).reshape(tuple(like.shape)) + 1.5
    return library.tensor(values).to(like.dtype)


def _gradients_differ(got: list[Any], want: list[Any]) -> str:
    for order, (a, b) in enumerate(zip(got, want, strict=True)):
        if (a is None) != (b is None):
            return f"gradient {order} is {'missing' if a is None else 'not None'}"
        if a is not None:
            wrong = difference(a.detach(), b.detach())
            if wrong:
                return f"gradient {order}: {wrong}"
    return ""


def check_errors(tally: Tally, info: Any) -> None:
    """Bad calls: the type of error that torch raises."""
    fn = counterpart(info)
    assert fn is not None
    if info.error_inputs_func is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bad_calls = list(info.error_inputs("cpu"))
    for bad in bad_calls:
        try:
            call(info.op, bad.sample_input, lambda v: v)
            continue
        except Exception as error:
            want, text = built_in(error), str(error).splitlines()[0]
        try:
            result = call(fn, bad.sample_input, converted)
            wrong = f"no error, but {str(result)[:40]!r}; torch: {want}: {text}"
        except LeftOut:
            tally.left_out += 1
            continue
        except Exception as error:
            got = built_in(error)
            wrong = "" if got == want else f"{got}: {error}, not {want}: {text}"
        _note(tally, wrong, "error", describe(bad.sample_input))


def _note(tally: Tally, wrong: str | None, kind: str, sample: str) -> None:
    if wrong:
        tally.failures.append(f"[{kind}] {sample} {wrong}")
    elif wrong is not None:
        tally.passed += 1


def check(name: str, limit: int | None = None) -> Tally:
    """All of an operator's samples, in every way."""
    tally = Tally(name)
    for info in database()[name]:
        if counterpart(info) is None:
            tally.failures.append("there is no such name")
            continue
        for kind in VALUE_KINDS:
            check_values(tally, info, kind, limit)
        check_variants(tally, info, "float32", limit)
        check_gradients(tally, info, limit)
        check_errors(tally, info)
        for alias in info.aliases:
            check_alias(tally, info, alias.name.removeprefix("torch."), limit)
    return tally


def check_alias(tally: Tally, info: Any, name: str, limit: int | None) -> None:
    """Another name of an operator: that it is there, and gives the same."""
    fn = named(minigrad, name)
    if fn is None:
        tally.failures.append(f"[alias] {name} there is no such alias")
    else:
        check_values(tally, info, "float32", limit, fn)


def named(library: Any, name: str) -> Any:
    """What a dotted name is in a library, or a method of its Tensor; None if there is none."""
    found = library
    for part in name.split("."):
        found = getattr(found, part, None)
    return getattr(library.Tensor, name, None) if found is None else found


def main(names: list[str]) -> None:
    """Print what differs: everything about named operators, or a line for each."""
    for name in names or sorted(database()):
        tally = check(name)
        print(tally.line(), flush=True)
        for failure in tally.failures[: 12 if names else 1]:
            print("   ", failure, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
