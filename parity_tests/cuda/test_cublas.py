"""Products on a card: what cuBLAS is told, and what comes of it in a model that counts columns."""

from __future__ import annotations

import ctypes
import sys
import types
from collections.abc import Iterator
from threading import Thread
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as torch
from minigrad.backend import cublas
from minigrad.backend.cublas import FLOAT32, FLOAT64, TF32, Factor, factor, plan
from minigrad.cuda import stand_in
from minigrad.cuda.stand_in.blas import Cublas, to_tf32
from parity_tests.cuda import cards

sizes = st.integers(1, 5)


@st.composite
def stacks(draw: Any) -> tuple[Any, Any]:
    """Two stacks that can be multiplied, with axes turned, skipped, reversed and broadcast."""
    m, k, n = draw(sizes), draw(sizes), draw(sizes)
    lead = draw(st.lists(st.integers(1, 3), max_size=2))
    found = []
    for shape in ((m, k), (k, n)):
        axes = [draw(st.sampled_from((size, 1))) for size in lead][
            draw(st.integers(0, len(lead))) :
        ]
        whole = (*axes, *shape)
        order = draw(st.permutations(range(len(whole))))
        gap = draw(st.integers(1, 2))
        base = np.random.default_rng(len(found)).standard_normal(
            (*[whole[a] for a in order[:-1]], whole[order[-1]] * gap)
        )
        array = base[..., ::gap].transpose(np.argsort(order))
        found.append(array[..., ::-1, :] if draw(st.booleans()) and m > 1 else array)
    return found[0], found[1]


