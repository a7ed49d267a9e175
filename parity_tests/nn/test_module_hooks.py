"""Hooks at drawn places of drawn trees see, change and log what they do in torch."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import pytest

from parity_tests.nn.trees import WIDTH, tree
from parity_tests.sidebyside import both_agree, raised

every_tree = pytest.mark.parametrize("seed", range(30))
some_trees = pytest.mark.parametrize("seed", range(12))


def shown(value: Any) -> Any:
    """Gradients as numbers that can be compared."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [shown(v) for v in value]
    return value.detach()


def hang_hooks(torch: Any, draw: Random, net: Any, log: list[Any]) -> list[Any]:
    """Hooks of every kind at drawn places of the tree, noting what they see."""
    modules = list(net.modules())
    handles = []

    def add(number: int) -> None:
        module = draw.choice(modules)
        prepend = draw.random() < 0.5
        kind = draw.randrange(7)
        change = draw.random() < 0.3

        def note(*seen: Any) -> None:
            log.append([number, *(shown(s) for s in seen)])

        if kind == 0:
            handles.append(
                module.register_forward_pre_hook(
                    lambda m, args: note(args) or ((args[0] * 2,) if change else None),
                    prepend=prepend,
                )
            )
        elif kind == 1:
            handles.append(
                module.register_forward_pre_hook(
                    lambda m, args, kwargs: (
                        note(args, sorted(kwargs)) or ((args[0] + 1,), {}) if change else None
                    ),
                    prepend=prepend,
                    with_kwargs=True,
                )
            )
        elif kind == 2:
            handles.append(
                module.register_forward_hook(
                    lambda m, args, out: note(args, out) or (out * 3 if change else None),
                    prepend=prepend,
                    always_call=draw.random() < 0.5,
                )
            )
        elif kind == 3:
            handles.append(
                module.register_forward_hook(
                    lambda m, args, kwargs, out: note(sorted(kwargs), out),
                    with_kwargs=True,
                    prepend=prepend,
                )
            )
        elif kind in (4, 5):
            handles.append(
                module.register_full_backward_hook(
                    lambda m, gi, go: (
                        note(gi, go) or tuple(None if g is None else g * 2 for g in gi)
                        if change
                        else note(gi, go)
                    ),
                    prepend=prepend,
                )
            )
        else:
            handles.append(
                module.register_full_backward_pre_hook(
                    lambda m, go: note(go) or ((go[0] * 2,) if change else None), prepend=prepend
                )
            )

    for number in range(draw.randrange(1, 8)):
        add(number)
    return handles


