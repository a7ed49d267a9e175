"""``autograd.graph``: edges, hooks on several tensors, nodes and what users read of them."""

from __future__ import annotations

import gc
import weakref

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch


def leaf(torch, *values):
    return torch.tensor(values or (1.0, 2.0, 3.0), dtype=torch.float64, requires_grad=True)


def edge(torch, tensor):
    return torch.autograd.graph.get_gradient_edge(tensor)


@same_as_torch
def test_the_edge_of_a_tensor(torch):
    x = leaf(torch)
    y = x * 2
    parts = y.unbind()
    return [
        (edge(torch, t).node.name(), edge(torch, t).output_nr) for t in (x, y, parts[0], parts[2])
    ]


@same_as_torch
def test_gradients_by_edges_and_from_edges(torch):
    x = leaf(torch)
    y = x * 2
    a, b, c = y.unbind()
    z = (a * b).exp() + c
    at = [edge(torch, t) for t in (x, y, b)]
    end = edge(torch, z)
    one = torch.tensor(1.0, dtype=torch.float64)
    return (
        torch.autograd.grad(z, at, retain_graph=True),
        torch.autograd.grad(end, [x, y, b], one, retain_graph=True),
        torch.autograd.grad([end], [x], [one * 3], retain_graph=True, create_graph=True),
        torch.autograd.grad(z, [edge(torch, leaf(torch))], allow_unused=True),
    )


@same_as_torch
def test_backward_from_an_edge_and_to_edges(torch):
    x, w = leaf(torch), leaf(torch)
    y = (x * w).sum()
    torch.autograd.backward(
        edge(torch, y), torch.tensor(2.0, dtype=torch.float64), inputs=[edge(torch, x)]
    )
    return x.grad, w.grad


@same_as_torch
def test_an_edge_outlives_its_tensor(torch):
    x = leaf(torch)
    y = x * 2
    at = edge(torch, y)
    z = y.sin().sum()
    del y
    return torch.autograd.grad(z, at)


@same_as_torch
def test_an_edge_without_a_weight_is_that_of_one_element(torch):
    x = torch.ones(2, requires_grad=True)
    return torch.autograd.grad(edge(torch, x.sum()), x)


BAD = {
    "constant": lambda t: edge(t, t.ones(2)),
    "weight of another shape": lambda t: t.autograd.grad(
        edge(t, leaf(t) * 2), leaf(t), t.ones(2), allow_unused=True
    ),
    "no weight": lambda t: t.autograd.grad(edge(t, leaf(t) * 2), leaf(t), allow_unused=True),
    "zeros for an edge": lambda t: t.autograd.grad(
        leaf(t).sum(), edge(t, leaf(t)), materialize_grads=True
    ),
    "unused": lambda t: t.autograd.grad(leaf(t).sum(), edge(t, leaf(t))),
    "version of a number": lambda t: t.autograd.graph.increment_version(3),
    "version of numbers": lambda t: t.autograd.graph.increment_version([3]),
    "multi hook of an unknown kind": lambda t: t.autograd.graph.register_multi_grad_hook(
        [leaf(t)], print, mode="some"
    ),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch)


@same_as_torch
def test_versions(torch):
    x, y = torch.ones(2), torch.ones(3)
    view = x[:1]
    torch.autograd.graph.increment_version(x)
    torch.autograd.graph.increment_version([x, y])
    with torch.inference_mode():
        torch.autograd.graph.increment_version(torch.ones(1))
    return x._version, y._version, view._version


@both_raise
def test_a_write_that_was_announced_spoils_a_saved_value(torch):
    x = leaf(torch) * 1
    y = x * x
    torch.autograd.graph.increment_version(x)
    y.sum().backward()


# Hooks on several tensors.


@pytest.mark.parametrize("mode", ["all", "any"])
@same_as_torch
def test_hooks_on_several_tensors(torch, mode):
    a, b, c, unused = leaf(torch), leaf(torch), leaf(torch), leaf(torch)
    log = []
    y, z = a * b, b * c
    handle = torch.autograd.graph.register_multi_grad_hook(
        [a, b, c, y, unused], lambda found: log.append(found), mode=mode
    )
    (y + z).sum().backward(retain_graph=True)
    y.sum().backward(retain_graph=True)
    (z.sum() * 2).backward(inputs=[b, c], retain_graph=True)
    handle.remove()
    (y + z).sum().backward()
    return log


@same_as_torch
def test_any_of_several_passes_over_constants(torch):
    a, log = leaf(torch), []
    torch.autograd.graph.register_multi_grad_hook(
        [torch.ones(3), a], lambda g: log.append(g), mode="any"
    )
    (a * 2).sum().backward()
    return log


# Nodes.


@same_as_torch
def test_nodes_and_what_they_are(torch):
    x = leaf(torch)
    y = (x * 2).exp().sum()
    node = y.grad_fn
    below = node.next_functions[0][0]
    return (
        isinstance(node, torch.autograd.graph.Node),
        node.name(),
        below.name(),
        below.next_functions[0][0].next_functions[1],
        node.metadata,
        node == y.grad_fn,
        hash(node) == hash(y.grad_fn),
    )


