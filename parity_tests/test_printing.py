"""The printed form of a tensor, compared character by character with torch's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minigrad.printing import (
    PrintOptions,
    format_array,
    format_scalar,
    get_printoptions,
    printoptions,
    set_printoptions,
)

ml_dtypes = pytest.importorskip("ml_dtypes")
torch = pytest.importorskip("torch")

FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
DTYPES = [*FLOATS, *INTEGERS, "bool"]
INF, NAN = float("inf"), float("nan")

# Drawing big arrays is slow on a loaded machine, and that is no fault of the code under test.
SETTINGS = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

# --- Helpers --------------------------------------------------------------------------------------


def as_array(tensor: Any) -> np.ndarray:
    """The tensor's values as an array of the same type (NumPy has bfloat16 from ml_dtypes)."""
    plain = tensor.detach()
    if plain.dtype == torch.bfloat16:
        bits = plain.contiguous().view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    return plain.numpy()


def as_tensor(array: np.ndarray, dtype: str) -> Any:
    """A torch tensor of the named dtype, cast by torch."""
    return torch.from_numpy(np.array(array)).to(getattr(torch, dtype))


def own_text(tensor: Any, **keywords: Any) -> str:
    """What minigrad prints for the values and the autograd facts of a torch tensor."""
    if tensor.grad_fn is not None:
        suffixes = [f"grad_fn=<{type(tensor.grad_fn).__name__}>"]
    else:
        suffixes = ["requires_grad=True"] if tensor.requires_grad else []
    return format_array(as_array(tensor), suffixes=suffixes, **keywords)


def check(tensor: Any) -> None:
    """Fail unless both print the same text."""
    assert own_text(tensor) == repr(tensor)


@contextmanager
def both(**options: Any) -> Iterator[None]:
    """Set the print options of torch and of minigrad."""
    with torch._tensor_str.printoptions(**options), printoptions(**options):
        yield


@pytest.fixture(autouse=True)
def no_option_leaks() -> Iterator[None]:
    """Fail the test that leaves options behind."""
    yield
    left = get_printoptions()
    set_printoptions(profile="default")
    assert left == get_printoptions()


# --- Values ---------------------------------------------------------------------------------------

