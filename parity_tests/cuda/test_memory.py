"""Kernels that read and write at places, draw random numbers, and step parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.backend.cuda_plans import tensor_tables
from minigrad.cuda.on_cpu import KernelError, reaching
from minigrad.random import philox
from parity_tests.cuda.engines import MODES, close, compiler, empty, kernels, of

pytestmark = compiler
drawn = settings(max_examples=12, deadline=None)
modes = st.sampled_from(MODES)


def random(shape: Any, dtype: str = "float32", seed: int = 0) -> Any:
    return of(np.random.default_rng(seed).standard_normal(shape), dtype)


@st.composite
def places(draw: Any) -> tuple[int, int, int, int]:
    """outer, size, inner, count"""
    return (draw(st.integers(1, 3)), draw(st.sampled_from([1, 3, 70])),
            draw(st.sampled_from([1, 4, 5, 70])), draw(st.sampled_from([1, 6, 300])))  # fmt: skip


@drawn
@given(sizes=places(), dtype=st.sampled_from(["float32", "float64", "bfloat16"]), mode=modes)
def test_take(sizes: Any, dtype: str, mode: Any) -> None:
    (outer, size, inner, count), run = sizes, kernels(dtype, *mode[1:])
    rng, bad = np.random.default_rng(count), np.zeros(1, np.int64)
    x = random((outer, size, inner), dtype)
    out, index = empty((outer, count, inner), dtype), rng.integers(0, size, count)
    run["take_rows"](x, index, out, outer, size, inner, count, bad)
    np.testing.assert_array_equal(out, x[:, index])
    along = rng.integers(0, size, out.shape)
    run["take_along"](x, along, out, outer, size, inner, count, bad)
    np.testing.assert_array_equal(out, np.take_along_axis(x, along, 1))
    assert bad[0] == 0


@drawn
@given(sizes=places(), form=st.sampled_from(["", "_atomic", "_ordered"]),
       dtype=st.sampled_from(["float32", "float64", "bfloat16"]), mode=modes)  # fmt: skip
def test_add(sizes: Any, form: str, dtype: str, mode: Any) -> None:
    (outer, size, inner, count), run = sizes, kernels(dtype, *mode[1:])
    rng, bad = np.random.default_rng(count), np.zeros(1, np.int64)
    start, x = random((outer, size, inner), dtype), random((outer, count, inner), dtype, 1)
    index, along = rng.integers(0, size, count), rng.integers(0, size, x.shape)
    rounding = 1 + count / 20 if dtype == "bfloat16" else 5
    for name, where in (("add_rows", index), ("add_along", along)):
        out = start.copy()
        run[name + form](out, where, x, outer, size, inner, count, bad)
        wanted = start.astype("f8")
        columns = np.arange(inner)
        for o in range(outer):
            if name == "add_rows":
                np.add.at(wanted[o], where, x[o].astype("f8"))
            else:
                np.add.at(wanted[o], (where[o], columns), x[o].astype("f8"))
        close(out, wanted, dtype, rounding)
    assert bad[0] == 0


def test_ordered_sums_have_the_same_bits_in_every_order() -> None:
    """And those of adding one after the other."""
    x, index = random((1, 900, 5)), np.random.default_rng(0).integers(0, 4, 900)
    wanted = np.zeros((4, 5), np.float32)
    for k in range(900):
        wanted[index[k]] += x[0, k]
    for order in ("forward", "reversed", "shuffled"):
        out, bad = np.zeros((4, 5), np.float32), np.zeros(1, np.int64)
        kernels(order=order)["add_rows_ordered"](out, index, x, 1, 4, 5, 900, bad)
        assert out.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name", ["take_rows", "add_rows_atomic", "add_rows_ordered"])
@pytest.mark.parametrize("wrong", [-1, 7, 2**40])
def test_an_index_out_of_range_is_noted(name: str, wrong: int) -> None:
    """And nothing beyond the arrays is touched."""
    x, index = random((7, 4)), np.array([0, wrong, 6])
    out, bad = empty((3, 4), "float32"), np.zeros(1, np.int64)
    arrays = (x, index, out) if name == "take_rows" else (x, index, np.ones((3, 4), np.float32))
    kernels(checked=True)[name](*arrays, 1, 7, 4, 3, bad)
    assert bad[0] == 1


@pytest.mark.parametrize("count", [1, 4, 1003])
@pytest.mark.parametrize("seed", [0, 12345678901234567])
@pytest.mark.parametrize("offset", [0, 2**33 + 5])
def test_random_words_are_those_of_numpy(count: int, seed: int, offset: int) -> None:
    out = np.zeros(count, np.uint32)
    kernels(checked=True)["philox_words"](out, count, seed, offset, None)
    np.testing.assert_array_equal(out, philox.words(count, seed, offset))
    place = np.zeros(2, np.int64)
    kernels()["philox_place"](place, seed, offset)
    kernels(checked=True)["philox_words"](out, count, 0, 3, place)
    np.testing.assert_array_equal(out, philox.words(count, seed, offset + 3))


def test_philox_is_the_published_one() -> None:
    """Known answers of the authors' Random123, and NumPy's Philox cross-checked by its blocks."""
    assert [hex(w) for w in philox.words(4, 0)] == [
        "0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8",
    ]  # fmt: skip
    far = philox.words(8, 2**64 - 1, 2**64 - 1)
    np.testing.assert_array_equal(far[4:], philox.words(4, 2**64 - 1, 0))


@drawn
@given(count=st.integers(1, 700), seed=st.integers(0, 2**62), offset=st.integers(0, 2**40),
       dtype=st.sampled_from(["float32", "float64", "float16", "bfloat16"]),
       mode=modes)  # fmt: skip
def test_random_numbers(count: int, seed: int, offset: int, dtype: str, mode: Any) -> None:
    run, out = kernels(dtype, *mode[1:]), empty(count, dtype)
    kind = of([], dtype).dtype
    run["philox_uniform"](out, count, seed, offset, None, -1.1, 0.3)
    np.testing.assert_array_equal(out, philox.uniform(count, seed, offset, -1.1, 0.3, kind))
    run["philox_normal"](out, count, seed, offset, None, 2.0, 0.5)
    close(out, philox.normal(count, seed, offset, 2, 0.5, kind), dtype)
    run["philox_bernoulli"](out, count, seed, offset, None, 0.3)
    np.testing.assert_array_equal(out, philox.bernoulli(count, seed, offset, 0.3))
    x = random(count, dtype)
    run["dropout"](x, out, count, seed, offset, None, 0.3)
    np.testing.assert_array_equal(out, philox.dropout(x, seed, offset, 0.3))


def test_random_numbers_are_spread_as_they_should() -> None:
    u, z = philox.uniform(100_000, 1), philox.normal(100_000, 2)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.005 and abs(u.var() - 1 / 12) < 0.002
    assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.01
    assert abs((z**4).mean() - 3) < 0.15


SGD = st.fixed_dictionaries({
    "lr": st.floats(0.01, 1), "momentum": st.sampled_from([0, 0.9]), "dampening": st.just(0),
    "weight_decay": st.sampled_from([0, 0.1]), "maximize": st.booleans(),
})  # fmt: skip


@drawn
@given(options=SGD, nesterov=st.booleans(), n=st.integers(1, 600), mode=modes)
def test_sgd(options: dict[str, Any], nesterov: bool, n: int, mode: Any) -> None:
    options["nesterov"] = nesterov and options["momentum"] > 0
    run, leaf = kernels("float32", *mode[1:]), torch.from_numpy(random(n).copy()).requires_grad_()
    p, b = leaf.detach().numpy().copy(), np.zeros(n, np.float32) if options["momentum"] else None
    optimizer = torch.optim.SGD([leaf], **options)
    for step in range(3):
        g = random(n, seed=step + 1)
        leaf.grad = torch.from_numpy(g.copy())
        optimizer.step()
        run["sgd_step"](p, g, b, n, options["lr"], options["momentum"], 0, options["weight_decay"],
                        -1 if options["maximize"] else 1, options["nesterov"],
                        step == 0)  # fmt: skip
        close(p, leaf.detach(), "float32")


@drawn
@given(decoupled=st.booleans(), decay=st.sampled_from([0, 0.1]), amsgrad=st.booleans(),
       n=st.integers(1, 600), mode=modes)  # fmt: skip
def test_adam(decoupled: bool, decay: float, amsgrad: bool, n: int, mode: Any) -> None:
    run, leaf = kernels("float32", *mode[1:]), torch.from_numpy(random(n).copy()).requires_grad_()
    p, m, v = leaf.detach().numpy().copy(), np.zeros(n, np.float32), np.zeros(n, np.float32)
    top = np.zeros(n, np.float32) if amsgrad else None
    rule = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer = rule([leaf], lr=0.1, weight_decay=decay, amsgrad=amsgrad)
    for step in range(1, 4):
        g = random(n, seed=step)
        leaf.grad = torch.from_numpy(g.copy())
        optimizer.step()
        run["adam_step"](p, g, m, v, top, n, *_adam(step, 0.1, decay, decoupled))
        close(p, leaf.detach(), "float32")


def _adam(step: int, lr: float, decay: float, decoupled: bool) -> tuple[float, ...]:
    """beta1, beta2, eps, decay, shrink, sign, step_size, root"""
    return (0.9, 0.999, 1e-8, 0 if decoupled else decay, 1 - lr * decay if decoupled else 1, 1,
            lr / (1 - 0.9**step), (1 - 0.999**step) ** 0.5)  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_many_tensors_in_one_launch(mode: Any) -> None:
    """The same bits as one by one; more tensors than one table holds, small ones and large ones."""
    run = kernels("float32", *mode[1:])
    sizes = [5, 4096, 1, 9000, *range(1, 70)]
    lists = [[random(n, seed=10 * k + n) for n in sizes] for k in range(5)]
    lists[3], lists[4] = ([np.abs(a) for a in arrays] for arrays in lists[3:])
    numbers = _adam(2, 0.1, 0.1, True)
    alone = [[a.copy() for a in arrays] for arrays in lists]
    for k, n in enumerate(sizes):
        run["adam_step"](*(arrays[k] for arrays in alone), n, *numbers)
    with reaching(*(a for arrays in lists for a in arrays)):
        for table in tensor_tables(lists, lambda a: a.ctypes.data):
            run["adam_many"](table, *numbers)
    for arrays, others in zip(lists, alone, strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(arrays, others, strict=True))
    rates = (0.1, 0.9, 0, 0.01, 1, False, False)
    for k, n in enumerate(sizes):
        run["sgd_step"](*(arrays[k] for arrays in alone[:3]), n, *rates)
    with reaching(*(a for arrays in lists for a in arrays)):
        for table in tensor_tables(lists[:3], lambda a: a.ctypes.data):
            run["sgd_many"](table, *rates)
    for arrays, others in zip(lists[:3], alone, strict=False):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(arrays, others, strict=True))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("decoupled", [True, False])
def test_steps_counted_where_the_kernel_reads_them(decoupled: bool, mode: Any) -> None:
    """The same bits as with the numbers that the host works out; the rate from memory too."""
    run = kernels("float32", *mode[1:])
    sizes = [5, 4096, 70]
    lists = [[np.abs(random(n, seed=10 * k + n)) for n in sizes] for k in range(5)]
    others = [[a.copy() for a in arrays] for arrays in lists]
    count, rate = np.array([3], np.float32), np.array([0.125], np.float32)
    given = (0.9, 0.999, 1e-8, 0.25, int(decoupled), 1.0)
    with reaching(*(a for arrays in (*lists, *others) for a in arrays)):
        run["adam_many"](
            tensor_tables(lists, lambda a: a.ctypes.data)[0], *_adam(3, 0.125, 0.25, decoupled)
        )
        run["adam_many_counted"](
            tensor_tables(others, lambda a: a.ctypes.data)[0], count, rate, 0.0, *given
        )
    for arrays, same in zip(lists, others, strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(arrays, same, strict=True))


def test_a_table_that_reaches_beyond_its_arrays_is_found() -> None:
    p, g = random(100), random(100, seed=1)
    table = tensor_tables([[p], [g]], lambda a: a.ctypes.data)[0]
    table["size"][0] = 101
    with reaching(p, g), pytest.raises(KernelError, match="out of bounds"):
        kernels(checked=True)["sgd_many"](table, 0.1, 0, 0, 0, 1, False, False)


@drawn
@given(n=st.integers(1, 3), c=st.integers(1, 4), size=st.tuples(*[st.integers(2, 9)] * 2),
       places=st.integers(1, 40), nearest=st.booleans(), mode=modes)  # fmt: skip
def test_sampled_planes(n: int, c: int, size: Any, places: int, nearest: bool, mode: Any) -> None:
    """torch's grid_sample, whose coordinates go from -1 to 1; some places lie outside."""
    run, (h, w) = kernels("float64", *mode[1:]), size
    x, g = random((n, c, h, w), "float64"), random((n, c, places), "float64", 1)
    grid = np.random.default_rng(places).uniform(-1.2, 1.2, (n, 1, places, 2))
    right, down = ((grid[:, 0, :, k] + 1) / 2 * (s - 1) for k, s in ((0, w), (1, h)))
    leaves = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, grid)]
    how = "nearest" if nearest else "bilinear"
    wanted = torch.nn.functional.grid_sample(*leaves, mode=how, align_corners=True)
    out = empty((n, c, places), "float64")
    sizes = (n, c, h, w, places)
    down, right = np.ascontiguousarray(down), np.ascontiguousarray(right)
    run["sample_planes"](x, down, right, out, *sizes, nearest)
    close(out, wanted[:, :, 0].detach(), "float64")
    wanted.backward(torch.from_numpy(g)[:, :, None])
    for form in ("", "_ordered"):
        gx = np.zeros_like(x)
        run["sample_planes_input" + form](g, down, right, gx, *sizes, nearest)
        close(gx, leaves[0].grad, "float64")
    if not nearest:
        gdown, gright = empty((n, places), "float64"), empty((n, places), "float64")
        run["sample_planes_places"](g, x, down, right, gdown, gright, *sizes)
        close(gright * (w - 1) / 2, leaves[1].grad[:, 0, :, 0], "float64")
        close(gdown * (h - 1) / 2, leaves[1].grad[:, 0, :, 1], "float64")


@drawn
@given(outer=st.integers(1, 3), size=st.integers(1, 9), inner=st.sampled_from([1, 5]),
       counts=st.lists(st.integers(0, 4), min_size=1, max_size=9), mode=modes)  # fmt: skip
def test_a_mapped_axis(outer: int, size: int, inner: int, counts: list[int], mode: Any) -> None:
    rng, x = np.random.default_rng(size), random((outer, size, inner))
    begins = np.concatenate([[0], np.cumsum(counts)])
    index, weights = rng.integers(0, size, max(begins[-1], 1)), random(max(begins[-1], 1), seed=1)
    out = empty((outer, len(counts), inner), "float32")
    run = kernels("float32", *mode[1:])["map_axis"]
    run(x, index, weights, begins, out, outer, size, inner, len(counts))
    matrix = np.zeros((len(counts), size))
    for row in range(len(counts)):
        for t in range(begins[row], begins[row + 1]):
            matrix[row, index[t]] += weights[t]
    close(out, matrix @ x.astype("f8"), "float32")
