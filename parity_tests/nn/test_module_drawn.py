"""Drawn trees of modules behave as torch's: walks, state, conversion, hooks, copies, text."""

from __future__ import annotations

import copy
import pickle
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
