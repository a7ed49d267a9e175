"""Training on a card: one launch steps many parameters; wrong indices are told, though late."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minigrad as torch
from minigrad.backend import cuda_kernels, faults
from minigrad.cuda import stand_in
from parity_tests.cuda import cards
from parity_tests.cuda.engines import compiler

F = torch.nn.functional
pytestmark = compiler


def trained(device: str, make: Any, steps: int = 4) -> tuple[list[Any], Any]:
    """The parameters after a few steps, and the optimizer."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 3))
    optimizer = make(model.to(device).parameters())
    for k in range(steps):
        x = torch.tensor(np.sin(np.arange(20) + k).reshape(4, 5).astype("f4")).to(device)
        loss = F.cross_entropy(model(x), torch.tensor([0, 1, 2, 0]).to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [p.detach().cpu().numpy() for p in model.parameters()], optimizer


OPTIMIZERS = [
    ("sgd_many", lambda p: torch.optim.SGD(p, lr=0.1)),
    ("sgd_many", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True,
                                           weight_decay=0.01)),
    ("sgd_many", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, maximize=True)),
    ("adam_many", lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1)),
    ("adam_many", lambda p: torch.optim.AdamW(p, lr=0.01, amsgrad=True)),
]  # fmt: skip


@pytest.mark.parametrize(("kernel", "make"), OPTIMIZERS)
def test_one_launch_steps_all_parameters(kernel: str, make: Any, launched: list[str]) -> None:
    wanted, _ = trained("cpu", make)
    before = len(launched)
    found, _ = trained("cuda", make)
    assert launched[before:].count(kernel) == 4
    cards.agree(found, wanted, "float32")


@pytest.mark.parametrize("options", [{}, {"amsgrad": True, "maximize": True}])
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_steps_that_are_counted_on_the_card(
    name: str, options: dict[str, Any], launched: list[str]
) -> None:
    optimizer = getattr(torch.optim, name)
    wanted, _ = trained("cpu", lambda p: optimizer(p, lr=0.01, weight_decay=0.1, **options))

    def make(p: Any) -> Any:
        rate = torch.tensor(0.01, device="cuda")
        return optimizer(p, lr=rate, weight_decay=0.1, capturable=True, **options)

    before = len(launched)
    found, made = trained("cuda", make)
    assert launched[before:].count("adam_many_counted") == 4
    cards.agree(found, wanted, "float32")
    state = made.state_dict()["state"]
    assert [entry["step"].item() for entry in state.values()] == [4.0] * 4
    assert state[0]["step"].device.type == "cuda"


def test_loaded_state_goes_on(launched: list[str]) -> None:
    """Counts on the card are one memory, before and after a state was loaded."""
    found, made = trained("cuda", lambda p: torch.optim.Adam(p, lr=0.01, capturable=True), 2)
    saved = copy.deepcopy(made.state_dict())
    other = [torch.tensor(p).to("cuda").requires_grad_() for p in found]
    again = torch.optim.Adam(other, lr=0.01, capturable=True)
    again.load_state_dict(saved)
    for optimizer in (made, again):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = torch.ones_like(p)
        optimizer.step()
    cards.agree(
        [p.detach().cpu().numpy() for p in other],
        [p.detach().cpu().numpy() for p in made.param_groups[0]["params"]],
        "float32",
    )


def test_parameters_of_two_ages(launched: list[str]) -> None:
    def run(device: str) -> list[Any]:
        one, two = (torch.ones(3, device=device, requires_grad=True) for _ in range(2))
        optimizer = torch.optim.Adam([one, two], lr=0.1)
        for k in range(3):
            one.grad = torch.ones_like(one) * (k + 1)
            two.grad = None if k == 0 else torch.ones_like(two) * k
            optimizer.step()
        return [one.detach().cpu().numpy(), two.detach().cpu().numpy()]

    cards.agree(run("cuda"), run("cpu"), "float32")


def test_a_wrong_index_is_told_when_the_program_waits(launched: list[str]) -> None:
    table = torch.ones(3, 2, device="cuda")
    rows = F.embedding(torch.tensor([0, 7], device="cuda"), table)
    with pytest.raises(IndexError, match=r"axis of size 3.*CUDA_LAUNCH_BLOCKING=1"):
        rows.cpu()
    assert rows[:1].cpu().tolist() == [[1, 1]]  # and the program goes on


