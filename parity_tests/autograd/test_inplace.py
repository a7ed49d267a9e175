"""Writing in place: what may be written, what the graph makes of it, and what is noticed."""

from __future__ import annotations

from typing import Any

import pytest

from parity_tests.both import attempt, same_as_torch


def leaf(torch: Any, *shape: int) -> Any:
    count = 1
    for n in shape:
        count *= n
    values = torch.arange(count, dtype=torch.float64).reshape(shape) * 0.3 + 0.2
    return values.requires_grad_()


METHODS: dict[str, Any] = {
    "abs_": lambda x, y: x.abs_(),
    "add_": lambda x, y: x.add_(y),
    "add_ a number": lambda x, y: x.add_(2),
    "add_ alpha": lambda x, y: x.add_(y, alpha=3),
    "sub_": lambda x, y: x.sub_(y),
    "mul_": lambda x, y: x.mul_(y),
    "mul_ a number": lambda x, y: x.mul_(0.5),
    "div_": lambda x, y: x.div_(y),
    "pow_": lambda x, y: x.pow_(3),
    "pow_ a tensor": lambda x, y: x.pow_(y),
    "neg_": lambda x, y: x.neg_(),
    "exp_": lambda x, y: x.exp_(),
    "expm1_": lambda x, y: x.expm1_(),
    "log_": lambda x, y: x.log_(),
    "log1p_": lambda x, y: x.log1p_(),
    "sqrt_": lambda x, y: x.sqrt_(),
    "rsqrt_": lambda x, y: x.rsqrt_(),
    "square_": lambda x, y: x.square_(),
    "reciprocal_": lambda x, y: x.reciprocal_(),
    "sin_": lambda x, y: x.sin_(),
    "cos_": lambda x, y: x.cos_(),
    "tan_": lambda x, y: x.tan_(),
    "sinh_": lambda x, y: x.sinh_(),
    "cosh_": lambda x, y: x.cosh_(),
    "atan_": lambda x, y: x.atan_(),
    "tanh_": lambda x, y: x.tanh_(),
    "sigmoid_": lambda x, y: x.sigmoid_(),
    "relu_": lambda x, y: x.relu_(),
    "clamp_": lambda x, y: x.clamp_(0.4, 1.0),
    "sign_": lambda x, y: x.sign_(),
    "floor_": lambda x, y: x.floor_(),
    "round_": lambda x, y: x.round_(),
    "remainder_": lambda x, y: x.remainder_(0.7),
    "fill_": lambda x, y: x.fill_(3.0),
    "fill_ a tensor": lambda x, y: x.fill_(y.sum()),
    "zero_": lambda x, y: x.zero_(),
    "copy_": lambda x, y: x.copy_(y),
    "copy_ broadcast": lambda x, y: x.copy_(y[0]),
    "masked_fill_": lambda x, y: x.masked_fill_(x.detach() > 0.7, 0.1),
    "masked_fill_ a tensor": lambda x, y: x.masked_fill_(x.detach() > 0.7, y.mean()),
    "+=": lambda x, y: x.__iadd__(y),
    "-=": lambda x, y: x.__isub__(y),
    "*=": lambda x, y: x.__imul__(y),
    "/=": lambda x, y: x.__itruediv__(y),
    "set a slice": lambda x, y: x.__setitem__((slice(None), slice(1, None)), y[:, :1]),
    "set an element": lambda x, y: x.__setitem__((0, 1), y[1, 1]),
    "set a mask": lambda x, y: x.__setitem__(x.detach() > 0.7, y.mean()),
    "set by a list": lambda x, y: x.__setitem__([1, 0], y),
    "set by a list twice": lambda x, y: x.__setitem__([0, 0], y[:1]),
    "set everything": lambda x, y: x.__setitem__(..., y),
    "set an empty slice": lambda x, y: x.__setitem__(slice(2, None), 5.0),
}
TARGETS: dict[str, Any] = {
    "constant": lambda x: x.detach().clone(),
    "computed": lambda x: x * 1.5,
    "exponential": lambda x: x.exp(),  # it saved its output
    "view": lambda x: (x * 1.5).reshape(2, 2),
    "slice": lambda x: (x * 1.5).expand(3, 2, 2).clone()[1],
    "transposed": lambda x: (x * 1.5).t(),
    "view of a constant": lambda x: x.detach().clone().t(),
    "view of views": lambda x: (x * 1.5).reshape(4, 1)[:, 0].view(2, 2).t(),
    "one of several": lambda x: (x * 1.5).expand(2, 2, 2).clone().unbind()[0],
    "leaf": lambda x: x,
    "view of a leaf": lambda x: x.t(),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("method", METHODS)
@same_as_torch
def test_a_write_gives_the_values_gradients_or_errors_of_torch(torch, method, target):
    x, y = leaf(torch, 2, 2), leaf(torch, 2, 2)
    written = TARGETS[target](x)
    base, version = written._base, written._version
    error = attempt(lambda: METHODS[method](written, y))
    if error != "no error":
        return error, written.detach()
    swept = attempt(lambda: (written * written).sum().backward())
    seen = [t for t in (written, base) if t is not None]
    found = [(t.detach(), t.requires_grad, t.is_leaf, t._version - version) for t in seen]
    if swept != "no error":
        return found, swept  # a sweep that was broken off may have added to one leaf or the other
    return found, x.grad, y.grad


@pytest.mark.parametrize("method", METHODS)
@same_as_torch
def test_writes_in_no_grad_mode_leave_no_trace_in_the_graph(torch, method):
    x, y = leaf(torch, 2, 2), leaf(torch, 2, 2)
    with torch.no_grad():
        METHODS[method](x, y)
    return x.detach(), x._version, x.is_leaf, x.requires_grad, x.grad_fn


@same_as_torch
def test_a_step_of_gradient_descent_in_place(torch):
    w = leaf(torch, 2, 2)
    for _ in range(3):
        (w * w).sum().backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        w.grad.zero_()
    return w, w._version, w.grad


@same_as_torch
def test_elements_written_one_by_one_train_a_kernel(torch):
    image, kernel = leaf(torch, 4, 4).detach(), leaf(torch, 2, 2)
    out = torch.zeros(3, 3, dtype=torch.float64)
    for i in range(3):
        for j in range(3):
            out[i, j] = (image[i : i + 2, j : j + 2] * kernel).sum()
    (out**2).sum().backward()
    return out, kernel.grad, out._version


@same_as_torch
def test_elements_added_to_one_by_one(torch):
    x, out = leaf(torch, 3), torch.zeros(2, dtype=torch.float64)
    for i in range(3):
        out[i % 2] += x[i] ** 2
        out[...] += x[i]
    out.sum().backward()
    return out, x.grad


@same_as_torch
def test_the_base_sees_what_was_written_to_its_view(torch):
    x, y = leaf(torch, 2, 3), leaf(torch, 3)
    base = x * 2
    view = base[0]
    view.mul_(y)
    (base * base).sum().backward()
    return base.detach(), x.grad, y.grad


@same_as_torch
def test_all_views_see_what_was_written_to_one(torch):
    x, y = leaf(torch, 2, 3), leaf(torch, 2)
    base = x * 2
    column, row, flat = base[:, 1], base[0], base.reshape(-1)
    column.mul_(y)
    (row.sum() + (flat * flat).sum()).backward()
    return row.detach(), x.grad, y.grad, [t._version for t in (base, column, row, flat)]


@same_as_torch
def test_a_view_sees_what_was_written_to_its_base(torch):
    x, y = leaf(torch, 2, 3), leaf(torch, 2, 3)
    base = x * 2
    view = base.t()[1:]
    base.mul_(y)
    view.sum().backward()
    return view.detach(), x.grad, y.grad


@same_as_torch
def test_a_constant_base_enters_the_graph_by_a_write_to_its_view(torch):
    base, y = torch.zeros(2, 3, dtype=torch.float64), leaf(torch, 3)
    first, other = base[0], base[1]
    first.copy_(y)
    (base.sum() + (other * 2).sum() + (first * 3).sum()).backward()
    return base.requires_grad, other.requires_grad, y.grad


@same_as_torch
def test_a_stale_view_of_a_constant_base_is_written_to_another_tensor(torch):
    base, w, out = torch.ones(3, dtype=torch.float64), leaf(torch, 3), torch.zeros(2).double()
    view = base[:2]
    base.mul_(w)
    out.add_(view)
    out.sum().backward()
    return out.requires_grad, w.grad


@same_as_torch
def test_a_keyword_argument_is_seen_by_the_graph(torch):
    x, y = torch.ones(3, dtype=torch.float64), leaf(torch, 3)
    x.mul_(other=y)
    (x * x).sum().backward()
    return x.detach(), y.grad


# -- saved values -----------------------------------------------------------------------------

SAVERS: dict[str, Any] = {
    "add": lambda a: a + 1,
    "mul": lambda a: a * a,
    "mul by a number": lambda a: a * 3,
    "exp": lambda a: a.exp(),
    "sin": lambda a: a.sin(),
    "sqrt": lambda a: a.sqrt(),
    "sum": lambda a: a.sum(),
    "mean": lambda a: a.mean(0),
    "reshape": lambda a: a.reshape(-1),
    "index": lambda a: a[[0, 0]],
    "max": lambda a: a.max(),
    "pow": lambda a: a**3,
    "where": lambda a: a.where(a > 0.5, a * 0),
    "clamp": lambda a: a.clamp(0.3, 0.8),
    "div": lambda a: 1 / a,
    "abs": lambda a: a.abs(),
    "prod": lambda a: a.prod(),
    "relu": lambda a: a.relu(),
    "softmax": lambda a: a.softmax(0),
    "matmul": lambda a: a @ a,
    "var": lambda a: a.var(),
    "norm": lambda a: a.norm(),
    "cumsum": lambda a: a.cumsum(0),
}


@pytest.mark.parametrize("written", ["input", "output", "view of input", "detached input", "data"])
@pytest.mark.parametrize("op", SAVERS)
@same_as_torch
def test_a_write_to_a_saved_value_is_noticed_exactly_where_torch_notices_it(torch, op, written):
    x = leaf(torch, 2, 2)
    a = x * 1
    y = SAVERS[op](a)
    {
        "input": lambda: a.mul_(2),
        "output": lambda: y.mul_(2),
        "view of input": lambda: a[0].mul_(2),
        "detached input": lambda: a.detach().mul_(2),
        "data": lambda: a.data.mul_(2),
    }[written]()
    return attempt(lambda: y.sum().backward()), y.detach()


@same_as_torch
def test_a_tensor_multiplied_by_itself_in_place_can_not_be_differentiated(torch):
    a = leaf(torch, 2, 2) * 1
    a.mul_(a)
    return a.detach(), attempt(a.sum().backward)


@same_as_torch
def test_a_write_in_no_grad_mode_to_a_saved_value_is_noticed(torch):
    x = leaf(torch, 2, 2)
    y = (x * x).sum()
    with torch.no_grad():
        x.mul_(2)
    return attempt(y.backward)


@same_as_torch
def test_a_write_before_saving_is_no_reason_to_complain(torch):
    x = leaf(torch, 2, 2)
    a = x * 1
    a.mul_(2)
    y = a.exp()
    y.sum().backward()
    return x.grad
