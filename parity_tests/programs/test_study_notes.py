"""What programs of study notes do, small and odd things included, as torch does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.both import attempt, both_raise, same_as_torch
from parity_tests.streams import scalar_bernoulli


def printed(*values: Any) -> list[str]:
    return [repr(v) for v in values]


@same_as_torch
def test_zero_dimensional_tensors_format_like_their_number(torch):
    tracked = torch.tensor(2.5, requires_grad=True)
    return [f"{torch.tensor(1.5):f}", f"{torch.tensor(3):d}", f"{tracked:.3f}", f"{tracked}"]


@same_as_torch
def test_vectors_and_parameters_format_as_they_print(torch):
    p = torch.nn.Parameter(torch.tensor(1.5))
    return [f"{torch.tensor([1.5])}", f"{p}", attempt(lambda: f"{p:.2f}")]


@same_as_torch
def test_a_number_beside_an_index_list_selects_before_the_list_does(torch):
    a = torch.arange(24).reshape(2, 3, 4)
    one = torch.tensor(1)
    return [a[0, :, [0, 1]], a[[0, 1], :, 1], a[:, 0, [1, 2]], a[one, :, [0]], a[0, None, :, [1]]]


@same_as_torch
def test_values_are_written_where_a_number_and_a_list_point(torch):
    a = torch.zeros(2, 3, 4, requires_grad=True)
    b = a * 1
    b[0, :, [0, 1]] = torch.arange(6.0).reshape(3, 2)
    b.sum().backward()
    return [b, a.grad]


@same_as_torch
def test_an_integer_tensor_of_no_axes_selects_a_view(torch):
    a = torch.zeros(2, 2)
    a[torch.tensor(1)].add_(1)
    return a


@same_as_torch
def test_reflected_quotient_remainder_and_power(torch):
    x = torch.tensor([1, 2])
    return [5 // x, 5 % x, 2.5 // x, 2**x, 2.0**x, True**x, +x, 7.5 % torch.tensor([2.0])]


@both_raise
def test_integers_divided_by_zero(torch):
    return torch.tensor([1, 0]) // 0


@both_raise
def test_the_remainder_of_integers_by_zero(torch):
    return torch.tensor([1, 0]) % 0


@same_as_torch
def test_the_sign_of_nan_is_zero(torch):
    return torch.sign(torch.tensor([-2.0, 0.0, 3.0, float("nan")]))


@same_as_torch
def test_steps_of_arange_have_the_same_last_bit(torch):
    found = [torch.arange(-8, 8, 0.1), torch.arange(0, 1, 0.01), torch.arange(0.5, 9, 0.3)]
    return [f.tolist() for f in found] + printed(*found)


@same_as_torch
def test_lists_of_numpy_doubles_stay_doubles(torch):
    rows = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    return [torch.tensor([np.float64(2.5)]), torch.tensor(rows), torch.tensor([np.float32(1)])]


@same_as_torch
def test_python_types_name_dtypes(torch):
    x = torch.ones(2)
    return [torch.tensor([1], dtype=float), torch.zeros(2, dtype=int), x.to(int), x.to(bool)]


@same_as_torch
def test_numpy_functions_of_tensors_give_tensors(torch):
    return [np.exp(torch.zeros(2)), torch.ones(2) * np.array([1.0, 2.0])]


@same_as_torch
def test_numbers_that_do_not_fit_are_refused(torch):
    nan = float("nan")
    return [
        attempt(lambda: torch.tensor(2**63)),
        attempt(lambda: torch.tensor([nan], dtype=torch.int64)),
        attempt(lambda: torch.arange(0, float("inf"))),
        attempt(lambda: float(torch.ones(2))),
        attempt(lambda: None in torch.ones(2)),
        torch.tensor([-1], dtype=torch.uint8),
    ]


@same_as_torch
def test_strides_of_empty_tensors(torch):
    return [torch.zeros(s).stride() for s in ((0,), (2, 0, 3), (0, 3))]


@same_as_torch
def test_printed_names_of_transposes_and_stacks(torch):
    x = torch.ones(2, 3, requires_grad=True)
    return printed(x.T, x.t(), torch.stack([x, x]), torch.cat([x, x]), 1 - x, x.reshape(3, 2))


@same_as_torch
def test_old_constructors(torch):
    kinds = ["Float", "Double", "Half", "Long", "Int", "Byte", "Bool"]
    made = [getattr(torch, f"{k}Tensor")([1, 0]) for k in kinds]
    known = [isinstance(torch.zeros(1), getattr(torch, f"{k}Tensor")) for k in kinds]
    return [made, known, torch.FloatTensor(2, 3).shape, torch.ones(1).type(torch.LongTensor)]


@same_as_torch
def test_linear_regression_written_out(torch):
    torch.manual_seed(0)
    w = torch.normal(0, 0.01, (2, 1), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    X = torch.normal(0, 1, (50, 2))
    y = (X @ torch.tensor([2.0, -3.4]) + 4.2).reshape(-1, 1)
    for _ in range(20):
        loss = (torch.matmul(X, w) + b - y) ** 2 / 2
        loss.sum().backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.03 * p.grad / 50
                p.grad.zero_()
    return [w, b, f"{float(loss.mean()):.4f}"]


@same_as_torch
def test_a_kernel_learned_from_an_edge(torch):
    torch.manual_seed(0)
    X = torch.ones(1, 1, 6, 8)
    X[..., 2:6] = 0
    Y = X[..., :-1] - X[..., 1:]
    conv = torch.nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)
    for _ in range(10):
        loss = (conv(X) - Y) ** 2
        conv.zero_grad()
        loss.sum().backward()
        conv.weight.data[:] -= 3e-2 * conv.weight.grad
    return [conv.weight.data.reshape(1, 2), f"{loss.sum():.3f}"]


@scalar_bernoulli
@same_as_torch
def test_a_perceptron_trained_from_one_seed(torch):
    torch.manual_seed(0)
    nn, data = torch.nn, torch.utils.data
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    X, y = torch.rand(40, 4, 4), torch.randint(0, 3, (40,))
    loader = data.DataLoader(data.TensorDataset(X, y), 8, shuffle=True)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, weight_decay=1e-3)
    losses = []
    for _ in range(3):
        for a, b in loader:
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(net(a), b)
            loss.backward()
            optimizer.step()
            losses.append(f"{loss.item():.4f}")
    return [losses, net.eval()(X).argmax(1), repr(net)]


@same_as_torch
def test_numpy_numbers_and_half_types_keep_the_tensors_dtype(torch):
    x, half = torch.ones(2), torch.ones(2, dtype=torch.bfloat16)
    return printed(
        x * np.float64(2), np.int64(2) * x, np.float32(3) + x, half * 2.5, 1 - half, half / 3
    )


@same_as_torch
def test_masks_can_not_be_subtracted_or_negated(torch):
    mask = torch.tensor([True, False])
    return [attempt(lambda: mask - mask), attempt(lambda: -mask), mask + mask, mask * mask]


MIXED = {
    "linear": lambda torch, a, b: torch.nn.Linear(2, 2)(b),
    "linear without bias": lambda torch, a, b: torch.nn.functional.linear(b, a),
    "addmm": lambda torch, a, b: torch.addmm(a, a, b),
    "addmm of two doubles": lambda torch, a, b: torch.addmm(a, b, a),
    "mm": lambda torch, a, b: torch.mm(a, b),
    "matmul": lambda torch, a, b: a @ b,
    "dot": lambda torch, a, b: torch.dot(a[0], b[0]),
    "mean": lambda torch, a, b: (b > 0).mean(),
    "mean of integers": lambda torch, a, b: b.long().mean(),
}


@pytest.mark.parametrize("dtype", ["float64", "int64", "float16"])
@pytest.mark.parametrize("name", MIXED)
def test_messages_about_dtypes_begin_with_torchs(name: str, dtype: str) -> None:
    import torch as oracle

    said = []
    for torch in (minigrad, oracle):
        a, b = torch.ones(2, 2), torch.ones(2, 2, dtype=getattr(torch, dtype))
        with pytest.raises(RuntimeError) as raised:
            MIXED[name](torch, a, b)
        said.append(str(raised.value))
    assert said[0].startswith(said[1])


@same_as_torch
def test_what_programs_ask_of_cuda_without_a_card(torch):
    if torch.cuda.is_available():
        pytest.skip("there is a card")
    cuda = torch.cuda
    return [
        cuda.manual_seed(0),
        cuda.manual_seed_all(0),
        cuda.empty_cache(),
        cuda.memory_allocated(),
        cuda.device_count(),
    ]
