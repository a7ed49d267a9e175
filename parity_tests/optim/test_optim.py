"""Optimizers: files, groups, state, hooks and messages are torch's (numbers: the database)."""

from __future__ import annotations

import copy
import importlib
import itertools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import minigrad
from parity_tests.sidebyside import agree, array, both_agree, raised, to_minigrad


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("SGD", {"lr": 0.1}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {"lr": 0.1}),
    ],
)
def test_state_is_exchanged_with_torch(name: str, options: dict[str, Any]) -> None:
    """Half of a run here, the other half there, either way, gives a whole run."""
    import torch

    packages = {"mine": minigrad, "theirs": torch}
    weights = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)

    def make(package: Any, values: Any) -> tuple[Any, Any]:
        p = package.tensor(values, requires_grad=True)
        return p, getattr(package.optim, name)([p], **options)

    def run(package: Any, p: Any, optimizer: Any, steps: range) -> None:
        for step in steps:
            p.grad = package.tensor(np.random.default_rng(step).normal(size=(3, 2)), dtype=p.dtype)
            optimizer.step()

    results = []
    for first, second in itertools.product(packages, packages):
        p, optimizer = make(packages[first], weights.copy())
        run(packages[first], p, optimizer, range(5))
        q, other = make(packages[second], array(p).copy())
        other.load_state_dict(moved(optimizer.state_dict(), packages[second]))
        run(packages[second], q, other, range(5, 10))
        results.append(torch.tensor(array(q)))
    for result in results[:-1]:
        agree(to_minigrad(result), results[-1])


def moved(state: Any, package: Any) -> Any:
    """A state dict with the tensors of a package."""
    if isinstance(state, dict):
        return {key: moved(value, package) for key, value in state.items()}
    if isinstance(state, list):
        return [moved(value, package) for value in state]
    if hasattr(state, "detach"):
        return package.tensor(array(state).copy())
    return state


