"""Mixed precision on a card: the types that torch documents, and scaled losses."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad as torch
from parity_tests.cuda.engines import compiler

F = torch.nn.functional
pytestmark = compiler
HALF, FULL = torch.float16, torch.float32


def x(*shape: int, dtype: Any = FULL) -> Any:
    return torch.rand(*shape).to("cuda").to(dtype)


CASES = {
    "mm": (lambda: x(2, 3) @ x(3, 2), HALF),
    "mv": (lambda: torch.mv(x(2, 3), x(3)), HALF),
    "conv2d": (lambda: F.conv2d(x(1, 2, 4, 4), x(3, 2, 3, 3)), HALF),
    "mixed": (lambda: F.linear(x(2, 3, dtype=HALF), x(4, 3), x(4)), HALF),
    "exp": (lambda: x(3, dtype=HALF).exp(), FULL),
    "pow": (lambda: x(3, dtype=HALF) ** 2, FULL),
    "softmax": (lambda: x(3, 3, dtype=HALF).softmax(1), FULL),
    "sum": (lambda: x(3, dtype=HALF).sum(), FULL),
    "layer_norm": (lambda: F.layer_norm(x(3, 4, dtype=HALF), (4,)), FULL),
    "cross_entropy": (
        lambda: F.cross_entropy(x(2, 3, dtype=HALF), torch.tensor([0, 2], device="cuda")), FULL),
    "relu": (lambda: F.relu(x(3, dtype=HALF)), HALF),
    "addcmul": (lambda: torch.addcmul(x(3), x(3, dtype=HALF), x(3, dtype=HALF)), FULL),
    # A function of several ops is cast once: in it the ops choose no types.
    "bilinear": (lambda: F.bilinear(x(2, 3), x(2, 3, dtype=HALF), x(2, 3, 3)), FULL),
    "tensordot": (lambda: torch.tensordot(x(2, 3), x(3, 2, dtype=HALF), 1), FULL),
    "vecdot": (lambda: torch.linalg.vecdot(x(2, 3), x(2, 3)), HALF),
    "scatter_add": (
        lambda: x(3).scatter_add(0, torch.tensor([0, 2], device="cuda"), x(2, dtype=HALF)), FULL),
    # The type that a call asks for is what it gives.
    "sum in halves": (lambda: x(3, dtype=HALF).sum(dtype=HALF), HALF),
    "softmax in halves": (lambda: x(3, dtype=HALF).softmax(0, dtype=HALF), HALF),
    "square": (lambda: x(3, dtype=HALF).square(), FULL),
    "huber_loss": (lambda: F.huber_loss(x(3, dtype=HALF), x(3)), FULL),
    "nearest": (lambda: F.interpolate(x(1, 1, 2, 2, dtype=HALF), size=3), FULL),
    "bicubic": (
        lambda: F.interpolate(x(1, 1, 2, 2, dtype=HALF), size=3, mode="bicubic"), FULL),
    "area": (lambda: F.interpolate(x(1, 1, 2, 2, dtype=HALF), size=3, mode="area"), HALF),
    "double": (lambda: x(2, 2).double() @ x(2, 2).double(), torch.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_types_are_those_that_torch_documents(name: str, launched: list[str]) -> None:
    run, wanted = CASES[name]
    with torch.autocast("cuda"):
        assert run().dtype is wanted


def test_what_lies_on_the_host_is_left_alone(launched: list[str]) -> None:
    with torch.autocast("cuda"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is FULL


def test_a_loss_that_overflows_easily_is_refused(launched: list[str]) -> None:
    p = x(3, dtype=HALF)
    with pytest.raises(RuntimeError, match="unsafe to autocast"), torch.autocast("cuda"):
        F.binary_cross_entropy(p, p)


def test_scaled_training_takes_one_wait_a_step(launched: list[str]) -> None:
    from minigrad.cuda import stand_in

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
    model = model.to("cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scaler = torch.amp.GradScaler("cuda", init_scale=1024.0, growth_interval=3)
    given, target = x(5, 4), torch.tensor([0, 1, 2, 0, 1], device="cuda")
    losses, waits = [], []
    for _ in range(6):
        before = stand_in.counts.to_host
        with torch.autocast("cuda"):
            loss = F.cross_entropy(model(given), target)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        waits.append(stand_in.counts.to_host - before)
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert scaler.get_scale() == 4096.0
    assert "unscale" in launched
    assert max(waits) <= 2  # the flag of what is not finite, with the indices' flags


def test_a_step_with_an_infinite_gradient_is_left_out(launched: list[str]) -> None:
    w = torch.ones(3, device="cuda", requires_grad=True)
    optimizer, scaler = torch.optim.SGD([w], lr=1.0), torch.amp.GradScaler("cuda", init_scale=4.0)
    scaler.scale((w * float("inf")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert w.detach().cpu().tolist() == [1, 1, 1]
    assert scaler.get_scale() == 2.0
