"""``vmap``, ``functional_call`` and ``stack_module_state``, against torch."""

from __future__ import annotations

import pytest

import minigrad
from parity_tests.both import both_raise, same_as_torch


def batch(torch, *shape):
    count = 1
    for n in shape:
        count *= n
    return torch.arange(count, dtype=torch.float64).reshape(shape) / 7 - 1


@pytest.mark.parametrize("in_dims", [0, 1, -1, (0, None), (None, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("out_dims", [0, 1, -1])
@same_as_torch
def test_axes(torch, in_dims, out_dims):
    x, y = batch(torch, 3, 3), batch(torch, 3, 3) * 2
    return torch.vmap(lambda x, y: x.exp() * y.sum(0), in_dims, out_dims)(x, y)


@same_as_torch
def test_axes_of_trees(torch):
    x, y = batch(torch, 2, 3), batch(torch, 3, 2)
    tree = {"x": x, "rest": (y, 2.0)}

    def func(tree, z):
        a, scale = tree["rest"]
        return {"sum": tree["x"] + a * scale, "z": (z * 2, a.sum())}

    in_dims = ({"x": 0, "rest": (1, None)}, None)
    whole = torch.vmap(func, in_dims)(tree, x)
    moved = torch.vmap(func, in_dims, out_dims={"sum": 1, "z": (0, 0)})(tree, x)
    return whole, moved


@same_as_torch
def test_nested(torch):
    x, y = batch(torch, 2, 3), batch(torch, 4, 3)
    inner_axes = torch.vmap(torch.vmap(torch.sin, in_dims=1), in_dims=1)
    pairs = torch.vmap(torch.vmap(torch.dot, in_dims=(None, 0)), in_dims=(0, None))
    return pairs(x, y), inner_axes(batch(torch, 2, 3, 4))


@same_as_torch
def test_several_outputs_and_keywords(torch):
    x = batch(torch, 2, 3)
    return torch.func.vmap(lambda x, power=1: (x**power, x.sum()))(x, power=2)


@pytest.mark.parametrize("chunk_size", [None, 1, 2, 5])
@same_as_torch
def test_chunks_change_nothing(torch, chunk_size):
    return torch.vmap(lambda x: x.cumsum(0), chunk_size=chunk_size)(batch(torch, 5, 2))


@same_as_torch
def test_an_output_that_is_the_same_for_all(torch):
    x = batch(torch, 3, 2)
    whole = torch.vmap(lambda x: torch.ones(2))(x)
    return whole, torch.vmap(lambda x: (x.sum(), 5.0), out_dims=(0, None))(x)


@same_as_torch
def test_an_empty_batch(torch):
    return torch.vmap(lambda x: (x.sum(), x * 2))(torch.zeros(0, 3))


@same_as_torch
def test_it_is_differentiated(torch):
    x = batch(torch, 3, 2).requires_grad_()
    w = batch(torch, 2).requires_grad_()
    out = torch.vmap(lambda x, w: (x * w).exp().sum(), in_dims=(0, None))(x, w)
    return out, torch.autograd.grad(out.sum(), [x, w])


@same_as_torch
def test_gradients_per_sample(torch):
    x, y, w = batch(torch, 4, 3), batch(torch, 4), batch(torch, 3)

    def loss(w, x, y):
        return (x.dot(w) - y) ** 2

    return (
        torch.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(w, x, y),
        torch.vmap(torch.func.grad_and_value(loss), in_dims=(None, 0, 0))(w, x, y),
        torch.vmap(torch.func.jacrev(torch.sin))(x),
        torch.vmap(torch.func.hessian(lambda x: x.prod()))(x),
        torch.func.grad(lambda x: torch.vmap(torch.sin)(x).sum())(x),
        torch.func.jacrev(torch.vmap(torch.sin))(y),
    )


@same_as_torch
def test_each_call_may_sweep_a_graph_from_outside(torch):
    x = batch(torch, 3).requires_grad_()
    y = x.exp() * x.sum()
    rows = torch.vmap(lambda v: torch.autograd.grad(y, x, v)[0])(torch.eye(3).double())
    try:
        y.sum().backward()
        freed = False
    except RuntimeError:
        freed = True
    return rows, freed


@same_as_torch
def test_the_same_numbers_for_all(torch):
    torch.manual_seed(3)
    x = batch(torch, 3, 2)
    found = torch.vmap(lambda x: x + torch.rand(2), randomness="same")(x)
    return found, torch.rand(1)


@same_as_torch
def test_different_numbers_for_each(torch):
    torch.manual_seed(3)
    return torch.vmap(lambda x: x + torch.rand(2), randomness="different")(batch(torch, 3, 2))


BAD = {
    "random": lambda t, x: t.vmap(lambda x: x + t.rand(3))(x),
    "no such randomness": lambda t, x: t.vmap(lambda x: x, randomness="some")(x),
    "no inputs": lambda t, x: t.vmap(lambda: 1)(),
    "nothing to map": lambda t, x: t.vmap(lambda x: x, in_dims=None)(x),
    "nothing mapped": lambda t, x: t.vmap(lambda x: x, in_dims=(None,))(x),
    "a number": lambda t, x: t.vmap(lambda x, y: x)(x, 3.0),
    "sizes differ": lambda t, x: t.vmap(lambda x, y: x)(x, x[:1]),
    "no such axis": lambda t, x: t.vmap(lambda x: x, in_dims=2)(x),
    "no such axis of a number": lambda t, x: t.vmap(lambda x: x)(x.sum()),
    "too many in_dims": lambda t, x: t.vmap(lambda x: x, in_dims=(0, 0))(x),
    "in_dims a list": lambda t, x: t.vmap(lambda x: x, in_dims=[0])(x),
    "in_dims a float": lambda t, x: t.vmap(lambda x: x, in_dims=(0.5,))(x),
    "out_dims a float": lambda t, x: t.vmap(lambda x: x, out_dims=0.5)(x),
    "too many out_dims": lambda t, x: t.vmap(lambda x: x, out_dims=(0, 0))(x),
    "no tensor out": lambda t, x: t.vmap(lambda x: 3.0)(x),
    "no such out_dim": lambda t, x: t.vmap(lambda x: x, out_dims=3)(x),
    "chunk of zero": lambda t, x: t.vmap(lambda x: x, chunk_size=0)(x),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch, batch(torch, 2, 3))


def test_a_refused_draw_leaves_the_stream_as_it_was():
    minigrad.manual_seed(1)
    with pytest.raises(RuntimeError, match="randomness"):
        minigrad.vmap(lambda x: x + minigrad.rand(2))(minigrad.ones(3, 2))
    drawn = minigrad.rand(1)
    minigrad.manual_seed(1)
    assert drawn == minigrad.rand(1)


# Modules as functions.


def network(torch):
    model = torch.nn.Sequential(
        torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1)
    )
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.arange(float(p.numel())).reshape(p.shape) / 5 - 0.3)
    return model


@pytest.mark.parametrize("form", ["dict", "tuple", "partial"])
@same_as_torch
def test_functional_call(torch, form):
    model, x = network(torch), batch(torch, 4, 3).float()
    own = [p.clone() for p in model.parameters()]
    params = {n: p.detach() * 2 for n, p in model.named_parameters()}
    buffers = {n: b.clone() for n, b in model.named_buffers()}
    given = {
        "dict": {**params, **buffers},
        "tuple": (params, buffers),
        "partial": {"0.weight": params["0.weight"]},
    }[form]
    out = torch.func.functional_call(model, given, (x,))
    kept = [bool((p == q).all()) for p, q in zip(model.parameters(), own)]  # noqa: B905
    return out.detach(), kept, dict(model.named_buffers()), buffers


@same_as_torch
def test_functional_call_takes_arguments_in_every_form(torch):
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.ones(2))

        def forward(self, x=None, scale=1):
            return self.w * scale if x is None else self.w * x * scale

    model, given, x = Scaled(), {"w": torch.tensor([2.0, 3.0])}, torch.tensor([1.0, 5.0])
    call = torch.func.functional_call
    return (
        call(model, given, x),
        call(model, given, (x, 2)),
        call(model, given, (x,), {"scale": 3}),
        call(model, given, None, {"scale": 3}),
        call(model, given),
    )


