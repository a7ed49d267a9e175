"""What callers also hand over: NumPy arrays and scalars, half precision, NaN, mixed dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from parity_tests.both import both_raise, same_as_torch

ARRAY = np.array([1.0, 2.0, 3.0], np.float32)


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**", "@", "=="])
@same_as_torch
def test_an_operator_takes_an_array_at_its_right(torch: Any, sign: str) -> Any:
    return eval(f"x {sign} a", {"x": torch.tensor([1.0, 2.0, 4.0]), "a": ARRAY})


@same_as_torch
def test_an_array_is_divided_by_a_tensor(torch: Any) -> Any:
    return ARRAY / torch.tensor([1.0, 2.0, 4.0])


@pytest.mark.parametrize("sign", ["+", "-", "*", "//", "%", "**", "@", "<"])
@both_raise
def test_no_other_operator_takes_an_array_at_its_left(torch: Any, sign: str) -> Any:
    return eval(f"a {sign} x", {"x": torch.tensor([1.0, 2.0, 4.0]), "a": ARRAY})


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "//", "%", "**"])
@same_as_torch
def test_an_assignment_takes_an_array(torch: Any, sign: str) -> Any:
    names: dict[str, Any] = {"x": torch.tensor([1.0, 2.0, 4.0]), "a": ARRAY}
    exec(f"x {sign}= a", names)
    return names["x"]


@pytest.mark.parametrize("other", ["text", None, [1.0, 2.0, 3.0]])
@pytest.mark.parametrize("sign", ["+", "**", "@", "/"])
@both_raise
def test_an_operator_refuses_what_is_no_operand(torch: Any, sign: str, other: Any) -> Any:
    return eval(f"x {sign} other", {"x": torch.ones(3), "other": other})


@both_raise
def test_an_assignment_refuses_a_list(torch: Any) -> Any:
    x = torch.ones(3)
    x += [1.0, 2.0, 3.0]


@same_as_torch
def test_an_assignment_still_writes_in_place(torch: Any) -> Any:
    x = y = torch.ones(3)
    x += torch.ones(3)
    x *= np.float64(2)
    return y


@both_raise
def test_an_assignment_still_refuses_what_it_cannot_hold(torch: Any) -> Any:
    x = torch.tensor([1, 2])
    x += 0.5


@same_as_torch
def test_truth_values_of_numpy_functions(torch: Any) -> Any:
    x = torch.tensor([1.0, float("nan")])
    return np.isnan(x), np.greater(x, 0.5), np.add(x, x)


@pytest.mark.parametrize(
    "program",
    [
        "torch.addcdiv(x, x, x, value=np.float64(0.5))",
        "torch.addcmul(x, x, x, value=np.float64(0.5))",
        "torch.lerp(x, x, np.float64(0.5))",
        "torch.polygamma(np.int64(1), x)",
        "torch.amax(x, np.int64(0))",
        "torch.amin(x, dim=np.int64(-1), keepdim=True)",
        "torch.nn.functional.leaky_relu(x, np.float64(-0.5))",
        "torch.nn.functional.softplus(x, np.float64(2), np.float64(3))",
        "torch.linalg.matrix_power(torch.eye(2) * 2, np.int64(3))",
    ],
)
@same_as_torch
def test_a_numpy_scalar_is_a_number(torch: Any, program: str) -> Any:
    return eval(program, {"torch": torch, "np": np, "x": torch.tensor([-1.0, 0.5, 2.0])})


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "program",
    [
        "x.max()",
        "x.median()",
        "x.nansum(0)",
        "x.sinc()",
        "x.norm()",
        "x.clamp(z, z + 1)",
        "torch.fmin(x, z)",
        "torch.xlogy(x, 2)",
        "torch.copysign(x, -1.5)",
        "x.std()",
        "x.reshape(1, 3).renorm(2, 0, 0.5)",
        "2.0 ** x",
        "x.log2()",
        "x.erf()",
    ],
)
@same_as_torch
def test_a_gradient_has_the_dtype_of_its_tensor(torch: Any, program: str, dtype: str) -> Any:
    x = torch.tensor([0.5, 2.0, 1.0], dtype=getattr(torch, dtype), requires_grad=True)
    inner = x * 1
    inner.retain_grad()
    made = eval(program, {"torch": torch, "x": inner, "z": torch.zeros_like(x)}).sum()
    (g,) = torch.autograd.grad(made, x, retain_graph=True)
    (recorded,) = torch.autograd.grad(made, x, create_graph=True)
    made.backward(create_graph=True)
    return [str(t.dtype) for t in (g, recorded, x.grad, inner.grad)]


@pytest.mark.parametrize("name", ["prod", "logcumsumexp"])
@pytest.mark.parametrize("value", [0.0, float("inf"), float("-inf"), float("nan")])
@same_as_torch
def test_one_number_passes_its_gradient_on(torch: Any, name: str, value: float) -> Any:
    x = torch.tensor(value, requires_grad=True)
    y = x.prod() if name == "prod" else x.logcumsumexp(0)
    return torch.autograd.grad(y, x, torch.tensor(-1.5))


@same_as_torch
def test_renorm_keeps_slices_whose_norm_is_missing(torch: Any) -> Any:
    return torch.renorm(torch.tensor([[float("nan"), 2.0], [3.0, 4.0]]), 2, 0, 1.0)


@same_as_torch
def test_differences_of_mixed_types(torch: Any) -> Any:
    x, ends = torch.tensor([1.0, 4.0]), torch.tensor([2])
    return (
        torch.diff(x, prepend=ends),
        torch.diff(x.half(), append=ends),
        torch.diff(ends, append=x),
        torch.cumulative_trapezoid(ends),
    )


@same_as_torch
def test_argsort_writes_to_a_tensor(torch: Any) -> Any:
    out = torch.empty(0, dtype=torch.int64)
    torch.argsort(torch.tensor([3.0, 1.0, 2.0]), stable=True, out=out)
    return out


@same_as_torch
def test_frexp_has_a_named_result(torch: Any) -> Any:
    found = torch.frexp(torch.tensor([3.0, -0.25]))
    return type(found).__name__, repr(found), found.exponent


@same_as_torch
def test_map2_overwrites(torch: Any) -> Any:
    x, y = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 3.0])
    return x.map2_(y, y + 1, lambda a, b, c: a + b * c), x


@both_raise
def test_combinations_is_no_method(torch: Any) -> Any:
    return torch.ones(3).combinations()


TRIALS = [
    ([10.0], [0.5]),
    ([100.0, 7.0, 1000.0, 40.0], [0.7, 0.1, 0.5, 0.9]),
    ([0.0, 5.0], [0.5, 1.0]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("counts, chances", TRIALS)
@same_as_torch
def test_binomial_numbers(torch: Any, counts: Any, chances: Any, dtype: str) -> Any:
    torch.manual_seed(3)
    kind = getattr(torch, dtype)
    n, p = torch.tensor(counts * 20, dtype=kind), torch.tensor(chances * 20, dtype=kind)
    return torch.binomial(n, p), torch.rand(2)


@same_as_torch
def test_binomial_broadcasts_and_passes_on_what_is_missing(torch: Any) -> Any:
    n, p = torch.tensor([3.0, 5.0]), torch.tensor([[0.0], [float("nan")]])
    return torch.binomial(n, p)


@pytest.mark.parametrize(
    "program",
    [
        "torch.binomial(torch.tensor([5]), torch.tensor([0.5]))",
        "torch.binomial(torch.ones(2), 0.5)",
        "torch.binomial(torch.ones(2), torch.ones(2).double())",
        "torch.binomial(torch.ones(2), torch.ones(3))",
    ],
)
@both_raise
def test_binomial_refuses(torch: Any, program: str) -> Any:
    return eval(program, {"torch": torch})


@same_as_torch
def test_out_may_be_a_leaf_where_nothing_is_recorded(torch: Any) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    out = torch.zeros(2, requires_grad=True)
    with torch.no_grad():
        torch.add(x, 1.0, out=x)
        torch.sum(x, 0, keepdim=False, out=torch.zeros(()))
        torch.conj_physical(x, out=out)
    return x.detach(), x.requires_grad, x.grad_fn, out.detach()


@pytest.mark.parametrize("program", ["torch.add(x, 1.0, out=z)", "torch.add(z, 1.0, out=x)"])
@both_raise
def test_out_is_refused_where_something_is_recorded(torch: Any, program: str) -> Any:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    return eval(program, {"torch": torch, "x": x, "z": torch.zeros(2)})


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("count", [1, 5000])
@same_as_torch
def test_a_zero_rest_has_the_sign_of_the_dividend(torch: Any, dtype: str, count: int) -> Any:
    kind = getattr(torch, dtype)
    x = torch.tensor([-4.0, 4.0, -0.0, 0.0, -1.0, 3.0] * count, dtype=kind)
    y = torch.tensor([2.0, -2.0, 1.0, -1.0, 1.0, 0.5] * count, dtype=kind)
    rests = [x % y, x % 2, torch.fmod(x, y), torch.fmod(x, -1), 4 % y]
    return [(r.float(), torch.signbit(r)) for r in rests]


@pytest.mark.parametrize(
    "program",
    ["x[m] = 0", "x[m] = torch.tensor([1.0])", "x[None, m] = 1.5"],
)
@both_raise
def test_a_mask_of_bytes_takes_no_single_number(torch: Any, program: str) -> Any:
    exec(program, {"torch": torch, "x": torch.ones(3), "m": torch.tensor([1, 0, 1]).byte()})


@same_as_torch
def test_a_mask_of_bytes_takes_several(torch: Any) -> Any:
    x, m = torch.ones(3), torch.tensor([1, 0, 1]).byte()
    x[m] = torch.tensor([5.0, 6.0])
    return x, x[m]


@pytest.mark.parametrize(
    "program",
    [
        "x[torch.tensor([0, 1, 2])] = x[1:4]",
        "x[torch.arange(6)] = x",
        "x[torch.tensor([0, 1])] = x[5]",
        "x[x > 2] = x[:3]",
        "x[1:] = x[:-1]",
        "torch.exp(x[1:], out=x[:-1])",
    ],
)
@both_raise
def test_what_is_written_lies_partly_on_what_is_read(torch: Any, program: str) -> Any:
    exec(program, {"torch": torch, "x": torch.arange(6.0)})


@pytest.mark.parametrize(
    "program",
    [
        "x[x > 2] = x[0]",
        "x.fill_(x[1])",
        "x[1:].fill_(x[1])",
        "x.index_fill_(0, torch.tensor([1]), x[2])",
        "x[torch.tensor([0, 1])] = x[torch.tensor([4, 5])]",
        "torch.add(x, x, out=x)",
    ],
)
@same_as_torch
def test_what_is_written_may_lie_on_what_is_read(torch: Any, program: str) -> Any:
    x = torch.arange(6.0)
    exec(program, {"torch": torch, "x": x})
    return x


@pytest.mark.parametrize("pivots", ["p[None]", "p[:, :2]", "p[:1]", "p[0]", "p[0, 0]"])
@both_raise
def test_pivots_of_another_shape(torch: Any, pivots: str) -> Any:
    factors, p = torch.linalg.lu_factor(torch.eye(3).repeat(2, 1, 1) * 2)
    return torch.linalg.lu_solve(factors, eval(pivots, {"p": p}), torch.ones(2, 3, 1))
