"""``autograd.functional``: Jacobians, Hessians and products with them, against torch."""

from __future__ import annotations

import pytest

from parity_tests.both import both_raise, same_as_torch

PRODUCTS = ["vjp", "jvp", "vhp", "hvp"]


def vector(torch, *values, grad=False):
    return torch.tensor(values, dtype=torch.float64, requires_grad=grad)


def several(x, y):
    return x.exp() * y.sum(), (x * y).sin()


def single(x, y):
    return (x.exp() * y).sum() * y.prod()


@pytest.mark.parametrize("create_graph", [False, True])
@same_as_torch
def test_jacobian_of_a_tensor_by_a_tensor(torch, create_graph):
    x = vector(torch, 1.0, 2.0, -1.0, grad=True)
    return torch.autograd.functional.jacobian(lambda x: x * x.flip(0), x, create_graph)


@same_as_torch
def test_derivatives_of_a_number_by_a_number(torch):
    x, of, by = torch.tensor(1.5, dtype=torch.float64), torch.autograd.functional, torch.func
    transforms = [by.jacrev, by.jacfwd, by.hessian]
    found = [of.jacobian(torch.sin, x), of.hessian(torch.sin, x)]
    return found + [transform(torch.sin)(x) for transform in transforms]


@pytest.mark.parametrize("vectorize", [False, True])
@same_as_torch
def test_jacobian_of_several_by_several(torch, vectorize):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 0.5, -1.0)
    return torch.autograd.functional.jacobian(several, (x, y), vectorize=vectorize)


@same_as_torch
def test_jacobian_of_a_matrix_keeps_both_shapes(torch):
    x = torch.arange(6.0).reshape(2, 3)
    return torch.autograd.functional.jacobian(lambda x: x.T @ x, x)


@same_as_torch
def test_jacobian_forward_mode(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 0.5, -1.0)
    found = torch.autograd.functional.jacobian(
        several, (x, y), vectorize=True, strategy="forward-mode"
    )
    return [list(row) for row in found]  # torch returns lists here


@same_as_torch
def test_jacobian_with_create_graph_is_differentiable(torch):
    x = vector(torch, 1.0, 2.0, grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda x: x**3, x, create_graph=True)
    return torch.autograd.grad(jacobian.sum(), x)


@same_as_torch
def test_unused_inputs_give_zeros(torch):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 0.5)
    return torch.autograd.functional.jacobian(lambda x, y: x * 2, (x, y))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"create_graph": True},
        {"vectorize": True},
        {"vectorize": True, "outer_jacobian_strategy": "forward-mode"},
    ],
    ids=str,
)
@same_as_torch
def test_hessian(torch, options):
    x, y = vector(torch, 1.0, 2.0), vector(torch, 0.5, -1.0)
    one = torch.autograd.functional.hessian(lambda x: (x**3).sum(), x, **options)
    two = torch.autograd.functional.hessian(single, (x, y), **options)
    # By forward mode torch forgets to detach.
    return one.detach(), [[block.detach() for block in row] for row in two]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", PRODUCTS)
@same_as_torch
def test_products_of_several(torch, name, create_graph):
    x, y = vector(torch, 1.0, 2.0, grad=True), vector(torch, 0.5, -1.0)
    v = (vector(torch, 1.0, 3.0), vector(torch, -2.0, 0.1))
    func = several if name in ("vjp", "jvp") else single
    return getattr(torch.autograd.functional, name)(func, (x, y), v, create_graph)


@pytest.mark.parametrize("name", PRODUCTS)
@same_as_torch
def test_products_of_single_tensors(torch, name):
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 3.0)
    func = (lambda x: x.sin()) if name in ("vjp", "jvp") else (lambda x: x.sin().sum())
    return getattr(torch.autograd.functional, name)(func, x, v)


@pytest.mark.parametrize("name", PRODUCTS)
@same_as_torch
def test_the_vector_may_be_left_out_for_one_number(torch, name):
    x = torch.tensor(0.3, dtype=torch.float64)
    return getattr(torch.autograd.functional, name)(lambda x: x.exp(), x)