def tied(torch):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Parameter(torch.ones(2))
            self.b = self.a

        def forward(self, x):
            return x * self.a + self.b

    return Tied()


@same_as_torch
def test_tied_weights(torch):
    model, x = tied(torch), torch.tensor([1.0, 5.0])
    other = {"a": torch.tensor([2.0, 3.0])}
    both = {**other, "b": torch.zeros(2)}
    return (
        torch.func.functional_call(model, other, x),
        torch.func.functional_call(model, other, x, tie_weights=False).detach(),
        torch.func.functional_call(model, both, x, tie_weights=False),
        torch.func.functional_call(model, {"a": other["a"]}, x, strict=True),
    )


BAD_CALLS = {
    "tied, two values": lambda t, m, x: t.func.functional_call(
        tied(t), {"a": t.ones(2), "b": t.zeros(2)}, (t.ones(2),)
    ),
    "name in two": lambda t, m, x: t.func.functional_call(
        m, ({"0.bias": t.ones(2)}, {"0.bias": t.ones(2)}), x
    ),
    "list of no dicts": lambda t, m, x: t.func.functional_call(m, [1], x),
    "no dict": lambda t, m, x: t.func.functional_call(m, 3, x),
    "missing, strict": lambda t, m, x: t.func.functional_call(
        m, {"0.bias": t.ones(2)}, x, strict=True
    ),
    "unexpected, strict": lambda t, m, x: t.func.functional_call(
        m, {**dict(m.named_parameters()), "other": t.ones(2)}, x, strict=True
    ),
    "no models": lambda t, m, x: t.func.stack_module_state([]),
    "two classes": lambda t, m, x: t.func.stack_module_state([m, t.nn.Linear(3, 2)]),
    "training and not": lambda t, m, x: t.func.stack_module_state([m, network(t).eval()]),
    "frozen and not": lambda t, m, x: t.func.stack_module_state(
        [m, network(t).requires_grad_(False)]
    ),
}


