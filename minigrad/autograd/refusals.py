"""Wrong arguments: torch's TypeError for the first to blame.

They are looked at when a call has failed, and before it where an option is not of the usual class
(``fronts.py``); so a right call costs next to nothing. What an argument must be is read from its
annotation, from the op's claims, or, as torch's names mean the same everywhere, from its name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minigrad.autograd.op import Op
from minigrad.autograd.tensor_base import TensorBase
from minigrad.dtypes import LeftOut, dtype

# What may have been raised for a wrong argument: by Python, by NumPy, or by a check of ours.
SYMPTOMS = (AttributeError, TypeError, ValueError, IndexError, RuntimeError)

TENSORS = """input A B L LD LU LU_data LU_pivots pivots tau index indices src tensor tensor1 tensor2
    target targets weight bias input1 input2 x1 x2 mat mat1 mat2 batch1 batch2 vec vec1 vec2 anchor
    positive negative query key running_mean running_var grid theta weights in_proj_weight
    log_probs pos_weight sorted_sequence sorter per_sample_weights offsets linear_weight
    linear_bias logits count prob boundaries hx the_template mask condition out_proj_weight
    attn_mask key_padding_mask fweights aweights x y prepend append"""
NUMBERS = "alpha beta lambd negative_slope threshold fill_value dx min_val max_val"
INTEGERS = "dim0 dim1 dimension length step storage_offset offset"
SIZES = """kernel_size stride dilation output_padding size shape output_size shifts split_sizes dim
    axis dims"""
SEVERAL = ("tensors", "vectors", "matrices")


def _is_whole(value: Any) -> bool:
    if isinstance(value, TensorBase):
        return bool(value._array.size == 1 and value._array.dtype.kind in "iu")
    return hasattr(value, "__index__") and not isinstance(value, (bool, np.bool_))


def _is_number(value: Any) -> bool:
    if isinstance(value, TensorBase):
        return bool(value._array.ndim == 0)
    return isinstance(value, (int, float, complex, np.number, np.bool_))


_WHOLE = {int}


def whole(value: Any) -> bool:
    """Whether a value is a tuple or list of plain ints: what sizes and axes usually are."""
    return value.__class__ in (tuple, list) and _WHOLE.issuperset(map(type, value))


def _are_whole(value: Any) -> bool:
    return _is_whole(value) or (
        isinstance(value, (tuple, list)) and all(v is None or _is_whole(v) for v in value)
    )


# What torch calls a kind of argument, and whether a value is of that kind.
KINDS: dict[str, Callable[[Any], bool]] = {
    "Tensor": lambda v: isinstance(v, TensorBase),
    "int": _is_whole,
    "tuple of ints": _are_whole,
    "int or tuple of ints": lambda v: isinstance(v, str) or _are_whole(v),  # 'same', 'valid'
    "float": _is_number,
    "Number": _is_number,
    "bool": lambda v: isinstance(v, (bool, np.bool_)),
    "str": lambda v: isinstance(v, str),
    "torch.dtype": lambda v: isinstance(v, (dtype, LeftOut, type)),  # `float`, for one
    "Tensor or Number": lambda v: isinstance(v, TensorBase) or _is_number(v),
}
# Those that a right call may be taken to task for; of the others more is known in the function.
OPTIONS = frozenset(KINDS) - {"Tensor", "Tensor or Number"}
_Argument = tuple[inspect.Parameter, Any, str]
BY_NAME = {
    **dict.fromkeys(TENSORS.split(), "Tensor"),
    **dict.fromkeys(NUMBERS.split(), "Number"),
    **dict.fromkeys(INTEGERS.split(), "int"),
    **dict.fromkeys(SIZES.split(), "tuple of ints"),
    "padding": "int or tuple of ints",
    "other": "Tensor or Number",
    "var": "Tensor or Number",
    "dtype": "torch.dtype",
}
BY_ANNOTATION = {
    "Array": "Tensor",
    "Tensor": "Tensor",
    "int": "int",
    "float": "float",
    "bool": "bool",
    "str": "str",
    "Dtype": "torch.dtype",
    "Sequence[int]": "tuple of ints",
    "int | Sequence[int]": "tuple of ints",
}


def _plausible(value: Any, kind: str) -> bool:
    """Whether a value of another kind may have been meant, so that an error is about what it says.

    >>> _plausible(1.0, "Tensor"), _plausible([1.0], "int"), _plausible("text", "Tensor")
    (True, False, False)
    """
    if isinstance(value, (list, tuple)):
        return kind not in ("int", "float", "Number") and not any(
            isinstance(v, float) for v in value
        )
    return value is None or isinstance(value, (TensorBase, int, float))


def kind_of(parameter: inspect.Parameter, op: type[Op] | None) -> str:
    """What an argument must be, in torch's words; "" if nothing is known of it."""
    annotation = str(parameter.annotation).removesuffix(" | None")
    if annotation in BY_ANNOTATION or " | " in annotation:  # which says all
        return BY_ANNOTATION.get(annotation, "")
    if op is not None and parameter.name in op.inputs and not op.variadic:
        first = parameter.name == op.inputs[0]
        return "Tensor" if first or op.numbers == () else "Tensor or Number"
    return BY_NAME.get(parameter.name, "")


