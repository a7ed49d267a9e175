"""What the strategies draw is valid, varied and small when it shrinks."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.testing import (
    GradcheckError,
    T,
    assert_parity,
    broadcastable_shapes,
    call,
    calls,
    gradcheck,
    modules,
    reals,
    register,
    small_nets,
    tensors,
    training_programs,
    unregister,
)

FEW = settings(max_examples=15, deadline=None, derandomize=True, database=None)


@FEW
@given(broadcastable_shapes(3))
def test_shapes_broadcast(shapes: Any) -> None:
    np.broadcast_shapes(*shapes)
    assert len(shapes) == 3


@FEW
@given(st.data())
def test_tensors_are_as_asked(data: Any) -> None:
    x = data.draw(tensors((2, 3), minigrad.float32, domain=reals(1, 2), requires_grad=True))
    assert x.shape == (2, 3) and x.dtype is minigrad.float32 and x.requires_grad
    assert x.min() >= 1 and x.max() <= 2 and len(x.unique()) == 6


def test_tensors_have_gaps_and_special_values() -> None:
    assert not find(tensors((2, 3)), lambda t: not t.is_contiguous()).is_contiguous()
    assert (
        find(tensors(special_values=[float("nan")]), lambda t: bool(t.isnan().any())).numel() == 1
    )


@pytest.mark.parametrize("op", ["conv2d", "nn.functional.conv2d", minigrad.nn.functional.conv2d])
def test_calls_take_a_name_or_a_function(op: Any) -> None:
    case = find(calls(op), lambda case: True)
    assert repr(case).startswith("conv2d(torch.tensor([")


def test_calls_name_near_ones() -> None:
    with pytest.raises(ValueError, match="did you mean conv2d"):
        find(calls("conv2dd"), lambda case: True)


def test_calls_vary() -> None:
    seen: set[Any] = set()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(calls("sum"))
    def look(case: Any) -> None:
        (x,) = case.inputs
        seen.add(("gaps", x.is_contiguous()))
        seen.add(("size", x.shape))
        seen.add(("options", repr(case.arrays.kwargs), len(case.arrays.args)))

    look()
    assert ("gaps", False) in seen and len(seen) > 12


def test_ties_stay_equal() -> None:
    case = find(calls("amax", ties=True), lambda case: bool(case.lengths))
    assert "torch.cat([" in repr(case)
    assert gradcheck(case, case.inputs)


class Cube(minigrad.autograd.Function):
    """x³, differentiated as 3x."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return 3 * ctx.saved_tensors[0] * cotangents[0]


def test_a_planted_bug_in_a_function_of_ones_own_is_diagnosed_and_shrunk() -> None:
    register(Cube.apply, call(T(4, 5)))
    try:

        @settings(deadline=None, derandomize=True, database=None)
        @given(calls("Cube"))
        def test(case: Any) -> None:
            gradcheck(case, case.inputs)

        with pytest.raises(GradcheckError) as caught:
            test()
    finally:
        unregister("Cube")
    assert caught.value.diagnosis.name == "wrong factor"
    assert "analytical / numerical is 1/x" in caught.value.diagnosis.text
    assert "lambda x0: Cube.apply(x0)" in str(caught.value)
    assert caught.value.point.inputs[0].numel() <= 4


def test_register_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="no sample call"):
        register(Cube.apply)
    with pytest.raises(ValueError, match=r"write T\(2, 3\)"):
        register(Cube.apply, call(minigrad.ones(2)))
    with pytest.raises(ValueError, match="is an op of minigrad"):
        register(minigrad.sin, call(T(2)))


@FEW
@given(modules())
def test_layers_have_right_gradients(layer: Any) -> None:
    assert gradcheck(layer, layer.inputs)


@FEW
@given(small_nets())
def test_networks_have_right_gradients(net: Any) -> None:
    assert gradcheck(net, net.inputs)


@settings(FEW, max_examples=40)
@given(training_programs())
def test_programs_have_right_gradients_and_torchs(program: Any) -> None:
    assert gradcheck(program, program.inputs)
    assert_parity(program, *program.inputs)


def test_without_hypothesis_one_sentence_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import minigrad.testing as t; t.assert_close(1, 1); t.gradcheck\n"
        "try:\n    t.calls\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == (
        "minigrad.testing: the strategies need hypothesis; install it with: "
        "python -m pip install 'minigrad[testing]'"
    ), done.stderr
