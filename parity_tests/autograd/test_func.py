"""``func``: transforms of functions, nested and with auxiliary values, against torch."""

from __future__ import annotations

from collections import OrderedDict, namedtuple

import pytest

from parity_tests.both import both_raise, same_as_torch

Pair = namedtuple("Pair", "a b")


def vector(torch, *values, grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def wavy(x):
    return (x.sin() * x).sum()


@same_as_torch
def test_grad_and_its_value(torch):
    x = vector(torch, 1.0, -2.0)
    return torch.func.grad(wavy)(x), torch.func.grad_and_value(wavy)(x)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@same_as_torch
def test_grad_of_grad(torch, depth):
    func = torch.sin
    for _ in range(depth):
        func = torch.func.grad(func)
    return func(torch.tensor(0.7, dtype=torch.float64))


@same_as_torch
def test_an_inner_gradient_is_not_the_outer_one(torch):
    """The outer variable is a constant for the inner transform: no confusion of levels."""
    grad = torch.func.grad

    def outer(x):
        def inner(y):
            return x * y

        return x * grad(inner)(torch.tensor(2.0, dtype=torch.float64))

    x = torch.tensor(3.0, dtype=torch.float64)
    return grad(outer)(x), grad(grad(outer))(x)


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), (0, 1)], ids=str)
@same_as_torch
def test_argnums(torch, argnums):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 3.0, 4.0)

    def func(x, y):
        return (x**2 * y).sum()

    return (
        torch.func.grad(func, argnums=argnums)(x, y),
        torch.func.grad_and_value(func, argnums=argnums)(x, y),
        torch.func.jacrev(lambda x, y: x * y**2, argnums=argnums)(x, y),
        # torch's jacfwd gives zeros for an argument that is counted from the end.
        torch.func.jacfwd(lambda x, y: x * y**2, argnums=1 if argnums == -1 else argnums)(x, y),
    )


@pytest.mark.parametrize("argnums", [2, -3, "0", (), (0, 0), 1.5, (0, 1.0)], ids=str)
@both_raise
def test_bad_argnums(torch, argnums):
    x = vector(torch, 1.0, 2.0)
    return torch.func.grad(lambda x, y: (x * y).sum(), argnums=argnums)(x, x)


@same_as_torch
def test_has_aux(torch):
    x = vector(torch, 1.0, 2.0)
    tangent = vector(torch, 0.5, -1.0)

    def func(x):
        return x.sin().sum(), {"twice": x * 2, "more": [x.sum()]}

    vjp = torch.func.vjp(func, x, has_aux=True)
    return (
        torch.func.grad(func, has_aux=True)(x),
        torch.func.grad_and_value(func, has_aux=True)(x),
        (vjp[0], vjp[1](torch.tensor(1.0, dtype=torch.float64)), vjp[2]),
        torch.func.jacrev(lambda x: (x.sin(), x * 2), has_aux=True)(x),
        torch.func.jacfwd(lambda x: (x.sin(), x * 2), has_aux=True)(x),
        torch.func.jvp(lambda x: (x.sin(), x * 2), (x,), (tangent,), has_aux=True),
    )


@same_as_torch
def test_gradients_of_trees(torch):
    tree = OrderedDict(w=vector(torch, 1.0, 2.0), rest=[vector(torch, 3.0), (vector(torch, 4.0),)])

    def func(tree, x):
        return (tree["w"] * x).sum() * tree["rest"][0].sum() * tree["rest"][1][0].sum()

    found = torch.func.grad(func)(tree, vector(torch, 0.5, 0.25))
    return type(found).__name__, found


@same_as_torch
def test_named_tuples_go_in_and_out(torch):
    x = vector(torch, 1.0, 2.0)
    found = torch.func.grad(lambda p: (p.a * p.b).sum())(Pair(x, x * 2))
    out, pull = torch.func.vjp(lambda x: Pair(x, x * x), x)
    return type(found).__name__, found.a, found.b, out.a, out.b, pull(Pair(x, x))


