"""The kernels take the steps that the rules of the optimizers say."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from parity_tests.kernels.everywhere import DTYPES, SPECIAL, at_each_level, compiled, on_numpy

pytestmark = compiled

WORST = 8  # roundings, of the largest number that is involved

numbers = st.sampled_from((0.0, 0.1, 0.5))
sgd = st.fixed_dictionaries(
    {"lr": st.sampled_from((0.1, 2, 1)), "weight_decay": numbers, "maximize": st.booleans()}
    | {"momentum": st.sampled_from((0, 0.9)), "dampening": numbers}
)
nesterov = st.fixed_dictionaries(
    {"nesterov": st.just(True), "momentum": st.just(0.9), "weight_decay": numbers}
)
adam = st.fixed_dictionaries(
    {"lr": st.just(0.01), "weight_decay": numbers, "maximize": st.booleans()}
    | {"amsgrad": st.booleans(), "betas": st.sampled_from(((0.9, 0.999), (0.5, 0.7)))}
)
optimizers = st.one_of(
    st.tuples(st.just("SGD"), st.one_of(sgd, nesterov)),
    st.tuples(st.sampled_from(("Adam", "AdamW")), adam),
)


def steps(name: str, options: Any, sizes: list[int], dtype: Any, special: bool) -> list[Any]:
    """Parameters and state after three steps."""
    draw = np.random.default_rng(sum(sizes))
    params = [minigrad.tensor(draw.normal(size=n).astype(dtype), requires_grad=True) for n in sizes]
    optimizer = getattr(minigrad.optim, name)(params, **options)
    for number in range(3):
        for p in params:
            g = draw.normal(size=p.shape).astype(np.float32).astype(dtype)
            if special and g.size > 7:
                g[number : number + 5] = SPECIAL
            p.grad = minigrad.tensor(g)
        optimizer.step()
    found = [p.detach().numpy() for p in params]
    for p in params:
        state = optimizer.state[p]
        found += [state[key].numpy() for key in sorted(state) if state[key] is not None]
    return found


@settings(max_examples=30)
@given(
    optimizers,
    st.lists(st.integers(0, 300), min_size=1, max_size=4),
    st.sampled_from(DTYPES),
    st.booleans(),
)
def test_steps(which: Any, sizes: list[int], dtype: Any, special: bool) -> None:
    name, options = which
    compare(name, options, sizes, dtype, special)


def compare(name: str, options: Any, sizes: list[int], dtype: Any, special: bool) -> None:
    expected = on_numpy(lambda: steps(name, options, sizes, dtype, special))
    eps = np.finfo(dtype).eps
    for found in at_each_level(lambda: steps(name, options, sizes, dtype, special)):
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=WORST * eps, atol=WORST * eps)


def test_large_parameters_in_parts() -> None:
    for name, options in (
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
        ("AdamW", {"amsgrad": True}),
    ):
        compare(name, options, [50_001, 16_384, 33], np.float32, True)