@pytest.mark.parametrize("name", PRODUCTS)
@same_as_torch
def test_products_can_be_differentiated(torch, name):
    x = vector(torch, 1.0, 2.0, grad=True)
    func = (lambda x: x.sin()) if name in ("vjp", "jvp") else (lambda x: x.sin().sum())
    product = getattr(torch.autograd.functional, name)(
        func, x, vector(torch, 1.0, 3.0), create_graph=True
    )[1]
    return product, torch.autograd.grad(product.sum(), x)


@pytest.mark.parametrize("name", [*PRODUCTS, "jacobian", "hessian"])
@same_as_torch
def test_no_grad_outside_changes_nothing(torch, name):
    x, v = vector(torch, 1.0, 2.0, grad=True), vector(torch, 1.0, 3.0)
    args = (x, v) if name in PRODUCTS else (x,)
    func = (lambda x: x.sin()) if name in ("vjp", "jvp", "jacobian") else (lambda x: x.sin().sum())
    with torch.no_grad():
        return getattr(torch.autograd.functional, name)(func, *args)


@pytest.mark.parametrize("name", [*PRODUCTS, "jacobian", "hessian"])
@same_as_torch
def test_strict_passes_what_depends_on_the_input(torch, name):
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 3.0)
    args = (x, v) if name in PRODUCTS else (x,)
    func = (lambda x: x**3) if name in ("vjp", "jvp", "jacobian") else (lambda x: (x**3).sum())
    return getattr(torch.autograd.functional, name)(func, *args, strict=True)


@pytest.mark.parametrize("name", [*PRODUCTS, "jacobian", "hessian"])
@pytest.mark.parametrize("func", ["independent", "of one only", "linear"])
@same_as_torch
def test_strict_and_its_errors(torch, name, func):
    x, v = vector(torch, 1.0, 2.0), vector(torch, 1.0, 3.0)
    functions = {
        "independent": lambda x, y: x.detach().sum(),
        "of one only": lambda x, y: (x**3).sum(),
        "linear": lambda x, y: (x + y).sum(),
    }
    v = torch.tensor(1.0, dtype=torch.float64) if name == "vjp" else (v, v)
    args = ((x, x.clone()), v) if name in PRODUCTS else ((x, x.clone()),)
    found = []
    for strict in (False, True):
        try:
            found.append(
                getattr(torch.autograd.functional, name)(functions[func], *args, strict=strict)
            )
        except RuntimeError:
            found.append("RuntimeError")
    return found


BAD = {
    "no tensor in": lambda f, x: f.vjp(lambda x: x, 3.0),
    "no tensor out": lambda f, x: f.vjp(lambda x: 3.0, x),
    "list in": lambda f, x: f.jacobian(lambda x: x, [x]),
    "v of another size": lambda f, x: f.vjp(lambda x: x, x, x[:1]),
    "too many v": lambda f, x: f.jvp(lambda x: x, x, (x, x)),
    "too few v": lambda f, x: f.jvp(lambda x, y: x, (x, x), (x,)),
    "no v": lambda f, x: f.jvp(lambda x: x, x),
    "no v vjp": lambda f, x: f.vjp(lambda x: x, x),
    "hessian of a vector": lambda f, x: f.hessian(lambda x: x, x),
    "hessian of a tuple": lambda f, x: f.hessian(lambda x: (x.sum(), x.sum()), x),
    "vhp of a vector": lambda f, x: f.vhp(lambda x: x, x, x),
    "hvp of a tuple": lambda f, x: f.hvp(lambda x: (x.sum(), x.sum()), x, x),
    "unknown strategy": lambda f, x: f.jacobian(lambda x: x, x, strategy="sideways"),
    "forward, not vectorised": lambda f, x: f.jacobian(lambda x: x, x, strategy="forward-mode"),
    "forward and graph": lambda f, x: f.jacobian(
        lambda x: x, x, create_graph=True, vectorize=True, strategy="forward-mode"
    ),
    "strict and vectorised": lambda f, x: f.jacobian(lambda x: x, x, strict=True, vectorize=True),
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_calls(torch, case):
    return BAD[case](torch.autograd.functional, vector(torch, 1.0, 2.0))