@every_tree
@both_agree
def test_hooks(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    net = tree(torch, seed, depth=2).double()
    log: list[Any] = []
    handles = hang_hooks(torch, draw, net, log)
    found = []
    for _ in range(3):
        x = torch.rand(4, WIDTH, dtype=torch.float64, requires_grad=draw.random() < 0.7)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            y = net(x)
            if y.requires_grad:
                (y * torch.arange(1.0, WIDTH + 1)).sum().backward()
        found += [shown(y), shown(x.grad), [str(w.message)[:60] for w in caught]]
        found += [shown([p.grad for p in net.parameters()])]
        draw.choice(handles).remove()
    with torch.no_grad():
        found.append(shown(net(torch.rand(4, WIDTH, dtype=torch.float64))))
    return [log, *found]


@some_trees
@both_agree
def test_hooks_when_forward_fails(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    log: list[Any] = []

    def hook(number: int, fails: bool) -> Any:
        def run(module: Any, *seen: Any) -> None:
            log.append((number, type(module).__name__, len(seen), seen[-1] is None))
            if fails:
                raise KeyError(number)

        return run

    for number in range(5):
        draw.choice([net, net[0], net[1]]).register_forward_hook(
            hook(number, draw.random() < 0.3),
            always_call=draw.random() < 0.6,
            with_kwargs=draw.random() < 0.5,
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors = [
            raised(net, torch.ones(1, 3)).split(":")[0],
            raised(net, torch.ones(1, 2)).split(":")[0],
        ]
    return [errors, log, [str(w.message) for w in caught]]


@some_trees
@both_agree
def test_state_hooks(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    net = tree(torch, seed)
    log: list[Any] = []
    modules = list(net.modules())
    for number in range(6):
        module = draw.choice(modules)
        kind = draw.randrange(5)
        if kind == 0:
            module.register_state_dict_pre_hook(
                lambda m, prefix, keep, n=number: log.append((n, prefix, keep))
            )
        elif kind == 1:
            module.register_state_dict_post_hook(
                lambda m, d, prefix, meta, n=number: log.append((n, prefix, sorted(d), meta))
            )
        elif kind == 2:
            module._register_state_dict_hook(
                lambda m, d, prefix, meta, n=number: log.append((n, prefix)) or d
            )
        elif kind == 3:
            module.register_load_state_dict_pre_hook(
                lambda m, d, prefix, meta, strict, *lists, n=number: log.append(
                    (n, type(m).__name__, sorted(d), prefix, meta, strict, lists)
                )
            )
        else:
            module.register_load_state_dict_post_hook(
                lambda m, keys, n=number: log.append((n, str(keys)))
            )
    state = net.state_dict()
    if len(state) > 1:
        state.popitem()
    return [list(state), raised(net.load_state_dict, state), log]


def global_hooks(torch: Any) -> dict[str, Any]:
    place = torch.nn.modules.module
    return {name: getattr(place, name) for name in place.__all__ if name != "Module"}


@some_trees
@both_agree
def test_global_hooks(torch: Any, seed: int) -> Any:
    log: list[Any] = []
    hooks = global_hooks(torch)
    hooks.pop("register_module_backward_hook")
    chosen = Random(seed).sample(sorted(hooks), 4)
    handles = []
    for name in chosen:

        def note(module: Any, *seen: Any, name: str = name) -> None:
            words = [s if isinstance(s, str) else type(s).__name__ for s in seen]
            log.append((name, type(module).__name__, words))

        handles.append(hooks[name](note))
    try:
        net = tree(torch, seed, depth=1)
        x = torch.rand(4, WIDTH, requires_grad=True)
        net(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    count = len(log)
    net(torch.rand(4, WIDTH))
    return [log, len(log) == count]


@both_agree
def test_global_hooks_change_what_they_see(torch: Any) -> Any:
    hooks = global_hooks(torch)
    nn = torch.nn
    with hooks["register_module_forward_pre_hook"](lambda m, args: args[0] + 1):
        first = nn.ReLU()(torch.zeros(1))
    with hooks["register_module_forward_hook"](lambda m, args, out: out + 1):
        second = nn.ReLU()(torch.zeros(1))
    with hooks["register_module_parameter_registration_hook"](
        lambda m, name, p: nn.Parameter(torch.zeros_like(p)) if name == "bias" else None
    ):
        third = nn.Linear(2, 1).bias
    with hooks["register_module_module_registration_hook"](lambda m, name, sub: nn.Tanh()):
        fourth = nn.Sequential(nn.ReLU())
    with hooks["register_module_buffer_registration_hook"](lambda m, name, b: torch.ones(2)):
        fifth = nn.BatchNorm1d(2).running_mean
    x = torch.zeros(1, requires_grad=True)
    with hooks["register_module_full_backward_pre_hook"](lambda m, go: (go[0] * 5,)):
        nn.Tanh()(x).backward()
    return [first, second, third, fourth, fifth, x.grad]


@both_agree
def test_kinds_of_backward_hooks_do_not_mix(torch: Any) -> Any:
    one, two = torch.nn.ReLU(), torch.nn.ReLU()
    one.register_backward_hook(lambda *a: None)
    two.register_full_backward_hook(lambda *a: None)
    return [
        raised(one.register_full_backward_hook, print),
        raised(two.register_backward_hook, print),
    ]


@both_agree
def test_older_backward_hook(torch: Any) -> Any:
    log: list[Any] = []
    layer = torch.nn.Tanh()
    layer.register_backward_hook(lambda m, gi, go: log.append((type(m).__name__, gi, go)))
    x = torch.zeros(2, requires_grad=True)
    layer(x * 1).sum().backward()
    layer.register_backward_hook(lambda m, gi, go: (gi[0] * 3,))
    layer(x * 1).sum().backward()
    return [log, x.grad]


@pytest.mark.parametrize("case", range(4))
@both_agree
def test_older_backward_hook_warns_of_what_it_misses(torch: Any, case: int) -> Any:
    class Odd(torch.nn.Module):
        def forward(self, x: Any, other: Any = None) -> Any:
            y = x * 2 + 1
            return [y, (y, y * 2), {"y": y}, y][case]

    odd = Odd()
    odd.register_backward_hook(lambda m, gi, go: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        odd(torch.ones(1, requires_grad=True) * 1, *([3] if case == 3 else []))
    return [str(w.message) for w in caught]