def _given(public: Callable[..., Any], values: Mapping[str, Any]) -> Iterator[_Argument]:
    """Each argument of a call: its parameter, its value, and which one it is in torch's words."""
    for place, parameter in enumerate(inspect.signature(public).parameters.values()):
        one = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if one and parameter.name in values:
            where = "" if parameter.kind is parameter.KEYWORD_ONLY else f" (position {place + 1})"
            yield parameter, values[parameter.name], f"argument '{parameter.name}'{where}"


def check(about: Any, values: Mapping[str, Any]) -> None:
    """Raise torch's TypeError for the first option that is of a wrong kind."""
    for parameter, value, which in _given(about.public, values):
        kind = kind_of(parameter, about.op)
        if kind not in OPTIONS or _fits(value, kind, parameter):
            continue
        if not ("tuple" in kind and _of_another_form(value)):
            raise _wrong(about, which, kind, value)


def _fits(value: Any, kind: str, parameter: inspect.Parameter) -> bool:
    """Whether a value is of a kind, or what stands for none."""
    if value is None and str(parameter.annotation).endswith(" | None"):
        return True
    return KINDS[kind](value) or value is parameter.default


def _of_another_form(value: Any) -> bool:
    """Whether a value is made of tensors or lists, which some functions take in place of sizes."""
    return isinstance(value, TensorBase) or (
        isinstance(value, (tuple, list))
        and any(isinstance(v, (tuple, list, TensorBase)) for v in value)
    )


def refusal(about: Any, values: Mapping[str, Any], error: Exception) -> TypeError | None:
    """torch's error for the first argument of a failed call that is of a wrong kind, or None."""
    for parameter, value, which in _given(about.public, values):
        kind = kind_of(parameter, about.op)
        if not kind or _fits(value, kind, parameter):
            continue
        if isinstance(error, ValueError) and kind in ("bool", "str", "torch.dtype"):
            continue  # it is about what an option says, in torch's words
        if isinstance(error, (RuntimeError, ValueError, IndexError)) and _plausible(value, kind):
            continue  # it is about what is in a tensor, a list or a number, or missing
        return _wrong(about, which, kind, value)
    return _wrong_element(about.public, values)


def _wrong(about: Any, which: str, kind: str, value: Any) -> TypeError:
    name = about.public.__name__
    return TypeError(f"{name}(): {which} must be {kind}, not {_type_name(value)}")


def _wrong_element(public: Callable[..., Any], values: Mapping[str, Any]) -> TypeError | None:
    """The error for what is no Tensor in a list of tensors, as ``cat`` and ``meshgrid`` take it."""
    first = next(iter(inspect.signature(public).parameters), "")
    given = values[first] if first in SEVERAL else ()
    if isinstance(given, tuple) and len(given) == 1 and isinstance(given[0], (list, tuple)):
        given = given[0]
    for place, value in enumerate(given if isinstance(given, (list, tuple)) else [given]):
        if not isinstance(value, TensorBase):
            found = _type_name(value)
            return TypeError(f"expected Tensor as element {place} in argument 0, but got {found}")
    return None


def _type_name(value: Any) -> str:
    if isinstance(value, dtype):
        return "torch.dtype"
    kind = type(value)
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


def not_a_tensor(name: str, value: Any) -> TypeError:
    """torch's error for a first argument that is no Tensor.

    >>> not_a_tensor("t", [1])
    TypeError("t(): argument 'input' (position 1) must be Tensor, not list")
    """
    found = _type_name(value)
    return TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {found}")
