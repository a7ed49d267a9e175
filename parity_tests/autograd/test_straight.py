"""Writes that leave no trace and go straight to memory; operands that need no general way."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from parity_tests.both import attempt, same_as_torch

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool")
SMALL = ("int8", "uint8", "bool")
WRITES: dict[str, Any] = {
    "add_": lambda x, y, n: x.add_(y),
    "add_ a number": lambda x, y, n: x.add_(n),
    "add_ alpha": lambda x, y, n: x.add_(y, alpha=n),
    "add_ by name": lambda x, y, n: x.add_(other=y),
    "sub_": lambda x, y, n: x.sub_(y),
    "sub_ alpha": lambda x, y, n: x.sub_(n, alpha=2),
    "mul_": lambda x, y, n: x.mul_(n),
    "div_": lambda x, y, n: x.div_(n),
    "clamp_": lambda x, y, n: x.clamp_(n, 5),
    "clamp_ above": lambda x, y, n: x.clamp_(max=n),
    "clamp_ by tensors": lambda x, y, n: x.clamp_(y),
    "clamp_ without bounds": lambda x, y, n: x.clamp_(),
    "addcmul_": lambda x, y, n: x.addcmul_(y, y, value=n),
    "addcmul_ of numbers": lambda x, y, n: x.addcmul_(n, y),
    "addcdiv_": lambda x, y, n: x.addcdiv_(y, y, value=n),
    "lerp_": lambda x, y, n: x.lerp_(y, n),
    "lerp_ by a tensor": lambda x, y, n: x.lerp_(y, y),
    "maximum into": lambda x, y, n: x.copy_(y),
    "fill_": lambda x, y, n: x.fill_(n),
    "zero_": lambda x, y, n: x.zero_(),
    "neg_": lambda x, y, n: x.neg_(),
    "sqrt_": lambda x, y, n: x.sqrt_(),
    "gt_": lambda x, y, n: x.gt_(n),
    "bitwise_and_": lambda x, y, n: x.bitwise_and_(y),
    "no operand": lambda x, y, n: x.add_(),
    "text": lambda x, y, n: x.mul_("text"),
}


NUMBERS = (2, 0.25, -1, 300, True)
# The blends are of floats; an alpha that a type does not hold is torch's own affair.
CASES = [
    (write, dtype)
    for write, dtype in itertools.product(WRITES, DTYPES)
    if dtype.startswith("float")
    or not (write.startswith(("addc", "lerp")) or ("alpha" in write and dtype in SMALL))
]


def tensors_of(torch: Any, dtype: str) -> tuple[Any, Any]:
    kind = getattr(torch, dtype)
    x = torch.tensor([[1, 0, 3], [4, 1, 6]]).to(kind)
    return x, torch.tensor([[1, 2, 1], [2, 2, 1]]).to(kind)


@pytest.mark.parametrize(("write", "dtype"), CASES)
@same_as_torch
def test_a_write_gives_torchs_values_and_errors(torch: Any, write: str, dtype: str) -> Any:
    found = []
    for number in NUMBERS:
        x, y = tensors_of(torch, dtype)
        place = x.data_ptr()
        error = attempt(lambda x=x, y=y, n=number: WRITES[write](x, y, n))
        found.append((number, error, x, x.data_ptr() == place, x._version))
    return found


@pytest.mark.parametrize("write", WRITES)
@same_as_torch
def test_a_write_to_a_view_reaches_its_base(torch: Any, write: str) -> Any:
    x, y = tensors_of(torch, "float32")
    error = attempt(lambda: WRITES[write](x.t()[1:], y.t()[1:], 0.5))
    return error, x, x._version


@same_as_torch
def test_memory_that_is_written_twice_or_read_while_written(torch: Any) -> Any:
    row, line = torch.ones(1, 3), torch.arange(6.0)
    return [
        attempt(lambda: row.expand(2, 3).add_(1)),
        attempt(lambda: row.expand(2, 3).zero_()),
        attempt(lambda: line[1:].add_(line[:-1], alpha=2)),
        attempt(lambda: line[1:].copy_(line[:-1])),
        attempt(lambda: line.add_(line, alpha=2)),
        attempt(lambda: line.addcmul_(line, line, value=0.5)),
        attempt(lambda: line.lerp_(line.detach(), 0.5)),
        row,
        line,
    ]


@same_as_torch
def test_tensors_of_inference_mode_are_written_there_alone(torch: Any) -> Any:
    with torch.inference_mode():
        x = torch.ones(2)
        x.add_(1, alpha=2).clamp_(0, 2).mul_(x)
    return x.clone(), attempt(lambda: x.add_(1)), attempt(lambda: x.mul_(torch.ones(2)))


BINARY: dict[str, Any] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "floor": lambda x, y: x // y,
    "rest": lambda x, y: x % y,
    "gt": lambda x, y: x > y,
    "eq": lambda x, y: x == y,
    "and": lambda x, y: x & y,
    "pow": lambda x, y: x**y,
    "reversed": lambda x, y: y - x,
    "maximum": lambda x, y: x.maximum(y),
    "atan2": lambda x, y: x.atan2(y),
}


@pytest.mark.parametrize("op", BINARY)
@same_as_torch
def test_operands_of_two_dtypes_and_numbers(torch: Any, op: str) -> Any:
    found: dict[Any, Any] = {}
    for one, other in itertools.product(DTYPES, (*DTYPES, *NUMBERS)):
        if op == "pow" and (other == 300 or one == "bool"):
            continue  # torch has an error of its own; a power of bools, which minigrad leaves out
        x, _ = tensors_of(torch, one)
        y = tensors_of(torch, other)[1] if isinstance(other, str) else other
        for name, a, b in (("", x, y), ("0-d", x[0, 0], y), ("to 0-d", x, y)):
            if name == "to 0-d" and isinstance(other, str):
                b = b[0, 1]
            out: list[Any] = []
            error = attempt(lambda a=a, b=b, out=out: out.append(BINARY[op](a, b)))
            found[one, str(other), name] = error, out
    return found


@same_as_torch
def test_an_integer_beside_a_parameter_gets_no_gradient(torch: Any) -> Any:
    p, i = torch.ones(3, requires_grad=True), torch.arange(3)
    loss = (p * i + i * p * 2 + p / i.add(1) + (p > i)).sum()
    loss.backward()
    return loss, p.grad
