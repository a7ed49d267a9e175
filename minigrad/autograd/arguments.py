"""What may be handed to an op: checked, brought to one dtype, or refused in torch's words."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.autograd.op import Op, Unrounded, tensors
from minigrad.autograd.tensor_base import TensorBase
from minigrad.backend import Cards, backend_of, beside, xp_of
from minigrad.errors import DeviceError, DtypeError, KindError, ShapeError

OPERANDS = (TensorBase, int, float, complex, np.number, np.bool_)  # what an operator takes


# NumPy's codes of the integers, and what each can hold.
INTEGERS: dict[str, str] = {"i": "bhilq", "u": "BHILQ"}
_SPANS = {code: np.iinfo(code) for codes in INTEGERS.values() for code in codes}
_HELD = {code: (int(span.min), int(span.max)) for code, span in _SPANS.items()}


def holds(code: str, number: int) -> bool:
    """Whether a dtype is of integers, and has this one.

    >>> holds("b", -128), holds("b", 128), holds("f", 1)
    (True, False, False)
    """
    low, high = _HELD.get(code, (1, 0))
    return low <= number <= high


def called(op: type[Op]) -> str:
    """The name of an op in messages."""
    return op.called or op.name


def promoted(op: type[Op], inputs: Sequence[Any]) -> Sequence[Any]:
    """The arguments in one dtype, by torch's rules; Python numbers stay numbers."""
    found = [t._array.dtype for t in inputs if isinstance(t, TensorBase)]
    plain = len(found) == len(inputs) and all(d is found[0] for d in found)
    if plain and (op.promotes != "float" or found[0].kind == "f"):
        return inputs
    if op.promotes == "same" and len(set(found)) == 1:
        return inputs
    if found and op.promotes == "same":
        if op.mixed is not None and len(found) == len(inputs):
            raise op.mixed(*found)
        names = " and ".join(dict.fromkeys(str(dtypes.of_numpy(d)) for d in found))
        raise DtypeError(
            f"{called(op)}: expected arguments of one dtype, got {names}; "
            "convert one with .to(dtype)"
        )
    if not found or not all(is_argument(t) for t in inputs):
        raise wrong_type(op, inputs)
    common = result_type(inputs)
    if op.promotes == "float" and not common.is_floating_point:
        common = dtypes.get_default_dtype()
    if op.wide and common.itemsize == 2 and common.is_floating_point:
        number = _met_by_halves(*inputs)
        if number is not None:
            return [_as_type(inputs[0], common), number]
    return [_as_type(t, common) for t in inputs]


def _met_by_halves(input: Any, other: Any) -> Unrounded | None:
    """A number, or a tensor that is one, as halves on the host meet it; None for anything else."""
    if type(getattr(input, "_array", None)) is not np.ndarray:
        return None  # CuPy knows no such number
    if isinstance(other, TensorBase):
        constant = other._node is None and other._view is None and not other._array.ndim
        if not constant or type(other._array) is not np.ndarray:
            return None
        other = other._array
    return Unrounded(other)


def alike(op: type[Op], input: Any, other: Any) -> tuple[Any, Any] | None:
    """Two operands in one dtype, if all that has to be converted are integers or bools.

    These want no gradients, so that their conversion leaves no trace; None: not so.
    """
    tensor = isinstance(other, TensorBase)
    if not isinstance(input, TensorBase) or op.promotes not in ("common", "float"):
        return None
    if not (tensor or type(other) is int or type(other) is float):
        return None
    x = input._array
    given = other._array if tensor else type(other)
    with_axes = tensor and given.ndim > 0
    kind: Any = given.dtype if tensor else given
    common = _common(x.dtype, x.ndim > 0, kind, with_axes, op.promotes, dtypes.get_default_dtype())
    left, right = x.dtype is not common, tensor and given.dtype is not common
    if common.kind == "V" or not (left or right):
        return None
    if (left and x.dtype.kind not in "biu") or (right and given.dtype.kind not in "biu"):
        return None
    if type(x) is not np.ndarray or (tensor and type(given) is not np.ndarray):
        return None
    if op.check is not None:
        op.check((input, other))
    return (
        tensors.from_array(x.astype(common)) if left else input,
        tensors.from_array(given.astype(common)) if right else other,
    )


