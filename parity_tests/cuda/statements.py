"""What minigrad relies on of CuPy's arrays and functions, as statements; the rest is in the test.

Each is a function of the module ``cupy``, and its name says what it checks. ``stricter`` ones hold
for the stand-in alone: CuPy lets such a program pass, and gives what nobody wants.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

Check = Callable[[Any], None]
STATEMENTS: list[Check] = []
STRICTER: set[Check] = set()


def statement(check: Check) -> Check:
    STATEMENTS.append(check)
    return check


def stricter(check: Check) -> Check:
    STRICTER.add(check)
    return statement(check)


def floats(cp, *shape):
    return cp.asarray(np.arange(np.prod(shape), dtype=np.float32).reshape(shape))


# --- host and card never mix ---------------------------------------------------------------------


@statement
def implicit_conversion_raises_TypeError(cp):
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(floats(cp, 3))
    with pytest.raises(TypeError):
        np.stack([np.ones(3), floats(cp, 3)])


@statement
def operators_refuse_arrays_of_the_host_on_either_side(cp):
    for call in (
        lambda a, h: a + h,
        lambda a, h: h + a,
        lambda a, h: a @ h,
        lambda a, h: a == h,
        lambda a, h: cp.maximum(a, h),
    ):
        with pytest.raises(TypeError):
            call(floats(cp, 2, 2), np.ones((2, 2), np.float32))


@statement
def functions_refuse_arrays_of_the_host(cp):
    for name in ("exp", "where", "concatenate"):
        args = {"where": (np.ones(2, bool), 1, 2), "concatenate": ([np.ones(2)],)}
        with pytest.raises((TypeError, AttributeError)):
            getattr(cp, name)(*args.get(name, (np.ones(2),)))


@stricter
def functions_that_call_a_method_refuse_them_too(cp):
    """CuPy asks what it is given, and NumPy's array answers."""
    for name in ("sum", "reshape", "argsort"):
        with pytest.raises(TypeError):
            getattr(cp, name)(np.ones(2), *[(2, 1)] * (name == "reshape"))


@statement
def an_array_of_the_host_cannot_be_assigned(cp):
    a = floats(cp, 2, 2)
    with pytest.raises(ValueError, match="non-scalar"):
        a[:] = np.ones((2, 2), np.float32)


@statement
def numbers_of_NumPy_are_numbers(cp):
    a = floats(cp, 3)
    assert (a * np.float32(2)).dtype == np.float32
    assert (a * np.float64(2)).dtype == np.float64
    assert (a * 2.0).dtype == np.float32
    a[0] = np.float32(7)
    assert a.get().tolist() == [7.0, 1.0, 2.0]


@statement
def an_index_may_come_from_the_host(cp):
    assert floats(cp, 3)[np.array([2, 0])].get().tolist() == [2.0, 0.0]


# --- shapes and types ----------------------------------------------------------------------------


@statement
def what_is_reduced_to_one_element_is_an_array_still(cp):
    a = floats(cp, 2, 3)
    for found in (a.sum(), a[0, 0], a.max(), cp.sum(a), a.mean(), a.argmax(), cp.all(a > 1)):
        assert type(found) is cp.ndarray and found.shape == ()


@statement
def a_vector_with_no_axes_has_neither_length_nor_order(cp):
    with pytest.raises(TypeError):
        len(cp.asarray(1.0))
    with pytest.raises(TypeError):
        range(3)[cp.asarray(1)]  # no __index__
    with pytest.raises(Exception, match="rank of zero"):
        cp.argsort(cp.asarray(1.0))


@statement
def text_and_objects_have_no_dtype(cp):
    for value in (["a"], [None], [object()]):
        with pytest.raises((ValueError, TypeError)):
            cp.asarray(value)
    with pytest.raises((ValueError, TypeError)):
        cp.zeros(3, "longdouble")


@statement
def elementwise_results_are_row_major(cp):
    a = cp.asfortranarray(floats(cp, 3, 4))
    assert not a.flags.c_contiguous
    assert (a + a).flags.c_contiguous and cp.exp(a).flags.c_contiguous
    assert a.copy().flags.c_contiguous and not a.astype("float64").flags.c_contiguous


@statement
def views_share_memory_and_know_their_base(cp):
    a = floats(cp, 4)
    b, c = a[1:], a.reshape(2, 2)
    assert b.base is a and c.base is a and b[1:].base is a and a.base is None
    b[0] = 9
    assert c.get().tolist() == [[0.0, 9.0], [2.0, 3.0]]
    assert b.data.ptr == a.data.ptr + 4
    assert cp.may_share_memory(a, b)


@statement
def a_diagonal_can_be_written(cp):
    a = cp.zeros((2, 2), np.float32)
    a.diagonal()[...] = 1
    assert a.get().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@statement
def strides_are_free(cp):
    a = floats(cp, 6)
    view = cp.lib.stride_tricks.as_strided(a, (2, 3), (4, 8))
    assert view.get().tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    assert not view.flags.c_contiguous and not view.flags.owndata


