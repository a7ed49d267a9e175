"""Error messages of the engine: they name the operation, the shapes, and the user's own line."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import minigrad as torch
from minigrad import nn
from parity_tests.both import built_in, same_as_torch


def here(back: int = 0) -> str:
    """``file:line`` of the caller, some lines above it."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno - back}"


def leaf(*values: float) -> Any:
    return torch.tensor(values or (1.0, -2.0, 0.5), requires_grad=True)


def error_of(call: Any) -> BaseException:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def whole(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", [])])


# -- freed graphs -----------------------------------------------------------------------------


def test_a_second_backward_says_which_op_and_where_and_the_way_out():
    y = leaf().exp()
    line = here(1)
    y.sum().backward()
    text = whole(error_of(y.sum().backward))
    assert "second time" in text and "retain_graph=True" in text
    assert "ExpBackward0" in text and line in text


def test_a_freed_user_function_says_where_it_was_called():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    y = Square.apply(leaf())
    line = here(1)
    y.sum().backward()
    text = whole(error_of(y.sum().backward))
    assert "SquareBackward" in text and line in text


# -- values written after they were saved -----------------------------------------------------


def test_a_write_to_a_saved_value_says_which_op_saved_it_and_where():
    a = leaf() * 1
    y = a.sin()
    line = here(1)
    a.mul_(2)
    text = whole(error_of(y.sum().backward))
    assert "modified by an inplace operation" in text
    assert "SinBackward0" in text and line in text and "version 1" in text and "[3]" in text


# -- gradients of the wrong shape -------------------------------------------------------------


def test_a_gradient_of_the_wrong_shape_names_op_argument_and_both_shapes():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, number, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return None, g, torch.ones(7)

    y = Wrong.apply(3, leaf(), leaf())
    line = here(1)
    text = whole(error_of(y.sum().backward))
    assert "WrongBackward" in text and "[7]" in text and "[3]" in text and line in text
    assert "argument 3" in text  # counted from one, as the user's own arguments are


def test_a_hook_that_changes_the_shape_is_named():
    x = leaf()
    y = x.exp()
    y.register_hook(lambda g: torch.ones(5))
    text = whole(error_of(y.sum().backward))
    assert "hook" in text and "ExpBackward0" in text and "(5,)" in text and "(3,)" in text


# -- anomaly mode -----------------------------------------------------------------------------


def test_anomaly_mode_names_the_op_that_made_the_first_nan_and_its_line():
    with torch.autograd.detect_anomaly():
        x = leaf(0.0, 1.0)
        y = x * 2
        bad = y.sqrt()
        line = here(1)
        loss = (bad * 0 + y).sum()
        error = error_of(loss.backward)
    assert isinstance(error, RuntimeError)
    assert "SqrtBackward0" in str(error) and "nan values in its 0th output" in str(error)
    assert line in whole(error)


def test_the_line_is_found_in_the_middle_of_a_call_over_several_lines():
    x = leaf(0.0, 1.0)
    with torch.autograd.detect_anomaly():
        loss = torch.cat(
            [
                x.exp(),
                x.sqrt() * 0,
            ]
        ).sum()
        line = here(3)
        assert line in whole(error_of(loss.backward))


def test_the_line_is_the_users_own_in_a_loop_a_lambda_and_a_helper():
    def helper(x: Any) -> Any:
        return x.log() * 0

    line = here(2)
    x = leaf(0.0, 1.0)
    loss = torch.zeros(())
    for _ in range(2):
        loss = loss + (lambda v: helper(v))(x).sum()
    with torch.autograd.detect_anomaly():
        text = whole(error_of(loss.backward))
    assert line in text and "in helper" in text


def test_the_line_is_found_through_modules_operators_and_composed_functions():
    class Root(nn.Module):
        def forward(self, x: Any) -> Any:
            return x**0.5

    line = here(2)
    model = nn.Sequential(nn.Linear(2, 2, bias=False), Root())
    with torch.no_grad():
        model[0].weight.zero_()
    with torch.autograd.detect_anomaly():
        text = whole(error_of((model(torch.ones(1, 2)) * 0).sum().backward))
    assert line in text and "PowBackward0" in text


@pytest.mark.parametrize("act", ["relu", "log_softmax", "add_", "setitem", "mean", "out of place"])
def test_every_way_to_make_a_node_knows_the_users_line(act):
    x = leaf(0.5, 1.0) * 1
    calls = {
        "relu": lambda: nn.functional.relu(x),
        "log_softmax": lambda: nn.functional.log_softmax(x, dim=0),
        "add_": lambda: x.add_(1),
        "setitem": lambda: x.__setitem__(0, 1.0) or x,
        "mean": lambda: torch.mean(x),
        "out of place": lambda: 3 / x,
    }
    y = calls[act]()
    assert __file__ in y.grad_fn.where(), y.grad_fn.where()


def test_anomaly_mode_without_the_nan_check_lets_nan_pass():
    x = leaf(0.0)
    with torch.autograd.detect_anomaly(check_nan=False):
        (x.sqrt() * 0).sum().backward()
    assert torch.isnan(x.grad).all()


@same_as_torch
def test_anomaly_mode_raises_where_torch_does(torch):
    def run(build: Any) -> str:
        x = torch.tensor([0.0, 1.0], requires_grad=True)
        try:
            with torch.autograd.detect_anomaly():
                build(x).sum().backward()
        except RuntimeError as error:
            return built_in(error) + str(error)
        return "no error"

    return [
        run(lambda x: x.sqrt() * 0),
        run(lambda x: x.exp()),
        run(lambda x: x / x),
        run(lambda x: x.log() * float("nan")),
    ]


# -- bad input to the engine ------------------------------------------------------------------


def test_implicit_gradients_of_tensors_that_are_no_scalars_say_so():
    assert "only for scalar outputs" in str(error_of((leaf() * 2).backward))


def test_a_gradient_of_another_shape_shows_both_shapes():
    text = str(error_of(lambda: (leaf() * 2).backward(torch.ones(4))))
    assert "[4]" in text and "[3]" in text


def test_an_unused_input_is_told_of_allow_unused():
    text = str(error_of(lambda: torch.autograd.grad(leaf().sum(), leaf())))
    assert "allow_unused" in text


def test_the_output_without_a_graph_is_named_by_its_place():
    text = str(error_of(lambda: torch.autograd.backward([leaf().sum(), torch.ones(())])))
    assert "element 1 of tensors does not require grad" in text


def test_errors_of_minigrad_are_the_built_in_types_that_programs_catch():
    from minigrad import errors

    own = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert own and all(issubclass(e, RuntimeError) for e in own)