@functools.lru_cache(maxsize=1024)
def _common(
    one: Any, one_axes: bool, other: Any, other_axes: bool, promotes: str, default: dtypes.dtype
) -> Any:
    """NumPy's dtype for two of its dtypes, of arrays with or without axes, or a kind of number."""
    groups: tuple[list[dtypes.dtype], ...] = ([], [], [])
    groups[0 if one_axes else 1].append(dtypes.of_numpy(one))
    if isinstance(other, type):
        groups[2].append(dtypes.scalar_type(other()))
    else:
        groups[0 if other_axes else 1].append(dtypes.of_numpy(other))
    common = dtypes.promote(*groups)
    return (default if promotes == "float" and not common.is_floating_point else common).numpy


def result_type(values: Sequence[Any]) -> dtypes.dtype:
    """The dtype that Tensors and Python numbers have together."""
    found = {t._array.dtype if isinstance(t, TensorBase) else None for t in values}
    if len(found) == 1 and None not in found:  # the usual case
        return dtypes.of_numpy(found.pop())
    dims, zeros, scalars = [], [], []
    for t in values:
        if not isinstance(t, TensorBase):
            if t is not None:
                scalars.append(dtypes.scalar_type(t))
        elif t._array.ndim:
            dims.append(dtypes.of_numpy(t._array.dtype))
        else:
            zeros.append(dtypes.of_numpy(t._array.dtype))
    return dtypes.promote(dims, zeros, scalars)


def common_type(*values: Any) -> list[Any]:
    """Tensors brought to the dtype that they have together; numbers become 0-d tensors of it."""
    try:
        first = values[0]._array.dtype
        if all([v._array.dtype is first for v in values]):
            return list(values)
    except AttributeError:
        pass  # a number is among them
    common = result_type(values)
    like = next((v._array for v in values if isinstance(v, TensorBase)), np.empty(0))
    return [
        _as_type(v, common)
        if isinstance(v, TensorBase)
        else tensors.from_array(
            beside(np.asarray(dtypes.held(v, common.numpy), common.numpy), like)
        )
        for v in values
    ]


def _as_type(value: Any, common: dtypes.dtype) -> Any:
    if isinstance(value, TensorBase):
        return value if value._array.dtype == common.numpy else tensors.cast(value, common)
    if value is not None and common.category is dtypes.Category.INTEGER:
        return np.asarray(value).astype(common.numpy)[()]  # wraps around, as torch does
    if value is not None and common is dtypes.bfloat16:
        return common.numpy.type(value)  # NumPy would go on in float32
    return value.item() if isinstance(value, np.generic) else value  # a NumPy number would decide


def is_argument(value: Any) -> bool:
    """Whether an op can take it: a Tensor, a real number, or None for what is left out."""
    return value is None or isinstance(value, (TensorBase, int, float, np.generic))


def check_given(op: type[Op], inputs: Sequence[Any]) -> None:
    """Raise torch's error for a number where only a Tensor may stand, and what the op refuses."""
    for position, (name, value) in enumerate(zip(op.inputs, inputs, strict=False)):
        if isinstance(value, TensorBase) or op.numbers is None:
            continue
        if name not in op.numbers or value is None or not is_argument(value):
            raise TypeError(
                f"{called(op)}(): argument '{name}' (position {position + 1}) must be Tensor, "
                f"not {type(value).__name__}"
            )
    if op.check is not None:
        op.check(inputs)


def check_kind(op: type[Op], values: Sequence[Any]) -> None:
    """Raise torch's error for a dtype that an op is not for."""
    dtype = next(v.dtype for v in values if hasattr(v, "dtype"))
    if dtype.kind not in op.kinds:
        kind = dtypes.of_numpy(dtype).type_name
        raise KindError(f"\"{called(op)}_cpu\" not implemented for '{kind}'; convert it with .to()")