# --- what is not there ---------------------------------------------------------------------------


@statement
def functions_that_are_not_there(cp):
    for name in ("block", "insert", "unstack", "vecdot", "errstate", "nditer", "frompyfunc"):
        assert not hasattr(cp, name), name
    for name in ("vector_norm", "matrix_norm", "multi_dot", "svdvals"):
        assert not hasattr(cp.linalg, name), name


@statement
def methods_that_are_not_there(cp):
    for name in ("ctypes", "setflags", "resize", "__index__", "__imatmul__"):
        assert not hasattr(cp.ndarray, name), name
    assert not hasattr(floats(cp, 1).flags, "writeable")


@statement
def arguments_that_are_not_there(cp):
    a = floats(cp, 3)
    for call in (
        lambda: cp.sum(a, where=a > 1),
        lambda: cp.max(a, initial=0),
        lambda: cp.sort(a, stable=True),
        lambda: cp.var(a, correction=1),
        lambda: cp.take(a, a.astype("int64"), mode="clip"),
        lambda: cp.zeros(3, device="cpu"),
        lambda: a.item(0),
    ):
        with pytest.raises(TypeError):
            call()


@statement
def functions_of_two_numbers_fold_sums_and_products_only(cp):
    a = floats(cp, 3)
    assert float(cp.add.reduce(a)) == 3.0 and float(cp.multiply.reduce(a + 1)) == 6.0
    for name in ("maximum", "minimum", "logaddexp", "logical_or", "bitwise_or"):
        with pytest.raises(NotImplementedError):
            getattr(cp, name).reduce(a)
        with pytest.raises(NotImplementedError):
            getattr(cp, name).accumulate(a)


@statement
def at_works_for_what_has_atomic_operations(cp):
    places = cp.asarray([0, 0, 1])
    for kind in ("float32", "float64", "int32", "int64", "float16"):
        a = cp.zeros(2, kind)
        cp.add.at(a, places, cp.ones(3, kind))
        assert a.get().tolist() == [2, 1]
    for kind in ("uint8", "int8", "int16", "bool"):
        with pytest.raises(TypeError, match="only supports"):
            cp.add.at(cp.zeros(2, kind), places, cp.ones(3, kind))
    for name in ("multiply", "divide", "logical_or", "fmax"):
        with pytest.raises(NotImplementedError):
            getattr(cp, name).at(cp.ones(2, "float32"), places, cp.ones(3, "float32"))


@statement
def zero_dimensional_arrays_have_no_nonzero_and_do_not_join(cp):
    with pytest.raises(Exception, match="0d"):
        cp.asarray(1.0).nonzero()
    with pytest.raises(ValueError):
        cp.concatenate([cp.asarray(1.0), cp.asarray(2.0)])


@statement
def numbers_of_bfloat16_are_numbers(cp):
    a, two = floats(cp, 3).astype(ml_dtypes.bfloat16), ml_dtypes.bfloat16(2)
    for made in (a * two, cp.maximum(a, two)):
        assert made.dtype == a.dtype
    a[0] = two
    assert a.astype(np.float32).get().tolist() == [2.0, 1.0, 2.0]


@statement
def some_functions_make_float32_of_bfloat16(cp):
    a = floats(cp, 3).astype(ml_dtypes.bfloat16)
    assert a.dtype == cp.exp(a).dtype == (a + a).dtype == cp.maximum(a, a).dtype
    for made in (cp.where(a > 1, a, a), a.max(), a.min(), a.sum(), cp.clip(a, 0, 1)):
        assert made.dtype == np.float32


@statement
def stacks_of_matrices_are_not_broadcast(cp):
    with pytest.raises(ValueError, match="must have"):
        cp.linalg.solve(cp.ones((2, 3, 3)), cp.ones((3, 1)))
    with pytest.raises(ValueError, match="2-d"):
        importlib.import_module("cupyx.scipy.linalg").expm(cp.ones((2, 3, 3)))


@statement
def keys_to_sort_by_are_one_array(cp):
    keys = cp.asarray([[1, 0, 1], [0, 2, 0]])
    assert cp.lexsort(keys).get().tolist() == [0, 2, 1]
    with pytest.raises(AttributeError):
        cp.lexsort([keys[0], keys[1]])


@statement
def a_matrix_without_inverse_is_told_where_that_is_asked_for(cp):
    cupyx = importlib.import_module("cupyx")
    with cupyx.errstate(linalg="raise"), pytest.raises(np.linalg.LinAlgError):
        cp.linalg.inv(cp.zeros((2, 2)))


@stricter
def and_elsewhere_it_is_not_lost(cp):
    cupyx = importlib.import_module("cupyx")
    with cupyx.errstate(linalg="ignore"), pytest.raises(RuntimeError, match="gives NaN"):
        cp.linalg.inv(cp.zeros((2, 2)))