@same_as_torch
def test_keyword_arguments_pass_through(torch):
    return torch.func.grad(lambda x, power=1: (x**power).sum())(vector(torch, 1.0, 2.0), power=3)


@same_as_torch
def test_unused_arguments_have_zero_gradients(torch):
    x = vector(torch, 1.0, 2.0)
    return (
        torch.func.grad(lambda x, y: y.sum())(x, x),
        torch.func.jacrev(lambda x, y: y * 2)(x, x),
        torch.func.jacfwd(lambda x, y: y * 2)(x, x),
        torch.func.jvp(lambda x: torch.ones(2), (x,), (x,)),
    )


@same_as_torch
def test_results_are_constants_for_the_user(torch):
    x = vector(torch, 1.0, 2.0)
    value, pull = torch.func.vjp(lambda x: x * x, x)
    return (
        torch.func.grad(wavy)(x).requires_grad,
        value.requires_grad,
        pull(x)[0].requires_grad,
        x.requires_grad,
    )


@same_as_torch
def test_the_users_own_graph_goes_through(torch):
    x, w = vector(torch, 1.0, 2.0, grad=True), vector(torch, 0.5, 3.0, grad=True)
    found = torch.func.grad(lambda x: (x**3 * w).sum())(x)
    value, pull = torch.func.vjp(lambda x: x**2 * w, x)
    (pulled,) = pull(vector(torch, 1.0, 1.0))
    pushed = torch.func.jvp(lambda x: x**2 * w, (x,), (w,))[1]
    loss = found.sum() + value.sum() + pulled.sum() * 2 + pushed.sum() * 3
    return found, value, pulled, pushed, torch.autograd.grad(loss, [x, w])


@same_as_torch
def test_no_grad_inside_counts_and_outside_does_not(torch):
    x = vector(torch, 1.0, 2.0, grad=True)

    def func(x):
        with torch.no_grad():
            c = x**2
        return (x * x - c).sum()

    with torch.no_grad():
        found = torch.func.grad(func)(x), torch.func.jacrev(lambda x: x**2)(x)
        pushed = torch.func.jvp(lambda x: x**2, (x,), (x,))
    return found, pushed, torch.is_grad_enabled()


@same_as_torch
def test_vjp_of_trees(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 3.0, 4.0)
    out, pull = torch.func.vjp(lambda x, y: {"s": (x * y).sum(), "t": [x * 2, y]}, x, y)
    weights = {"s": torch.tensor(2.0, dtype=torch.float64), "t": [x, y]}
    return out, pull(weights), pull(weights)


@same_as_torch
def test_jvp_of_trees(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 3.0, 4.0)
    return torch.func.jvp(lambda t, y: [t["x"] * y, y.exp()], ({"x": x}, y), ({"x": y}, x))


@same_as_torch
def test_jvp_may_write_its_arguments_in_place(torch):
    x = vector(torch, 1.0, 2.0)
    return torch.func.jvp(lambda x: x.sin_(), (x,), (vector(torch, 3.0, 4.0),)), x


@pytest.mark.parametrize("inner", ["grad", "jvp", "vjp", "jacrev", "jacfwd"])
@pytest.mark.parametrize("outer", ["grad", "jvp", "vjp", "jacrev", "jacfwd", "hessian"])
@same_as_torch
def test_every_transform_of_every_other(torch, outer, inner):
    F, x, t = torch.func, vector(torch, 0.4, -1.2, 2.0), vector(torch, 1.0, 0.5, -2.0)

    def func(x):
        return x.exp() * x.flip(0)

    def once(x):
        return {
            "grad": lambda: F.grad(lambda x: func(x).prod())(x),
            "jvp": lambda: F.jvp(func, (x,), (t,))[1],
            "vjp": lambda: F.vjp(func, x)[1](t)[0],
            "jacrev": lambda: F.jacrev(func)(x),
            "jacfwd": lambda: F.jacfwd(func)(x),
        }[inner]()

    weight = torch.ones_like(once(x)) * 0.5
    return {
        "grad": lambda: F.grad(lambda x: once(x).sin().sum())(x),
        "jvp": lambda: F.jvp(once, (x,), (t,)),
        "vjp": lambda: F.vjp(once, x)[1](weight),
        "jacrev": lambda: F.jacrev(once)(x),
        "jacfwd": lambda: F.jacfwd(once)(x),
        "hessian": lambda: F.hessian(lambda x: once(x).sin().sum())(x),
    }[outer]()