VALUES = {
    "zero": [0.0],
    "negative zero": [-0.0],
    "negative zero among wholes": [-0.0, 1.0, 2.0],
    "negative zero among fractions": [0.0, -0.0, 0.25],
    "rounds to negative zero": [-0.00012, 0.05],
    "wholes": [19.0, 25.0, 37.0, 43.0],
    "wholes of several widths": [1.0, -20.0, 300.0],
    "wholes of ratio 1000": [1.0, 1000.0],
    "wholes of ratio 1001": [1.0, 1001.0],
    "fractions": [0.9578, -1.0216],
    "ratio 1000": [0.25, 250.0],
    "ratio above 1000": [0.25, 250.5],
    "one hundred million": [1e8],
    "above one hundred million": [1.00000008e8],
    "smallest fixed": [1e-4],
    "just too small": [9.9e-5],
    "tiny": [-7.4506e-09],
    "tiny and ordinary": [9.5483e-01, -8.2600e-04],
    "wide": [1.0, 7.389056, 54.59815, 2980.958],
    "nan only": [NAN],
    "inf only": [INF, -INF],
    "nan beside one digit": [NAN, 1.0],
    "nan beside a fraction": [NAN, 0.5, INF, -INF],
    "nan and huge": [NAN, 1e9, INF],
    "nan and zero": [NAN, 0.0],
    "half way": [0.00005, 0.12345, 2.5, -0.5],
    "largest half": [65504.0, 1.0],
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_float_values_print_as_in_torch(values: list[float], dtype: str) -> None:
    tensor = torch.tensor(values, dtype=getattr(torch, dtype))
    check(tensor)
    check(tensor.expand(3, len(values)))
    for value in values:
        check(torch.tensor(value, dtype=getattr(torch, dtype)))


@pytest.mark.parametrize(
    "values",
    [
        [1e300, 1e-300],
        [5e-324, 1.7e308],
        [1e308, 1e308],
        [1e-310, 2e-310],
        [123456789.0],
        [2.0**53, 1.0],
        [1e22],
    ],
)
def test_extreme_doubles_print_as_in_torch(values: list[float]) -> None:
    check(torch.tensor(values, dtype=torch.float64))
    with both(sci_mode=False):
        check(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_extremes_are_aligned_as_in_torch(dtype: str) -> None:
    limits = torch.iinfo(getattr(torch, dtype))
    tensor = torch.tensor([limits.min, 0, 7, limits.max], dtype=getattr(torch, dtype))
    check(tensor)
    check(tensor.reshape(2, 2))
    for element in tensor:
        check(element)


def test_bools_are_padded_as_in_torch() -> None:
    check(torch.tensor(True))
    check(torch.tensor([True, True]))
    check(torch.tensor([[True, False], [False, True]]))


def test_printing_is_silent_about_odd_bits() -> None:
    signalling = np.array([0x7D01, 0x3C00], np.uint16).view(np.float16)
    assert format_array(signalling) == "tensor([nan, 1.], dtype=torch.float16)"


# --- Shapes ---------------------------------------------------------------------------------------

SHAPES = [
    (),
    (1,),
    (6,),
    (7,),
    (1, 1),
    (2, 3),
    (3, 1),
    (1, 30),
    (2, 2, 3),
    (1, 1, 1, 1),
    (2, 3, 2, 2),
    (1, 2, 1, 2, 1, 2),
    (999,),
    (1000,),
    (1001,),
    (1200,),
    (500, 2),
    (501, 2),
    (2, 501),
    (7, 143),
    (6, 167),
    (5, 6, 40),
    (40, 6, 5),
    (8, 8, 4, 4),
    (3, 3, 20, 20),
    (10, 10, 10, 10),
    (2,) * 10,
    (7, 7, 7, 7),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_and_dtypes_print_as_in_torch(shape: tuple[int, ...], dtype: str) -> None:
    generator = np.random.default_rng(len(shape))
    scale = 3.0 if dtype in FLOATS else 40.0
    array = np.abs(generator.normal(scale=scale, size=shape))
    if dtype == "bool":
        array = np.asarray(array > 30)
    check(as_tensor(array, dtype))


@pytest.mark.parametrize("size", range(1, 1201, 37))
def test_rows_break_where_torch_breaks_them(size: int) -> None:
    values = torch.arange(size)
    check(values)
    check(values * 0.37)
    check(torch.sin(values))
    check(values > 3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(0,), (0, 3), (5, 0), (2, 0, 4), (0, 0, 0, 0)], ids=str)
def test_empty_tensors_print_as_in_torch(shape: tuple[int, ...], dtype: str) -> None:
    check(torch.empty(shape, dtype=getattr(torch, dtype)))
    with both(edgeitems=0):
        check(torch.empty(shape, dtype=getattr(torch, dtype)))
    if dtype in FLOATS:
        check(torch.empty(shape, dtype=getattr(torch, dtype), requires_grad=True))


def test_views_print_as_in_torch() -> None:
    base = torch.arange(3000.0).reshape(30, 100)
    for view in (base.T, base[::2], base[:, ::7], base[0].expand(40, 100)):
        check(view)


# --- Suffixes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("columns", range(1, 16))
def test_autograd_suffixes_wrap_where_torch_wraps_them(columns: int, dtype: str) -> None:
    for rows in (None, 1, 3):
        shape = (columns,) if rows is None else (rows, columns)
        leaf = torch.linspace(-1, 2, columns * (rows or 1), dtype=torch.float64)
        leaf = leaf.reshape(shape).to(getattr(torch, dtype)).requires_grad_()
        check(leaf)
        check(leaf * 2)
        check(leaf.exp())
        check(leaf.sum())
        check(torch.nn.functional.log_softmax(leaf, -1))
        check(leaf.unsqueeze(0).expand(3, *shape))


@pytest.mark.parametrize("length", range(1, 90, 4))
def test_a_suffix_of_any_length_wraps_where_torch_wraps_it(length: int) -> None:
    suffixes = ["a" * length, "b" * (90 - length), "c" * 7]
    for tensor in (torch.arange(9), torch.arange(40.0).reshape(2, 20), torch.tensor(1.5)):
        body = repr(tensor)[:-1]
        expected = torch._tensor_str._add_suffixes(body, suffixes, len("tensor("), False)
        assert format_array(as_array(tensor), suffixes=suffixes) == expected


def test_device_comes_before_size_and_dtype() -> None:
    array = np.zeros((0, 2), np.float64)
    text = format_array(array, device="cuda:0", suffixes=["requires_grad=True"])
    assert text == (
        "tensor([], device='cuda:0', size=(0, 2), dtype=torch.float64,\n       requires_grad=True)"
    )
    assert format_array(np.arange(2), device="cuda:0") == "tensor([0, 1], device='cuda:0')"


def test_torch_puts_the_device_first() -> None:
    meta = torch.empty(3, dtype=torch.float16, device="meta")
    shown = repr(meta)
    assert shown.index("device=") < shown.index("size=") < shown.index("dtype=")


@pytest.mark.parametrize("default", ["float64", "float32"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_default_dtype_is_not_shown(dtype: str, default: str) -> None:
    torch.set_default_dtype(getattr(torch, default))
    try:
        for shape in ((2,), (0, 2)):
            tensor = torch.ones(shape, dtype=getattr(torch, dtype))
            assert own_text(tensor, default_dtype=default) == repr(tensor)
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_class_name_sets_the_indent() -> None:
    class Picture(torch.Tensor):
        pass

    tensor = torch.arange(60.0).reshape(3, 20)
    expected = repr(tensor.as_subclass(Picture))
    assert own_text(tensor, prefix="Picture(") == expected


def test_complex_numbers_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="got complex128"):
        format_array(np.ones(2, np.complex128))


# --- Options --------------------------------------------------------------------------------------

OPTIONS: list[dict[str, Any]] = [
    {"profile": "default"},
    {"profile": "short"},
    {"profile": "full"},
    {"profile": "short", "precision": 7},
    {"precision": 0},
    {"precision": 1},
    {"precision": 10},
    {"precision": 10, "sci_mode": True},
    {"sci_mode": True},
    {"sci_mode": False},
    {"linewidth": 0},
    {"linewidth": 1},
    {"linewidth": 20},
    {"linewidth": 79},
    {"linewidth": 200},
    {"threshold": 0},
    {"threshold": -1},
    {"threshold": 5, "edgeitems": 1},
    {"threshold": 5, "edgeitems": 2},
    {"threshold": 5, "edgeitems": 0},
    {"edgeitems": 0},
    {"edgeitems": 5, "threshold": 3, "linewidth": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_act_as_in_torch(options: dict[str, Any]) -> None:
    with both(**options):
        for size in (1, 5, 12, 60, 1002):
            check(torch.arange(size))
            check(torch.linspace(-1, 2, size, dtype=torch.float64).requires_grad_())
            check(torch.linspace(-1, 2, size).requires_grad_() * 2)
            check(torch.arange(size) * 1e6 - 7)
        check(torch.sin(torch.arange(240.0)).reshape(2, 3, 5, 8))
        check(torch.arange(2400.0).reshape(2, 3, 50, 8))
        for single in (torch.tensor(True), torch.tensor(2.0), torch.tensor(0.0), torch.tensor(NAN)):
            check(single)
        check(torch.tensor([0.0, NAN, -INF]))


def test_options_are_read_and_restored_as_in_torch() -> None:
    assert get_printoptions() == torch._tensor_str.get_printoptions()
    saved = get_printoptions()
    steps: list[dict[str, Any]] = [
        {"precision": 2, "sci_mode": True},
        {"threshold": 10},  # takes sci_mode back to automatic
        {"profile": "full", "linewidth": 120},
        {"profile": "short"},
        {"edgeitems": 4},
    ]
    try:
        for step in steps:
            set_printoptions(**step)
            torch.set_printoptions(**step)
            assert get_printoptions() == torch._tensor_str.get_printoptions()
    finally:
        set_printoptions(**saved)
        torch.set_printoptions(**saved)
    assert get_printoptions() == saved == torch._tensor_str.get_printoptions()


def test_options_come_back_after_an_exception() -> None:
    with pytest.raises(KeyError), printoptions(precision=2, sci_mode=True):
        raise KeyError
    assert PrintOptions(**get_printoptions()) == PrintOptions()


@pytest.mark.parametrize(
    "options", [{"profile": "long"}, {"precision": -1}, {"edgeitems": -1, "linewidth": 3}]
)
def test_impossible_options_are_refused_and_change_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="set_printoptions: "):
        set_printoptions(**options)
    with pytest.raises(ValueError, match="set_printoptions: "), printoptions(**options):
        pass
    assert PrintOptions(**get_printoptions()) == PrintOptions()


# --- Hypothesis -----------------------------------------------------------------------------------

SIZES = st.lists(st.integers(1, 6), max_size=4) | st.tuples(st.integers(1, 40))
MAGNITUDES = st.floats(-12, 12).map(lambda power: 10.0**power)
SPECIAL = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-4, 1e8, 999.99995, NAN, INF, -INF])
ANY_FLOAT = st.floats(width=64) | st.floats(-10, 10) | SPECIAL
ANY_FLOAT |= st.integers(-2000, 2000).map(float)


@st.composite
def float_arrays(draw: st.DrawFn) -> np.ndarray:
    """Arrays of a few numbers, repeated and scaled: the notation hangs on the extremes."""
    shape = tuple(draw(SIZES))
    pool = draw(st.lists(ANY_FLOAT, min_size=1, max_size=6))
    scale = draw(st.just(1.0) | MAGNITUDES)
    with np.errstate(all="ignore"):
        return np.resize(np.array(pool) * scale, shape)


OPTION_SETS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.integers(0, 30),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(10, 120),
        "sci_mode": st.none() | st.booleans(),
    },
)