def by_model(a: Any, b: Any, compute: int = FLOAT64) -> Any | None:
    """The product by the model; None where a copy would be needed."""
    lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    (m, k), n = a.shape[-2:], b.shape[-1]
    seen = [factor(x.shape, tuple(s // x.itemsize for s in x.strides), lead) for x in (a, b)]
    if None in seen:
        return None
    out = np.full((*lead, m, n), np.nan, a.dtype)
    call = plan(m, n, k, int(np.prod(lead)), *seen)
    name = "bfloat16" if a.dtype == ml_dtypes.bfloat16 else a.dtype.name
    Cublas().gemm(call, 1.0, b.ctypes.data, a.ctypes.data, 0.0, out.ctypes.data, name, compute)
    return out


@given(stacks())
def test_what_can_be_read_in_place_is_read_right(pair: tuple[Any, Any]) -> None:
    found = by_model(*pair)
    if found is not None:
        np.testing.assert_allclose(found, pair[0] @ pair[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "steps", "lead", "wanted"),
    [
        ((4, 3), (3, 1), (), Factor(False, 3, 0)),
        ((3, 4), (1, 3), (), Factor(True, 3, 0)),  # .T
        ((4, 3), (7, 1), (), Factor(False, 7, 0)),  # some columns of a wider matrix
        ((4, 3), (6, 2), (), None),  # every second column
        ((4, 3), (-3, 1), (), None),  # upside down
        ((4, 1), (5, 9), (), Factor(False, 5, 0)),  # a column of a matrix
        ((1, 4), (9, 1), (), Factor(False, 4, 0)),
        ((1, 4), (9, 2), (), Factor(True, 2, 0)),
        ((5, 4, 3), (12, 3, 1), (5,), Factor(False, 3, 12)),
        ((4, 3), (3, 1), (5,), Factor(False, 3, 0)),  # one matrix for all
        ((2, 5, 4, 3), (60, 12, 3, 1), (2, 5), Factor(False, 3, 12)),
        ((1, 5, 4, 3), (60, 12, 3, 1), (2, 5), None),  # two rounds of five
        ((2, 5, 4, 3), (12, 24, 3, 1), (2, 5), None),  # heads before samples
        ((2, 1, 4, 3), (12, 12, 3, 1), (2, 5), None),
        ((5, 4, 3), (3, 15, 1), (5,), Factor(False, 15, 3)),  # heads side by side
    ],
)  # fmt: skip
def test_how_a_factor_is_seen(shape: Any, steps: Any, lead: Any, wanted: Any) -> None:
    assert factor(shape, steps, lead) == wanted


@pytest.mark.parametrize("turn", [(False, False), (False, True), (True, False), (True, True)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_transposed_factors_are_not_copied(dtype: str, turn: tuple[bool, bool]) -> None:
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((2, *s)).astype(kind) for s in ((5, 7), (7, 3)))
    a, b = (
        np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2) if t else x
        for x, t in zip((a, b), turn, strict=True)
    )
    found = by_model(a, b, FLOAT64 if dtype == "float64" else FLOAT32)
    assert found is not None
    wide = np.float64 if dtype == "float64" else np.float32
    wanted = (a.astype(wide) @ b.astype(wide)).astype(kind)
    np.testing.assert_allclose(
        found.astype(np.float64),
        wanted.astype(np.float64),
        rtol=2 * float(ml_dtypes.finfo(kind).eps),
    )


def test_the_model_notices_a_wrong_argument() -> None:
    """Each number of a call matters: another one gives another product, or an error."""
    a, b = np.random.default_rng(1).standard_normal((2, 6, 6))
    a, b = a[:4, :3], b[:3, :5]
    right, seen = a @ b, [factor(x.shape, (6, 1), ()) for x in (a, b)]
    call = plan(4, 5, 3, 1, *seen)
    for name in ("transa", "transb", "k", "lda", "ldb", "ldc"):
        value = getattr(call, name)
        wrong = call._replace(**{name: not value if isinstance(value, bool) else value - 1})
        out = np.full((4, 5), np.nan)
        try:
            Cublas().gemm(
                wrong, 1.0, b.ctypes.data, a.ctypes.data, 0.0, out.ctypes.data, "float64", FLOAT64
            )
        except AssertionError:
            continue
        assert not np.allclose(out, right), name


@pytest.fixture
def library() -> Any:
    """The calls that the stand-in's cuBLAS gets."""
    with cards.card():
        found: Any = cublas._library(stand_in.cupy)
        found.calls.clear()
        yield found


CASES = [
    ("mm", lambda a, b: a @ b, ((4, 3), (3, 5)), 3),
    ("transposed", lambda a, b: a.T @ b.T, ((3, 4), (5, 3)), 3),
    ("stacks", lambda a, b: a @ b, ((2, 4, 3), (2, 3, 5)), 3),
    ("broadcast", lambda a, b: a @ b, ((2, 2, 4, 3), (2, 1, 3, 5)), 3),
    ("one for all", lambda a, b: a @ b, ((2, 4, 3), (3, 5)), 3),
    ("matrix and vector", lambda a, b: a @ b, ((4, 3), (3,)), 2),
    ("vector and matrix", lambda a, b: a @ b, ((3,), (3, 4)), 2),
    ("dot", lambda a, b: a @ b, ((3,), (3,)), 1),
    ("linear", torch.nn.functional.linear, ((6, 3), (5, 3), (5,)), 3),
    ("linear on stacks", torch.nn.functional.linear, ((2, 6, 3), (5, 3), (5,)), 3),
    ("attention", torch.nn.functional.scaled_dot_product_attention,
     ((2, 2, 4, 3), (2, 2, 5, 3), (2, 2, 5, 3)), 6),
    ("einsum", lambda a, b: torch.einsum("bhqd,bhkd->bhqk", a, b), ((2, 2, 4, 3), (2, 2, 5, 3)), 3),
]  # fmt: skip


@pytest.mark.parametrize(("name", "run", "shapes", "least"), CASES, ids=[c[0] for c in CASES])
def test_products_of_tensors_go_there(
    name: str, run: Any, shapes: Any, least: int, library: Any
) -> None:
    torch.manual_seed(0)
    inputs = [torch.randn(*shape, requires_grad=True) for shape in shapes]
    wanted, found = cards.both_ways(run, *inputs)
    cards.agree(found, wanted, "float32")
    assert len(library.calls) >= least


def test_no_elements_and_no_depth(library: Any) -> None:
    a = torch.zeros(3, 0, device="cuda")
    assert (a @ torch.zeros(0, 2, device="cuda")).cpu().tolist() == [[0, 0]] * 3
    assert (a.T @ torch.zeros(3, 2, device="cuda")).shape == (0, 2)
    b = torch.ones(2, device="cuda")
    out = torch.nn.functional.linear(a, torch.zeros(2, 0, device="cuda"), b)
    assert out.cpu().tolist() == [[1, 1]] * 3


def test_tf32_where_it_is_allowed(library: Any) -> None:
    torch.manual_seed(0)
    a, b = torch.randn(3, 9, device="cuda"), torch.randn(9, 4, device="cuda")
    exact = (a @ b).cpu().numpy()
    try:
        torch.backends.cuda.matmul.allow_tf32 = True
        rounded = (a @ b).cpu().numpy()
        (a.double() @ b.double()).cpu()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False
    assert [compute for _, _, compute in library.calls] == [FLOAT32, TF32, FLOAT64]
    x, y = to_tf32(a.cpu().numpy()), to_tf32(b.cpu().numpy())
    np.testing.assert_allclose(rounded, x @ y, rtol=1e-6, atol=1e-6)
    assert np.abs(rounded - exact).max() > 1e-5


def test_high_precision_allows_tf32(library: Any) -> None:
    a = torch.ones(2, 2, device="cuda")
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        a @ a
    finally:
        torch.set_float32_matmul_precision(before)
    assert library.calls[-1][2] == TF32


def test_half_precision_is_added_up_in_float32(library: Any) -> None:
    for dtype in (torch.float16, torch.bfloat16):
        a = torch.ones(1, 3000, device="cuda", dtype=dtype)
        assert (a @ a.T).item() == {torch.float16: 3000, torch.bfloat16: 3008}[dtype]
    assert {compute for _, _, compute in library.calls} == {FLOAT32}


@pytest.fixture
def by_ctypes() -> Iterator[Any]:
    """The library as it is really called, with C functions of cuBLAS's types behind it."""
    whole, wide, address = ctypes.c_int, ctypes.c_longlong, ctypes.c_void_p
    told: list[Any] = []
    model = Cublas()

    def create(place: int) -> int:
        told.append("create")
        ctypes.c_void_p.from_address(place).value = 77
        return 0

    def stream(handle: int, place: int | None) -> int:
        told.append(("stream", handle, place or 0))
        return 0

    def workspace(handle: int, place: int, size: int) -> int:
        told.append(("workspace", handle, place, size))
        return 0

    def gemm(
        handle: int, ta: int, tb: int, m: int, n: int, k: int, alpha: int,
        a: int, atype: int, lda: int, stridea: int, b: int, btype: int, ldb: int, strideb: int,
        beta: int, c: int, ctype: int, ldc: int, stridec: int, batch: int, compute: int, algo: int,
    ) -> int:  # fmt: skip
        dtype = next(name for name, number in cublas.TYPES.items() if number == atype)
        scale = ctypes.c_double if dtype == "float64" else ctypes.c_float
        call = cublas.Product(
            bool(ta), bool(tb), m, n, k, lda, stridea, ldb, strideb, ldc, stridec, batch
        )
        one, other = (scale.from_address(place).value for place in (alpha, beta))
        model.gemm(call, one, a, b, other, c, dtype, compute)
        told.append(("gemm", handle, atype == btype == ctype, algo))
        return 0

    matrix = (address, whole, whole, wide)
    product = ctypes.CFUNCTYPE(
        whole, address, *[whole] * 5, address, *matrix, *matrix, address, *matrix, *[whole] * 3
    )
    library = types.SimpleNamespace(
        cublasCreate_v2=ctypes.CFUNCTYPE(whole, address)(create),
        cublasSetStream_v2=ctypes.CFUNCTYPE(whole, address, address)(stream),
        cublasSetWorkspace_v2=ctypes.CFUNCTYPE(whole, address, address, ctypes.c_size_t)(workspace),
        cublasGemmStridedBatchedEx=product(gemm),
    )
    cuda = types.SimpleNamespace(
        runtime=types.SimpleNamespace(getDevice=lambda: 0),
        stream=types.SimpleNamespace(ptr=0),
        alloc=lambda size: types.SimpleNamespace(ptr=1000 + len(told)),
    )
    cuda.get_current_stream = lambda: cuda.stream
    yield cublas.Cublas(types.SimpleNamespace(cuda=cuda), library), cuda, told


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_the_call_that_a_card_gets(dtype: str, by_ctypes: Any) -> None:
    """Through ctypes, to C functions of the types that NVIDIA's page gives."""
    wrapper, _, told = by_ctypes
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    a, b = (np.random.default_rng(0).standard_normal(s).astype(kind) for s in ((2, 4, 3), (3, 5)))
    seen = [factor(x.shape, tuple(s // x.itemsize for s in x.strides), (2,)) for x in (a, b)]
    out = np.ones((2, 4, 5), kind)
    compute = FLOAT64 if dtype == "float64" else FLOAT32
    places = b.ctypes.data, a.ctypes.data
    wrapper.gemm(plan(4, 5, 3, 2, *seen), 1.0, *places, 1.0, out.ctypes.data, dtype, compute)
    wide = np.float64 if dtype == "float64" else np.float32
    wanted = (a.astype(wide) @ b.astype(wide) + 1).astype(kind)
    np.testing.assert_allclose(
        out.astype(np.float64), wanted.astype(np.float64),
        rtol=4 * float(ml_dtypes.finfo(kind).eps), atol=float(ml_dtypes.finfo(kind).eps),
    )  # fmt: skip
    assert told[-1] == ("gemm", 77, True, -1)


def test_the_library_is_the_one_that_CuPy_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """From wherever pip has put it: the system's loader does not find it before CuPy has."""
    events: list[str] = []

    class Libs(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            events.append(name)
            return None

    monkeypatch.setitem(sys.modules, "cupy_backends.cuda.libs", Libs("cupy_backends.cuda.libs"))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: events.append(name) or name)
    runtime = types.SimpleNamespace(runtimeGetVersion=lambda: 13020)
    found = cublas._loaded(types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime)))
    assert found == "libcublas.so.13"
    assert [e for e in events if not e.startswith("__")] == ["cublas", "libcublas.so.13"]


def test_streams_share_no_workspace(by_ctypes: Any) -> None:
    """They run at the same time; and a workspace is set after the stream, which takes it away."""
    wrapper, cuda, told = by_ctypes
    x = np.ones((2, 2), np.float32)
    call = plan(2, 2, 2, 1, Factor(False, 2, 0), Factor(False, 2, 0))
    for stream in (0, 5, 0):
        cuda.stream.ptr = stream
        wrapper.gemm(call, 1.0, *[x.ctypes.data] * 2, 0.0, np.empty_like(x).ctypes.data,
                     "float32", FLOAT32)  # fmt: skip
    assert told.count("create") == 1
    kinds = [word[0] for word in told if word != "create"]
    assert kinds == ["stream", "workspace", "gemm"] * 3
    places = [word[2] for word in told if word[0] == "workspace"]
    assert places[0] == places[2] != places[1]
    assert [word[2] for word in told if word[0] == "stream"] == [0, 5, 0]


def test_threads_that_come_and_go_leave_nothing_behind(by_ctypes: Any) -> None:
    """The next thread has their handle; a stream's workspace is that of all threads."""
    wrapper, _, told = by_ctypes
    x = np.ones((2, 2), np.float32)
    call = plan(2, 2, 2, 1, Factor(False, 2, 0), Factor(False, 2, 0))

    def product() -> None:
        wrapper.gemm(call, 1.0, *[x.ctypes.data] * 2, 0.0, np.empty_like(x).ctypes.data,
                     "float32", FLOAT32)  # fmt: skip

    for _ in range(3):
        thread = Thread(target=product)
        thread.start()
        thread.join()
    assert told.count("create") == 1
    assert len({word[2] for word in told if word[0] == "workspace"}) == 1
    product()
    one = Thread(target=product)  # beside this one, which has the first handle
    one.start()
    one.join()
    assert told.count("create") == 2