@pytest.mark.parametrize("case", sorted(BAD_CALLS))
@both_raise
def test_bad_calls_of_modules(torch, case):
    return BAD_CALLS[case](torch, network(torch), batch(torch, 4, 3).float())


@same_as_torch
def test_gradients_by_parameters(torch):
    model, x = network(torch).eval(), batch(torch, 4, 3).float()
    params = {n: p.detach() for n, p in model.named_parameters()}

    def loss(params, x):
        return torch.func.functional_call(model, params, (x,)).pow(2).sum()

    return (
        torch.func.grad(loss)(params, x),
        torch.vmap(torch.func.grad(loss), in_dims=(None, 0))(params, x[:, None]),
    )


@same_as_torch
def test_ensembles(torch):
    models = [network(torch).eval() for _ in range(3)]
    with torch.no_grad():
        for number, model in enumerate(models):
            model[0].weight.mul_(number)
    params, buffers = torch.func.stack_module_state(models)

    def call(params, buffers, x):
        return torch.func.functional_call(models[0], (params, buffers), (x,))

    x = batch(torch, 4, 3).float()
    out = torch.vmap(call, in_dims=(0, 0, None))(params, buffers, x)
    out.sum().backward()
    return params, buffers, out.detach(), {n: p.grad for n, p in params.items()}


@same_as_torch
def test_batch_norm_without_statistics(torch):
    model = torch.func.replace_all_batch_norm_modules_(network(torch))
    return [n for n, _ in model.named_buffers()], model(batch(torch, 4, 3).float()).detach()