@SETTINGS
@given(float_arrays(), st.sampled_from(FLOATS), OPTION_SETS, st.integers(0, 2))
def test_any_floats_print_as_in_torch(
    array: np.ndarray, dtype: str, options: dict[str, Any], autograd: int
) -> None:
    with np.errstate(all="ignore"):
        tensor = as_tensor(array, dtype)
    if autograd:
        tensor.requires_grad_()
    if autograd == 2:
        tensor = tensor.clone()
    check(tensor)
    with both(**options):
        check(tensor)


@SETTINGS
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-99, 99), min_size=1, max_size=5),
    SIZES,
    st.sampled_from([*INTEGERS, "bool"]),
    OPTION_SETS,
)
def test_any_integers_print_as_in_torch(
    pool: list[int], shape: list[int], dtype: str, options: dict[str, Any]
) -> None:
    tensor = as_tensor(np.resize(np.array(pool, np.int64), tuple(shape)), dtype)
    check(tensor)
    with both(**options):
        check(tensor)


@SETTINGS
@given(st.lists(st.integers(1, 35), min_size=1, max_size=4).filter(lambda s: np.prod(s) < 40_000))
def test_any_shape_is_summarised_as_in_torch(shape: list[int]) -> None:
    check(torch.arange(int(np.prod(shape))).reshape(shape))
    check(torch.sin(torch.arange(float(np.prod(shape)))).reshape(shape))