@same_as_torch
def test_metadata_stays_with_the_node(torch):
    y = leaf(torch).exp()
    y.grad_fn.metadata["name"] = "mine"
    z = y * 2
    return z.grad_fn.next_functions[0][0].metadata, z.grad_fn.metadata


@same_as_torch
def test_hooks_of_a_leafs_node(torch):
    x, log = leaf(torch), []
    node = (x * 1).grad_fn.next_functions[0][0]
    x.register_hook(lambda g: log.append("tensor"))
    x.register_post_accumulate_grad_hook(lambda p: log.append("accumulated"))
    node.register_prehook(lambda gs: log.append(("pre", x.grad is None)) or (gs[0] * 2,))
    node.register_hook(lambda inner, outer: log.append(("post", len(inner), len(outer), x.grad)))
    (x * 3).sum().backward()
    found = x.grad.clone()
    torch.autograd.grad((x * 3).sum(), x)
    return log, found


@same_as_torch
def test_the_order_of_all_hooks(torch):
    x, log = leaf(torch), []

    def note(name):
        return lambda *args: log.append(name)

    y = x * 2
    y.grad_fn.register_hook(note("post 1"))
    y.register_hook(note("tensor 1"))
    y.grad_fn.register_prehook(note("pre 1"))
    y.retain_grad()
    y.register_hook(note("tensor 2"))
    y.grad_fn.register_prehook(note("pre 2"))
    y.grad_fn.register_hook(note("post 2"))
    x.register_post_accumulate_grad_hook(note("accumulated 1"))
    x.register_hook(note("leaf 1"))
    x.register_post_accumulate_grad_hook(note("accumulated 2"))
    z = y.exp()
    z.register_hook(note("z"))
    z.sum().backward()
    return log, y.grad


@same_as_torch
def test_handles_of_removed_hooks_do_no_harm(torch):
    x, log = leaf(torch), []
    handles = [x.register_hook(lambda g, i=i: log.append(i)) for i in range(3)]
    handles[1].remove()
    handles[1].remove()
    x.sum().backward()
    node = (x * 1).grad_fn
    with node.register_hook(lambda *a: log.append("node")):
        pass
    return log


def test_a_graph_with_metadata_and_hooks_dies_by_counting():
    gc.disable()
    try:
        x = leaf(minigrad)
        y = x.exp()
        y.grad_fn.metadata["mine"] = [1]
        minigrad.autograd.graph.register_multi_grad_hook([x, y], lambda found: None)
        z = y.sum()
        z.backward()
        node = weakref.ref(y.grad_fn)
        del y, z
        assert node() is None
    finally:
        gc.enable()


@same_as_torch
def test_leaves_run_as_soon_as_their_gradients_are_whole(torch):
    a, b, c, late = (leaf(torch) for _ in range(4))
    log = []

    def note(name):
        return lambda *args: log.append(name)

    for name, t in {"a": a, "b": b, "c": c, "late": late}.items():
        t.register_hook(note(f"hook {name}"))
        t.register_post_accumulate_grad_hook(note(f"accumulated {name}"))
    x = late * a
    x.register_hook(note("x"))
    y = x * b + late.detach()
    y.register_hook(note("y"))
    z = y * c * c
    z.register_hook(note("z"))
    (z + late).sum().backward(retain_graph=True)
    torch.autograd.grad(z.sum(), [b, late], retain_graph=True)
    z.sum().backward(inputs=[a, c])
    return log, [t.grad for t in (a, b, c, late)]


@same_as_torch
def test_a_leaf_as_root_and_a_use_that_is_never_reached(torch):
    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * 2, b * 3

        @staticmethod
        def backward(ctx, g, h):
            return g * 2, None

    a, b, log = leaf(torch), leaf(torch), []
    a.register_hook(lambda g: log.append(("a", g)))
    b.register_post_accumulate_grad_hook(lambda p: log.append(("b", p.grad)))
    one = torch.ones(3, dtype=torch.float64)
    torch.autograd.backward([a, a * 2], [one, one])
    _, h = First.apply(a, b * 1)
    (h + b).sum().backward()
    return log, a.grad, b.grad


NAMED = [
    lambda t, x: x.reshape(3, 2),
    lambda t, x: x.T.reshape(6),
    lambda t, x: x.T.flatten(),
    lambda t, x: x.expand(2, 2, 3).reshape(4, 3),
    lambda t, x: x.permute(1, 0).reshape(3, 1, 2),
    lambda t, x: x[:, ::2].reshape(-1).reshape(2, 2),
    lambda t, x: 2**x,
    lambda t, x: t.pow(2.5, x),
    lambda t, x: x**x,
]


@pytest.mark.parametrize("program", NAMED)
@same_as_torch
def test_nodes_are_called_by_what_was_done(torch, program):
    x = torch.arange(6.0).view(2, 3).requires_grad_()
    y = program(torch, x)
    y.sum().backward()
    return y.grad_fn.name(), y, x.grad
