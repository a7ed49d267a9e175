"""Drawn trees of modules behave as torch's: walks, state, conversion, hooks, copies, text."""

from __future__ import annotations

import copy
import pickle
import warnings
from random import Random
from typing import Any

import pytest

from parity_tests.nn.trees import WIDTH, tree
from parity_tests.sidebyside import both_agree, raised

SEEDS = range(30)
FEW = range(12)

every_tree = pytest.mark.parametrize("seed", SEEDS)
some_trees = pytest.mark.parametrize("seed", FEW)


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


@every_tree
@both_agree
def test_walks(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    found: list[Any] = [net, names(net.named_children()), len(list(net.children()))]
    for twice in (True, False):
        for prefix in ("", "pre.fix"):
            found += [
                names(net.named_modules(prefix=prefix, remove_duplicate=twice)),
                names(net.named_parameters(prefix, remove_duplicate=twice)),
                names(net.named_parameters(prefix, False, twice)),
                names(net.named_buffers(prefix, remove_duplicate=twice)),
                names(net.named_buffers(prefix, False, twice)),
            ]
        found.append([type(m).__name__ for m in net.modules(remove_duplicate=twice)])
    memo: set[Any] = set(list(net.children())[:1])
    return [*found, names(net.named_modules(memo)), len(memo), dir(net) == sorted(dir(net))]


@every_tree
@both_agree
def test_state_dict(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    state = net.state_dict()
    own = torch.nn.Module().state_dict(prefix="x.")
    net.state_dict(destination=own, prefix="deep.", keep_vars=True)
    return [
        state,
        dict(state._metadata),
        [(key, tensor.requires_grad) for key, tensor in own.items()],
        list(own._metadata),
    ]


@every_tree
@both_agree
def test_loading_what_was_changed(torch: Any, seed: int) -> Any:
    draw = Random(seed)
    net, twin = tree(torch, seed), tree(torch, seed)
    state = net.state_dict()
    keys = list(state)
    for key in draw.sample(keys, min(len(keys), draw.randrange(4))):
        change = draw.randrange(5)
        if change == 0:
            del state[key]
        elif change == 1:
            state[key] = torch.ones(draw.randrange(1, 3), 2)
        elif change == 2:
            state[key] = draw.choice([3, None, [1.0], "text"])
        elif change == 3:
            state[key + draw.choice(["x", ".x", ".x.y"])] = torch.ones(1)
        else:
            state[key] = state[key].double() + 1
    if draw.random() < 0.3:
        del state._metadata
    given = state if draw.random() < 0.5 else dict(state)
    result: list[Any] = []
    for strict in (True, False):
        for assign in (False, True):
            # A copy, as torch notes assign=True in the metadata and assigns ever after.
            text = raised(twin.load_state_dict, copy.deepcopy(given), strict, assign)
            result += [text, twin.state_dict(), [p.requires_grad for p in twin.parameters()]]
    return [*result, list(given)]


@some_trees
@both_agree
def test_paths(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    paths = ["", *names(net.named_modules(remove_duplicate=False)), "nothing", "empty", "a.b"]
    paths += names(net.named_parameters()) + names(net.named_buffers())
    found = []
    for path in paths:
        for get in (net.get_submodule, net.get_parameter, net.get_buffer):
            found.append(raised(get, path))
        for strict in (False, True):
            twin = tree(torch, seed)
            found += [raised(twin.set_submodule, path, torch.nn.Flatten(), strict), repr(twin)]
    return found


@some_trees
@both_agree
def test_modes_and_gradients(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    x = torch.rand(4, WIDTH)
    y = net(x)
    if y.requires_grad:
        y.sum().backward()
    found = [y.detach(), [p.grad for p in net.parameters()]]
    net.zero_grad(set_to_none=False)
    found.append([p.grad for p in net.parameters()])
    net.zero_grad()
    found.append([p.grad is None for p in net.parameters()])
    found.append([m.training for m in net.eval().modules()])
    found.append([p.requires_grad for p in net.requires_grad_(False).parameters()])
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    return [*found, seen, net.state_dict()]


MOVES = (
    "m.to('cpu')",
    "m.to(torch.float64)",
    "m.to('cpu', torch.float16)",
    "m.to('cpu', torch.float64, True)",
    "m.to(torch.float64, True)",
    "m.to(torch.ones(1, dtype=torch.float64))",
    "m.to(torch.ones(1, dtype=torch.float64), True)",
    "m.to(device='cpu')",
    "m.to(dtype=torch.float64)",
    "m.to(dtype=torch.float64, device=torch.device('cpu'), non_blocking=True)",
    "m.to(memory_format=torch.channels_last)",
    "m.to(None)",
    "m.to(torch.int64)",
    "m.to(dtype=torch.bool)",
    "m.to()",
    "m.to('cpu', dtype=torch.float64)",
    "m.to(torch.ones(1, dtype=torch.int32))",
    "m.type(torch.float64)",
    "m.type('torch.DoubleTensor')",
    "m.half()",
    "m.double()",
    "m.bfloat16()",
    "m.double().float()",
    "m.cpu()",
    "m.share_memory()",
)


@pytest.mark.parametrize("call", MOVES)
@both_agree
def test_conversion(torch: Any, call: str) -> Any:
    found = []
    for seed in (3, 8, 11):
        net = tree(torch, seed)
        for p in net.parameters():
            p.grad = torch.full_like(p, 2.0)
        before = [*net.parameters()]
        grads = [p.grad for p in before]
        text = raised(lambda n=net: eval(call, {"m": n, "torch": torch}) is n)
        found += [
            text,
            [(str(t.dtype), t.requires_grad) for t in (*net.parameters(), *net.buffers())],
            [p is q for p, q in zip(net.parameters(), before, strict=True)],
            [p.grad is g for p, g in zip(net.parameters(), grads, strict=True)],
            [(str(p.grad.dtype), p.grad.requires_grad) for p in net.parameters()],
            [t.double() for t in net.state_dict().values()],
        ]
    return found


@pytest.mark.parametrize(
    "call",
    ["m.to('cpu', 'cpu')", "m.to(torch.float64, 'cpu')", "m.to(bad=3)", "m.to(dtype=3)",
     "m.to('cpu', device='cpu')", "m.to(torch.float64, False, 3)", "m.to('nope')", "m.type(3)"],
)  # fmt: skip
@both_agree
def test_conversion_refuses(torch: Any, call: str) -> Any:
    net = tree(torch, 3)
    return raised(lambda: eval(call, {"m": net, "torch": torch})).split(":")[0]


@some_trees
@both_agree
def test_empty_memory(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    before = [*net.parameters(), *net.buffers()]
    kept = [p.data for p in before]
    same = net.to_empty(device="cpu") is net
    after = [*net.parameters(), *net.buffers()]
    return [
        same,
        [(tuple(p.shape), str(p.dtype), p.requires_grad) for p in after],
        [p is q for p, q in zip(before, after, strict=True)],
        [p.data_ptr() == q.data_ptr() for p, q in zip(kept, after, strict=True)],
        raised(lambda: net.to_empty("cpu")).split(":")[0],
    ]


@some_trees
@both_agree
def test_copies(torch: Any, seed: int) -> Any:
    net = tree(torch, seed)
    deep = copy.deepcopy(net)
    shallow = copy.copy(net)
    result = [deep, deep.state_dict(), shallow._parameters is net._parameters]
    result.append([p.requires_grad for p in deep.parameters()])
    result.append(names(deep.named_modules(remove_duplicate=False)))
    result.append(len({id(p) for p in net.parameters()} & {id(p) for p in deep.parameters()}))
    plain = torch.nn.Sequential(*(m for m in net.modules() if type(m) is torch.nn.Linear))
    back = pickle.loads(pickle.dumps(plain))
    state = dict(back.__dict__)
    for table in ("_forward_pre_hooks_with_kwargs", "_state_dict_pre_hooks"):
        del state[table]
    old = torch.nn.Sequential.__new__(torch.nn.Sequential)
    old.__setstate__(state)
    return [*result, back.state_dict(), sorted(old.__dict__), list(old.state_dict())]


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