def test_a_wrong_class_is_told(launched: list[str]) -> None:
    loss = F.cross_entropy(torch.zeros(2, 3, device="cuda"), torch.tensor([0, 3], device="cuda"))
    with pytest.raises(IndexError, match="axis of size 3"):
        loss.item()


def test_at_the_line_where_that_is_asked_for(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    x = torch.zeros(3, device="cuda")
    with pytest.raises(IndexError, match="axis of size 3"):
        x.index_select(0, torch.tensor([-1], device="cuda"))


def test_many_messages_share_the_last_flag(launched: list[str]) -> None:
    x = torch.zeros(1, device="cuda")
    for size in range(1, 2 * faults.MOST):
        index = torch.tensor([size], device="cuda")
        torch.zeros(size, device="cuda").index_select(0, index)
        with pytest.raises(IndexError, match="axis of size"):
            x.cpu()


def test_deterministic_sums_take_the_ordered_form(launched: list[str]) -> None:
    w = torch.ones(4, 3, device="cuda", requires_grad=True)
    index = torch.tensor([1, 1, 3], device="cuda")
    for switch, form in ((False, "add_rows_atomic"), (True, "add_rows_ordered")):
        before = len(launched)
        torch.use_deterministic_algorithms(switch)
        try:
            F.embedding(index, w).sum().backward()
        finally:
            torch.use_deterministic_algorithms(False)
        assert form in launched[before:]
    with torch.backends.cudnn.flags(deterministic=True):
        found = cuda_kernels.served(w.detach()._array)
    assert found is not None
    assert found.deterministic


def test_tf32_convolutions_where_they_are_allowed(launched: list[str]) -> None:
    x, w = torch.randn(1, 8, 6, 6, device="cuda"), torch.randn(16, 8, 3, 3, device="cuda")
    for allowed, form in ((False, "plain"), (True, "tensor")):
        before = len(launched)
        with torch.backends.cudnn.flags(allow_tf32=allowed):
            F.conv2d(x, w)
        assert f"conv_forward_{form}_narrow" in launched[before:]


WRITES = {
    "add_": lambda x, y: x.add_(y),
    "add_, a number": lambda x, y: x.add_(2, alpha=3),
    "sub_": lambda x, y: x.sub_(y),
    "mul_": lambda x, y: x.mul_(y),
    "div_": lambda x, y: x.div_(2),
    "exp_": lambda x, y: x.exp_(),
    "broadcast": lambda x, y: x.mul_(y[0]),
    "into a view": lambda x, y: x[1:].mul_(y[1:]),
    "its own memory": lambda x, y: x[1:].mul_(x[:-1]),
    "itself": lambda x, y: x.mul_(x),
    "of another type": lambda x, y: x.mul_(y.double()),
}


@pytest.mark.parametrize("kind", ["float32", "float16", "int64"])
@pytest.mark.parametrize("name", WRITES)
def test_writes_in_place(name: str, kind: str, launched: list[str]) -> None:
    """What needs no promotion and leaves no trace is one launch, and no memory is taken."""
    if kind == "int64" and name in ("div_", "exp_", "of another type"):
        return

    def run(device: str) -> tuple[Any, int]:
        x, y = (
            torch.tensor(np.arange(1, 13).reshape(4, 3) % k).to(getattr(torch, kind)).to(device)
            for k in (5, 3)
        )
        before = stand_in.counts.launches
        WRITES[name](x, y)
        return x.cpu().numpy(), stand_in.counts.launches - before

    try:
        wanted, _ = run("cpu")
    except RuntimeError as error:
        with pytest.raises(type(error)):
            run("cuda")
        return
    found, launches = run("cuda")
    assert launches == 1 or name in ("its own memory", "of another type")
    np.testing.assert_allclose(found, wanted, rtol=2e-3 if kind == "float16" else 1e-6)


def test_a_write_that_does_not_fit(launched: list[str]) -> None:
    x = torch.ones(3, device="cuda")
    with pytest.raises(RuntimeError, match="shape"):
        x.add_(torch.ones(2, 3, device="cuda"))
    with pytest.raises(RuntimeError, match="leaf Variable"):
        torch.ones(3, device="cuda", requires_grad=True).mul_(2)