def wrong_type(op: type[Op], inputs: Sequence[Any]) -> TypeError:
    """The error for the first argument that an op can't take."""
    for position, value in enumerate(inputs):
        if not is_argument(value) or (position == 0 and not isinstance(value, TensorBase)):
            name = op.inputs[min(position, len(op.inputs) - 1)]
            return TypeError(
                f"{called(op)}(): argument '{name}' (position {position + 1}) must be Tensor, "
                f"not {type(value).__name__}"
            )
    return TypeError(f"{called(op)}(): expected at least one Tensor")


def plain_kinds(op: type[Op]) -> str:
    """The kinds of dtypes that an op takes as they are; "": all."""
    return op.kinds or ("f" if op.promotes == "float" else "")


def module_of(op: type[Op], inputs: Sequence[Any], values: list[Any]) -> Any:
    """The array module of what is not all NumPy arrays; an error if it is no argument at all.

    As in torch, a tensor of the CPU that is one number goes along with tensors of a card.
    """
    arrays = [v for v, t in zip(values, inputs, strict=True) if v is not t]
    if not arrays or not all(map(is_argument, inputs)):
        raise wrong_type(op, inputs)
    if len({type(array) for array in arrays}) > 1:
        like = next(array for array in arrays if type(array) is not np.ndarray)
        if op.broadcasts:
            alone = [type(v) is np.ndarray and not v.ndim for v in values]
            values[:] = [
                beside(v, like) if one else v for v, one in zip(values, alone, strict=True)
            ]
        check_one_device(op, values)
        return xp_of(like)
    if Cards.several:
        check_one_device(op, values)
    return xp_of(arrays[0])


def broadcasts_to(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    """Whether one shape is broadcast to another."""
    return len(small) <= len(large) and all(
        a in (1, b) for a, b in zip(reversed(small), reversed(large), strict=False)
    )


def check_one_device(op: type[Op], values: Sequence[Any]) -> None:
    """Raise torch's error if arrays lie on different devices."""
    arrays = [v for v in values if hasattr(v, "strides") and not isinstance(v, np.generic)]
    places = sorted({str(backend_of(a).device_of(a)) for a in arrays})
    if len(places) > 1:
        raise DeviceError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"{places[0]} and {places[1]}! ({called(op)}: move one of them with .to(device))"
        )


def array_error(op: type[Op], values: Sequence[Any], error: Exception) -> Exception:
    """NumPy's refusal as torch's error: shapes that do not broadcast, dtypes without the op."""
    if isinstance(error, TypeError):
        check_one_device(op, values)
        if not op.ufunc:
            return TypeError(*error.args)
        kinds = " and ".join(str(dtypes.of_numpy(v.dtype)) for v in values if hasattr(v, "dtype"))
        return DtypeError(
            f"{called(op)}: expected a dtype that has this operation, got {kinds}; "
            "convert with .to()"
        )
    shapes = [v.shape for v in values if hasattr(v, "shape")]
    for a, b in itertools.combinations(shapes if op.broadcasts else (), 2):
        for back in range(1, min(len(a), len(b)) + 1):
            if a[-back] != b[-back] and 1 not in (a[-back], b[-back]):
                dim = max(len(a), len(b)) - back
                return ShapeError(
                    f"The size of tensor a ({a[-back]}) must match the size of tensor b "
                    f"({b[-back]}) at non-singleton dimension {dim} "
                    f"({called(op)}: shapes {a} and {b})"
                )
    return ShapeError(f"{called(op)}: {error}; shapes {', '.join(map(str, shapes))}")


def check_gradient(tensor: Any, value: Any) -> None:
    """Raise torch's error for what can't be assigned as a tensor's gradient."""
    if not isinstance(value, TensorBase):
        raise TypeError(
            "assigned grad expected to be a Tensor or None but got grad of type "
            f"{type(value).__name__}"
        )
    if value is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if value._array.shape != tensor._array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value._array.shape)}' to a tensor of "
            f"size '{list(tensor.shape)}'. Please ensure that the gradient and the tensor are the "
            "same size"
        )
    if value._array.dtype != tensor._array.dtype:
        raise RuntimeError(
            "attempting to assign a gradient with dtype "
            f"'{dtypes.of_numpy(value._array.dtype).c_name}' to a tensor with grad_dtype "
            f"'{tensor.dtype.type_name}'. The gradient must match the tensor's grad_dtype "
            "(defaults to the tensor's dtype)."
        )
