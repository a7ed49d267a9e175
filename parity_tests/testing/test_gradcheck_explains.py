"""What a failed check says: where, how it goes with the step, the fault, and a test to paste."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.autograd.gradcheck import ProjectionWarning
from minigrad.testing import Case, GradcheckError, T, call, gradcheck, gradgradcheck
from minigrad.testing.mutants.spoiling import entered

RIGHT = np.array([[0.3, 1.1, -0.7], [2.0, -1.4, 0.9]])


def failing(wrong: Any, op: str = "sin", values: Any = RIGHT) -> Any:
    """The error of a call whose backward is spoilt."""
    case = Case(entered(op, wrong, call(T(2, 3))), call(values))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(case, case.inputs)
    return caught.value


def test_argument_index_values_and_ratio_are_said() -> None:
    text = str(failing(lambda s: s.gradients[0] * torch.tensor([[1, 1, 1], [1, 1, 3.0]]).double()))
    assert "worst at input 0 at [1, 2] and output 0 at [1, 2]:" in text
    assert re.search(r"analytical 1\.8648\d* +numerical 0\.62160\d* +ratio 3\n", text)


def test_a_wrong_formula_is_as_wrong_at_every_step() -> None:
    lines = str(failing(lambda s: s.gradients[0] * 2)).splitlines()
    table = [line.split() for line in lines if re.match(r"  \de-\d\d", line)]
    assert [row[0] for row in table] == ["1e-04", "1e-05", "1e-06", "1e-07"]
    errors = [float(row[2]) for row in table]
    assert max(errors) < 1.001 * min(errors)


def test_a_kink_is_told_from_a_fault() -> None:
    x = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: x.clamp(min=0.0), (x,))
    assert caught.value.diagnosis.name == "kink"


def test_rounding_is_told_from_a_fault() -> None:
    x = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: x.sin() + 1e9, (x,), eps=1e-6)
    assert caught.value.diagnosis.name == "rounding"


def test_truncation_is_told_from_a_fault() -> None:
    x = torch.tensor([0.4], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: (30 * x).sin(), (x,), eps=1e-1)
    assert caught.value.diagnosis.name == "truncation"


def test_a_function_of_chance_is_told_from_a_fault() -> None:
    x = torch.tensor([0.4, 0.2], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: x * torch.rand(2), (x,))
    assert caught.value.diagnosis.name == "random function"


def test_the_pasted_test_fails_as_the_check_did() -> None:
    x = torch.tensor([0.3, -0.5], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(half_of_sine, (x,))
    text = str(caught.value).partition("A test of it:")[2]
    names: dict[str, Any] = {"torch": torch, "half_of_sine": half_of_sine}
    exec(text, names)
    with pytest.raises(GradcheckError) as again:
        names["test_gradient_of_half_of_sine"]()
    assert again.value.diagnosis == caught.value.diagnosis


def half_of_sine(x: Any) -> Any:
    """sin(x) of which half is cut off from the graph."""
    return 0.5 * x.sin() + 0.5 * x.detach().sin()


def test_the_pasted_test_of_an_op_calls_the_op() -> None:
    text = str(failing(lambda s: -s.gradients[0]))
    assert "lambda x0: torch.sin(x0), (x0,))" in text
    assert f"x0 = torch.tensor({RIGHT.tolist()}, dtype=torch.float64, requires_grad=True)" in text


def test_float32_is_checked_with_what_it_can_tell() -> None:
    x = torch.tensor([0.3, 1.1, -0.7, 40.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gradcheck(torch.sin, (x,), eps=None)
        assert gradcheck(lambda x: (x * x).sum(), (x,), eps=None)
        assert gradcheck(lambda x: x.exp() / 1e6, (x[:3].detach().requires_grad_(),), eps=None)
    wrong = entered("sin", lambda s: s.gradients[0] * 1.05, call(T(4)))
    case = Case(wrong, call(x.detach().numpy()))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(case, case.inputs, eps=None)
    assert caught.value.diagnosis.name == "constant factor 1.05", "found in float64"


def test_what_is_right_in_float64_only_is_told_from_a_wrong_formula() -> None:
    x = torch.tensor([0.3, 1.1], requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(ThroughHalf.apply, (x,), eps=None)
    assert caught.value.diagnosis.name == "lower precision"
    assert "def test_gradient_of_ThroughHalf():" in str(caught.value)
    assert "gradcheck(ThroughHalf.apply, (x0,))" in str(caught.value)


class ThroughHalf(torch.autograd.Function):
    """x, where single precision loses a twentieth on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        (g,) = cotangents
        return g if g.dtype == torch.float64 else g * 0.95


def test_a_projection_warns_of_what_it_misses() -> None:
    x = torch.tensor([0.3, 1.1], dtype=torch.float64, requires_grad=True)
    for check in (gradcheck, gradgradcheck):
        with pytest.warns(ProjectionWarning, match="orthogonal"):
            assert check(torch.sin, (x,), fast_mode=True)


@pytest.mark.filterwarnings("ignore:fast_mode")
def test_a_projection_fails_with_the_whole_explanation() -> None:
    case = Case(entered("sin", lambda s: -s.gradients[0], call(T(2, 3))), call(RIGHT))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(case, case.inputs, fast_mode=True)
    assert caught.value.diagnosis.name == "sign"


def test_the_second_order_says_so_in_its_test() -> None:
    x = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(FirstOnly.apply, (x,))
    assert caught.value.diagnosis.name == "detached in backward"
    assert "torch.autograd.gradgradcheck(" in str(caught.value)


class FirstOnly(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        return 2 * ctx.saved_tensors[0].detach() * cotangents[0]
