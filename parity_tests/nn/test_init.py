"""nn.init: the same values from the same seed, the same messages."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import pytest

from parity_tests.sidebyside import both_agree, raised

FILLS = [
    "uniform_(E(3, 4), -2, 5)",
    "uniform_(E(40), generator=G)",
    "normal_(E(5, 5), 1, 2)",
    "normal_(E(3), std=0.01)",
    "normal_(E(40), generator=G)",
    "trunc_normal_(E(500))",
    "trunc_normal_(E(50, dtype=torch.float64), generator=G)",
    "trunc_normal_(E(50), 0.0, 0.02, -0.04, 0.04)",
    "trunc_normal_(E(50), 0.0, 1.0, 0.5, 1.0)",
    "trunc_normal_(E(9), 3.0, 1.0, 2.5, 2.6, generator=G)",
    "constant_(E(2), 42)",
    "ones_(E(2))",
    "zeros_(E(2))",
    "eye_(E(2, 3))",
    "eye_(E(3, 2))",
    "dirac_(E(3, 2, 3))",
    "dirac_(E(4, 2, 3, 3), 2)",
    "dirac_(E(3, 2, 2, 3, 1))",
    "xavier_uniform_(E(3, 4, 2, 2), 2.0)",
    "xavier_uniform_(E(30, 4), gain=init.calculate_gain('tanh'), generator=G)",
    "xavier_normal_(E(3, 4))",
    "kaiming_uniform_(E(3, 4))",
    "kaiming_uniform_(E(3, 4), mode='fan_out', nonlinearity='relu')",
    "kaiming_normal_(E(3, 4, 5), 0.2)",
    "kaiming_normal_(E(3, 4), generator=G)",
    "orthogonal_(E(3, 5))",
    "orthogonal_(E(5, 3), 2)",
    "orthogonal_(E(2, 2, 3), generator=G)",
    "orthogonal_(E(0, 3))",
    "sparse_(E(5, 4), 0.3)",
    "sparse_(E(5, 4), 0.3, generator=G)",
]
ERRORS = [
    "eye_(E(2))",
    "dirac_(E(3, 2))",
    "dirac_(E(3, 2, 2), 2)",
    "xavier_uniform_(E(3))",
    "kaiming_normal_(E(3, 4), mode='sideways')",
    "kaiming_normal_(E(3, 4), nonlinearity='wavy')",
    "orthogonal_(E(2))",
    "sparse_(E(4), 0.3)",
]


def fill(torch: Any, call: str) -> Any:
    generator = torch.Generator()
    generator.manual_seed(5)
    init = torch.nn.init
    names = {"E": torch.empty, "G": generator, "torch": torch, "init": init}
    return eval(call, {**vars(init), **names})


@pytest.mark.parametrize("call", FILLS)
@both_agree
def test_values_and_stream(torch: Any, call: str) -> Any:
    torch.manual_seed(2023)
    filled = fill(torch, call)
    exact = filled.tolist() if "orthogonal" not in call else None
    return [filled, exact, torch.rand(1).item()]


DRAWN = (
    "uniform_(t, {a}, {b}, G)", "normal_(t, {a}, {c}, generator=G)",
    "trunc_normal_(t, generator=G)",
    "trunc_normal_(t, {a}, {c}, {a} - 1, {b} + 1, G)", "trunc_normal_(t, 0.0, {c}, {b}, {b} + 1)",
    "constant_(t, {a})", "ones_(t)", "zeros_(t)", "eye_(t)", "dirac_(t)", "dirac_(t, 2)",
    "xavier_uniform_(t, {b}, G)", "xavier_normal_(t, {b})", "kaiming_uniform_(t, {c}, generator=G)",
    "kaiming_uniform_(t, mode='fan_out', nonlinearity='tanh')", "kaiming_normal_(t, 0, 'fan_in')",
    "kaiming_normal_(t, {c}, 'fan_out', 'selu', G)", "orthogonal_(t, {b}, G)", "orthogonal_(t)",
    "sparse_(t, 0.4, {c}, G)", "sparse_(t, 0.0)", "_calculate_fan_in_and_fan_out(t)",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("form", DRAWN)
@both_agree
def test_drawn_shapes_types_and_layouts(torch: Any, form: str, seed: int) -> Any:
    draw = Random(seed)
    shape = [draw.choice([1, 2, 3, 4, 6]) for _ in range(draw.choice([1, 2, 2, 3, 4, 5]))]
    dtype = draw.choice([torch.float32, torch.float32, torch.float64, torch.float16])
    if "orthogonal" in form and dtype is torch.float16:
        dtype = torch.float32  # torch has no QR of half precision
    numbers = {"a": draw.uniform(-1, 0.5), "b": draw.uniform(1, 2), "c": draw.uniform(0.3, 1)}
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    tensor = torch.zeros(shape, dtype=dtype)
    if draw.random() < 0.3 and tensor.ndim == 2:
        tensor = torch.zeros(shape[::-1], dtype=dtype).t()
    tensor.requires_grad_(draw.random() < 0.5)
    names = {**vars(torch.nn.init), "t": tensor, "G": generator}
    found: list[Any] = []

    def run() -> None:
        found.append(eval(form.format(**numbers), names))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        error = raised(run)
    exact = None if "orthogonal" in form else tensor.tolist()
    same = bool(found) and found[0] is tensor
    rest = [torch.rand(1).item(), torch.rand(1, generator=generator).item()]
    return [error, same or found, tensor, exact, rest]


@pytest.mark.parametrize("call", ERRORS)
@both_agree
def test_errors(torch: Any, call: str) -> Any:
    return raised(lambda: fill(torch, call))


@pytest.mark.parametrize("call", ["kaiming_uniform_(E(0, 4))", "trunc_normal_(E(4), 9.0)"])
@both_agree
def test_warnings(torch: Any, call: str) -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.manual_seed(0)
        filled = fill(torch, call)
    return [filled, [str(w.message) for w in caught]]


@both_agree
def test_gains(torch: Any) -> Any:
    gain = torch.nn.init.calculate_gain
    names = ["linear", "conv1d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu"]
    return [
        [float(gain(name)) for name in names],
        gain("leaky_relu"),
        gain("leaky_relu", 0.2),
        gain("leaky_relu", 1),
        raised(lambda: gain("leaky_relu", "steep")),
        raised(lambda: gain("leaky_relu", True)),
    ]


@both_agree
def test_parameters_are_filled_unrecorded(torch: Any) -> Any:
    weight = torch.nn.Parameter(torch.empty(2, 3))
    returned = torch.nn.init.constant_(weight, 3.0)
    return [returned is weight, weight]


OLD = {
    "uniform": (), "normal": (), "constant": (3,), "eye": (), "dirac": (), "xavier_uniform": (),
    "xavier_normal": (), "kaiming_uniform": (), "kaiming_normal": (), "orthogonal": (),
    "sparse": (0.5,),
}  # fmt: skip


@pytest.mark.parametrize("old", OLD)
@both_agree
def test_old_names_warn_and_work(torch: Any, old: str) -> Any:
    torch.manual_seed(1)
    message = f"`nn.init.{old}` is now deprecated in favor of `nn.init.{old}_`."
    with pytest.warns(FutureWarning, match=message):
        return getattr(torch.nn.init, old)(torch.empty(2, 2, *([1] * (old == "dirac"))), *OLD[old])


@both_agree
def test_a_whole_net_starts_alike(torch: Any) -> Any:
    nn = torch.nn
    torch.manual_seed(2023)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.BatchNorm2d(6),
        nn.Conv2d(6, 16, 5, groups=2, bias=False),
        nn.Conv1d(4, 2, 3),
        nn.Linear(400, 120),
        nn.LayerNorm(120),
        nn.Linear(120, 10, bias=False),
    )

    def xavier(module: Any) -> None:
        if type(module) in (nn.Linear, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)

    first = [p.tolist() for p in net.parameters()]
    net.apply(xavier)
    return [first, [p.tolist() for p in net.parameters()]]