@pytest.mark.parametrize("make", ["jacrev", "jacfwd"])
@same_as_torch
def test_jacobians_of_trees(torch, make):
    x, y = vector(torch, 1.0, 2.0), torch.ones(2, 2, dtype=torch.float64)

    def func(t, y):
        return {"m": y @ t["x"], "s": t["x"].sum()}, (y * 2).sum(0)

    return (
        getattr(torch.func, make)(func)({"x": x}, y),
        getattr(torch.func, make)(func, argnums=(0, 1))({"x": x}, y),
    )


@pytest.mark.parametrize("chunk_size", [None, 1, 2, 100])
@same_as_torch
def test_chunks_change_nothing(torch, chunk_size):
    x = vector(torch, 1.0, 2.0, 3.0)
    return torch.func.jacrev(lambda x: x * x, chunk_size=chunk_size)(x)


@same_as_torch
def test_hessian_by_several_arguments(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 3.0)
    return torch.func.hessian(lambda x, y: (x**2).sum() * y.sum() ** 2, argnums=(0, 1))(x, y)


@same_as_torch
def test_linearize(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 3.0, 4.0)
    out, push = torch.func.linearize(lambda x, y: (x * y, x.exp()), x, y)
    return out, push(y, x), push(x, x)


BAD = {
    "grad of a vector": lambda F, x: F.grad(lambda x: x)(x),
    "grad of a number": lambda F, x: F.grad(lambda x: 3.0)(x),
    "grad of a tuple": lambda F, x: F.grad(lambda x: (x.sum(), x.sum()))(x),
    "aux without a pair": lambda F, x: F.grad(lambda x: x.sum(), has_aux=True)(x),
    "grad by a number": lambda F, x: F.grad(lambda x: x)(3.0),
    "vjp of nothing": lambda F, x: F.vjp(lambda x: None, x),
    "vjp of a number": lambda F, x: F.vjp(lambda x: 3.0, x),
    "vjp of integers": lambda F, x: F.vjp(lambda x: x.long(), x),
    "vjp, other structure": lambda F, x: F.vjp(lambda x: (x, x), x)[1](x),
    "jvp of no tuple": lambda F, x: F.jvp(lambda x: x, x, x),
    "jvp, other structure": lambda F, x: F.jvp(lambda x: x, (x,), (x, x)),
    "jvp of numbers": lambda F, x: F.jvp(lambda x: x, (1.0,), (1.0,)),
    "jvp, no output": lambda F, x: F.jvp(lambda x: None, (x,), (x,)),
    "jvp, other size": lambda F, x: F.jvp(lambda x: x, (x,), (x[:1],)),
    "jvp strict": lambda F, x: F.jvp(lambda x: x.detach(), (x,), (x,), strict=True),
    "chunk of zero": lambda F, x: F.jacrev(lambda x: x, chunk_size=0),
    "writing a leaf": lambda F, x: F.grad(lambda x: x.sin_().sum())(x),
    "grad of integers": lambda F, x: F.grad(lambda x: x.sum())(x.long()),
    "linearize, other size": lambda F, x: F.linearize(lambda x: x, x)[1](x[:1]),
    "linearize, too many": lambda F, x: F.linearize(lambda x: x, x)[1](x, x),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch.func, vector(torch, 1.0, 2.0))