# --- format(tensor, spec) -------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["", ".2f", "8.3e", "+g", ">12", "d", "05d", "x", ".1%", "s", "?"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_number_is_formatted_as_in_torch(dtype: str, spec: str) -> None:
    for value in (0, 1, 7) if dtype not in FLOATS else (0.1, -2.75, INF):
        tensor = torch.tensor(value, dtype=getattr(torch, dtype))
        try:
            expected = format(tensor, spec)
        except ValueError:
            with pytest.raises(ValueError):
                format_scalar(as_array(tensor), spec)
        else:
            assert format_scalar(as_array(tensor), spec) == expected


@pytest.mark.parametrize("shape", [(0,), (1,), (2, 3)], ids=str)
def test_arrays_take_only_the_empty_spec(shape: tuple[int, ...]) -> None:
    tensor = torch.ones(shape, requires_grad=True)
    array = as_array(tensor)
    assert format_scalar(array, "") == format(tensor.detach(), "")
    assert format_scalar(array, "", lambda: own_text(tensor)) == format(tensor, "")
    with pytest.raises(TypeError) as theirs:
        format(tensor, ".2f")
    with pytest.raises(TypeError) as ours:
        format_scalar(array, ".2f")
    assert str(ours.value) == str(theirs.value)


# --- Cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1_000_000,), (1000, 1000), (100, 10, 1000), (7, 400, 400)])
def test_a_million_elements_print_in_20_ms(shape: tuple[int, ...]) -> None:
    array = np.ones(shape, np.float32)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        format_array(array)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.020