@both_agree
def test_groups(torch: Any) -> Any:
    a, b, c = (torch.ones(n, requires_grad=True) for n in (1, 2, 3))
    groups = [{"params": a, "weight_decay": 0.5}, {"params": (p for p in [b]), "lr": 1.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": [c], "momentum": 0.5})
    (a.sum() + b.sum()).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    zeros = [p.grad for p in (a, b, c)]
    optimizer.zero_grad()
    named = torch.optim.SGD([("a", a), ("b", b)])
    return [
        [p.detach() for p in (a, b, c)],
        zeros,
        a.grad,
        repr(optimizer),
        optimizer.state_dict(),
        named.state_dict(),
        optimizer.defaults,
        isinstance(optimizer, torch.optim.Optimizer),
    ]


ERRORS = [
    "SGD([])",
    "SGD(iter([]))",
    "SGD(a)",
    "SGD([3])",
    "SGD(['a'])",
    "SGD([a * 2])",
    "SGD([{'params': [a]}, {'params': [a]}])",
    "SGD([{'params': {a}}])",
    "SGD([{'lr': 1}])",
    "SGD([('x', a), b])",
    "SGD([{'params': [('x', a)]}, {'params': [b]}])",
    "SGD([a], lr=-1)",
    "SGD([a], momentum=-1)",
    "SGD([a], weight_decay=-1)",
    "SGD([a], nesterov=True)",
    "SGD([a], nesterov=True, momentum=0.1, dampening=0.1)",
    "SGD([a], lr=torch.ones(2))",
    "SGD([a], fused=True, foreach=True)",
    "SGD([a], fused=True, differentiable=True)",
    "SGD([a], foo=3)",
    "SGD([a]).add_param_group(3)",
    "SGD([a]).add_param_group({'params': a})",
    "Adam([a], lr=-1)",
    "Adam([a], betas=(1, 0.9))",
    "Adam([a], betas=(0.9, 1.0))",
    "Adam([a], betas=(0, 0.9))",
    "Adam([a], eps=-1)",
    "Adam([a], weight_decay=-1)",
    "Adam([a], fused=True, foreach=True)",
    "Adam([a], lr=torch.tensor(0.1), foreach=True)",
    "AdamW([a], lr=-1)",
    "Optimizer([a], {}).step()",
    "SGD([a]).load_state_dict(SGD([{'params': a}, {'params': b}]).state_dict())",
    "SGD([a]).load_state_dict(SGD([a, b]).state_dict())",
]


@pytest.mark.parametrize("call", ERRORS)
@both_agree
def test_errors(torch: Any, call: str) -> Any:
    a, b = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    return raised(lambda: eval(call, {**vars(torch.optim), "torch": torch, "a": a, "b": b}))


def test_what_is_left_out_says_so() -> None:
    p = minigrad.ones(1, requires_grad=True)
    with pytest.raises(NotImplementedError, match="sparse gradients are left out of minigrad"):
        minigrad.optim.SparseAdam([p])


@pytest.mark.parametrize("foreach", [None, True])
@pytest.mark.parametrize(
    "name", ["Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adadelta", "RMSprop", "Rprop", "ASGD"]
)
@both_agree
def test_capturable_on_the_cpu_raises_at_the_step(torch: Any, name: str, foreach: Any) -> Any:
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    return raised(getattr(torch.optim, name)([p], capturable=True, foreach=foreach).step)


@both_agree
def test_a_recorded_step_on_a_leaf_raises(torch: Any) -> Any:
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    return raised(torch.optim.SGD([p], differentiable=True).step).split(".")[0]


@both_agree
def test_hooks_on_all_optimizers(torch: Any) -> Any:
    log: list[str] = []
    p = torch.ones(1, requires_grad=True)
    p.grad = torch.ones(1)
    optimizer = torch.optim.RMSprop([p])
    optimizer.register_step_pre_hook(lambda *_: log.append("own pre"))
    optimizer.register_step_post_hook(lambda *_: log.append("own post"))
    module = importlib.import_module(f"{torch.__name__}.optim.optimizer")
    with (
        module.register_optimizer_step_pre_hook(lambda *_: log.append("pre")),
        module.register_optimizer_step_post_hook(lambda o, *_: log.append(type(o).__name__)),
    ):
        optimizer.step()
    optimizer.step()
    return log


@both_agree
def test_names(torch: Any) -> Any:
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.Adam(net.named_parameters())
    file = optimizer.state_dict()
    file["param_groups"][0]["param_names"] = ["x", "y"]
    optimizer.load_state_dict(file)
    plain = torch.optim.Adam(net.parameters())
    plain.load_state_dict(file)
    return [repr(optimizer), optimizer.state_dict(), plain.state_dict()]


@both_agree
def test_many_small_parameters_that_come_and_go(torch: Any) -> Any:
    """Packs are made anew: other gradients, exchanged memory, exchanged or changed state."""
    draw = np.random.default_rng(0)
    params = [
        torch.tensor(draw.normal(size=(n % 5, 3)).astype("float32"), requires_grad=True)
        for n in range(30)
    ]
    optimizer = torch.optim.AdamW([{"params": params[:20]}, {"params": params[20:], "lr": 0.1}])
    for number in range(12):
        for place, p in enumerate(params):
            missing = number > 2 and (place + number) % 7 == 0
            grad = torch.tensor(draw.normal(size=tuple(p.shape)).astype("float32"))
            p.grad = None if missing else grad
        if number == 4:
            params[3].data = params[3].data.clone() + 1
        elif number == 6:
            optimizer.state[params[5]]["step"].fill_(2)
            optimizer.state[params[6]]["exp_avg"] = torch.ones_like(params[6]).detach()
        elif number == 8:
            del optimizer.state[params[7]]
        elif number == 9:
            optimizer.load_state_dict(optimizer.state_dict())
        optimizer.step()
    return [[p.detach() for p in params], optimizer.state_dict()]


@both_agree
def test_parameters_that_share_memory_step_in_order(torch: Any) -> Any:
    base = torch.arange(6.0)
    params = [base[:4].detach().requires_grad_(), base[2:].detach().requires_grad_()]
    optimizer = torch.optim.RMSprop(params, weight_decay=0.5)
    for _ in range(3):
        for p in params:
            p.grad = torch.arange(4.0)
        optimizer.step()
    return [base, optimizer.state_dict()]


@both_agree
@pytest.mark.parametrize("name", ["Adam", "NAdam", "Adamax", "ASGD", "Rprop"])
@pytest.mark.parametrize("size", [3, 20000])
def test_a_count_of_steps_may_have_an_axis(torch: Any, name: str, size: int) -> Any:
    params = [torch.ones(n, requires_grad=True) for n in (size, 2)]
    optimizer = getattr(torch.optim, name)(params, lr=0.1)
    for turn in range(3):
        for p in params:
            p.grad = torch.ones_like(p)
        optimizer.step()
        if not turn:  # as optimizers do whose state is shared between processes
            for state in optimizer.state.values():
                state["step"] = torch.zeros(1)
    return [[p[:2], optimizer.state[p]["step"]] for p in params]


@both_agree
def test_two_optimizers_share_what_is_loaded(torch: Any) -> Any:
    p, q = (torch.ones(3, requires_grad=True) for _ in range(2))
    one, other = torch.optim.Adam([p]), torch.optim.Adam([q])
    p.grad = q.grad = torch.ones(3)
    one.step()
    other.load_state_dict(one.state_dict())
    other.step()
    return [one.state_dict(), other.state_dict()]


def test_state_in_a_pack_is_of_its_own_in_files(tmp_path: Any) -> None:
    """Small parameters share one memory for their state: a file or a copy must not."""
    params = [minigrad.ones(4, requires_grad=True) for _ in range(50)]
    for p in params:
        p.grad = minigrad.ones(4)
    optimizer = minigrad.optim.Adam(params)
    optimizer.step()
    one = optimizer.state[params[3]]["exp_avg"]
    assert len(pickle.dumps(one)) < 1000
    minigrad.save(one, tmp_path / "one")
    assert (tmp_path / "one").stat().st_size < 3000
    other = copy.deepcopy(optimizer)
    other.state[other.param_groups[0]["params"][3]]["exp_avg"].zero_()
    assert float(one[0]) == pytest.approx(0.1)


@both_agree
def test_duplicates_in_a_group_warn(torch: Any) -> Any:
    a = torch.ones(1, requires_grad=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        optimizer = torch.optim.SGD([a, a], lr=0.1)
    a.grad = torch.ones(1)
    optimizer.step()
    return [str(caught[0].message)[:70], a.detach(), optimizer.state_dict()]


@both_agree
def test_hooks_and_closure(torch: Any) -> Any:
    log: list[Any] = []
    a = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.Adam([a])

    def closure() -> Any:
        log.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = (a * a).sum()
        loss.backward()
        return loss

    optimizer.register_step_pre_hook(lambda o, args, kwargs: log.append(("pre", len(args))))
    handle = optimizer.register_step_post_hook(lambda o, args, kwargs: log.append("post"))
    optimizer.register_state_dict_pre_hook(lambda o: log.append("state"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(lambda o, state: log.append(sorted(state)))
    optimizer.register_load_state_dict_post_hook(lambda o: log.append("loaded"))
    with torch.no_grad():
        loss = optimizer.step(closure)
    handle.remove()
    optimizer.load_state_dict(optimizer.state_dict())
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    error = raised(optimizer.step)
    return [loss.detach(), log, a.detach(), error.split("<")[0]]


@both_agree
def test_a_users_own_optimizer_runs_its_hooks(torch: Any) -> Any:
    log: list[str] = []

    class Plain(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.5})

        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["seen"] = True
                    p.data.add_(p.grad, alpha=-group["lr"])

    a = torch.ones(2, requires_grad=True)
    a.grad = torch.ones(2)
    optimizer = Plain([a])
    optimizer.register_step_post_hook(lambda *_: log.append("post"))
    optimizer.step()
    return [a.detach(), log, repr(optimizer), optimizer.state_dict()]


@both_agree
def test_copies_and_pickles_go_on(torch: Any) -> Any:
    a = torch.ones(2, requires_grad=True)
    a.grad = torch.ones(2)
    optimizer = torch.optim.Adam([a], lr=0.1)
    optimizer.step()
    result = []
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (b,) = other.param_groups[0]["params"]
        b.grad = torch.ones(2)
        other.step()
        result.append([b.detach(), other.state_dict()])
    return [result, a.detach()]


@both_agree
def test_steps_follow_a_converted_module(torch: Any) -> Any:
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
    results = []
    for dtype in (torch.float32, torch.float64):
        if dtype is torch.float64:
            net.double()
            optimizer.load_state_dict(optimizer.state_dict())
        optimizer.zero_grad()
        net(torch.ones(1, 2, dtype=dtype)).sum().backward()
        optimizer.step()
        results.append([p.detach().clone() for p in net.parameters()])
    return [results, [str(s["momentum_buffer"].dtype) for s in optimizer.state.values()]]


def test_a_step_is_an_in_place_write() -> None:
    """Backward through a graph that saved the old weights must fail, as in torch."""
    w = minigrad.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = minigrad.ones(2)
    minigrad.optim.SGD([w]).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_steps_allocate_nothing_that_grows_with_the_parameters() -> None:
    import tracemalloc

    p = minigrad.ones(100_000, requires_grad=True)
    p.grad = minigrad.ones(100_000)
    optimizers = [
        minigrad.optim.SGD([p], momentum=0.9, nesterov=True, weight_decay=0.1, dampening=0),
        minigrad.optim.AdamW([p], amsgrad=True, maximize=True),
    ]
    for optimizer in optimizers:
        optimizer.step()
        tracemalloc.start()
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000, f"{type(optimizer).__name__} allocated {peak} bytes in a step"
