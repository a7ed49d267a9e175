"""User-defined functions: nested, with options that other libraries set, and their errors."""

from __future__ import annotations

import importlib

import pytest

from parity_tests.both import both_raise, same_as_torch


def leaf(torch, *values):
    return torch.tensor(values or (1.0, -2.0, 0.5), dtype=torch.float64, requires_grad=True)


@same_as_torch
def test_functions_call_functions(torch):
    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return Inner.apply(x) * g

    class Outer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                ctx.y = Inner.apply(x) * x
                ctx.x = x
            return ctx.y.detach()

        @staticmethod
        def backward(ctx, g):
            return torch.autograd.grad(ctx.y, ctx.x, g)

    x = leaf(torch)
    y = Inner.apply(x)
    first = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), x, create_graph=True)[0]
    return (
        first,
        second,
        torch.autograd.grad(second.sum(), x),
        torch.autograd.grad(Outer.apply(x).sum(), x),
    )


@same_as_torch
def test_setup_context_with_options_for_other_transforms(torch):
    class Scale(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x, scale, flag=True):
            return x * scale, x.detach() * 0

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, scale, *_ = inputs
            _, zero = output
            ctx.scale = scale
            ctx.mark_non_differentiable(zero)
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            ctx.set_materialize_grads(False)

        @staticmethod
        def backward(ctx, g, none):
            assert none is None
            return g * ctx.scale, None, None

        @staticmethod
        def jvp(ctx, *tangents):
            raise AssertionError("not called in backward")

        @staticmethod
        def vmap(info, in_dims, x, scale, flag):
            raise AssertionError("not called here")

    x = leaf(torch)
    y, zero = Scale.apply(x, 3.0, False)
    y.sum().backward()
    return y, zero, x.grad, y.grad_fn.name()


@same_as_torch
def test_functions_inside_transforms(torch):
    class Sine(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x.sin()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * x.cos()

    x = leaf(torch).detach()
    return (
        torch.func.grad(lambda x: Sine.apply(x).sum())(x),
        torch.func.jacrev(Sine.apply)(x),
        torch.vmap(torch.func.grad(Sine.apply))(x),
        torch.func.grad(torch.func.grad(Sine.apply))(x[0]),
    )


@same_as_torch
def test_lists_and_containers_pass_through(torch):
    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(ctx, tensors, options, *more):
            ctx.count = len(more)
            return sum(more), options

        @staticmethod
        def backward(ctx, g, none):
            return (None, None, *[g] * ctx.count)

    x, y = leaf(torch), leaf(torch)
    out, options = Sum.apply([x, y], {"a": x}, x, y, x)
    out.sum().backward()
    return out, sorted(options), x.grad, y.grad


@same_as_torch
def test_a_saved_input_and_output_keep_their_graph(torch):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return y * g + 0 * x

    x = leaf(torch)
    y = Both.apply(x)
    saved = y.grad_fn.saved_tensors
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    return (
        saved[0] is x or bool((saved[0] == x).all()),
        saved[1].grad_fn is y.grad_fn,
        saved[0].requires_grad,
        torch.autograd.grad(first.sum(), x),
    )


@same_as_torch
def test_once_differentiable_gives_the_first_derivative(torch):
    function = importlib.import_module(f"{torch.__name__}.autograd.function")

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = leaf(torch)
    (first,) = torch.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    return first, Square.backward.__name__


def with_body(torch, **body):
    return type("Mine", (torch.autograd.Function,), {k: staticmethod(v) for k, v in body.items()})


BAD = {
    "an instance": lambda t: with_body(t, forward=lambda ctx, x: x * 2)()(leaf(t)),
    "no forward": lambda t: with_body(t, backward=lambda ctx, g: g).apply(leaf(t)),
    "no backward": lambda t: (
        with_body(t, forward=lambda ctx, x: x * 2).apply(leaf(t)).sum().backward()
    ),
    "saved is no tensor": lambda t: with_body(
        t, forward=lambda ctx, x: ctx.save_for_backward(3) or x * 2, backward=lambda ctx, g: g
    ).apply(leaf(t)),
    "gradient is no tensor": lambda t: (
        with_body(t, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: 3.0)
        .apply(leaf(t))
        .sum()
        .backward()
    ),
    "too few gradients": lambda t: (
        with_body(t, forward=lambda ctx, x, y: x * y, backward=lambda ctx, g: g)
        .apply(leaf(t), leaf(t))
        .sum()
        .backward()
    ),
    "too many gradients": lambda t: (
        with_body(t, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: (g, g))
        .apply(leaf(t))
        .sum()
        .backward()
    ),
    "a leaf marked dirty": lambda t: with_body(
        t,
        forward=lambda ctx, x: ctx.mark_dirty(x) or x.mul_(2),
        backward=lambda ctx, g: g,
    ).apply(leaf(t)),
    "marked dirty, not returned": lambda t: with_body(
        t,
        forward=lambda ctx, x: ctx.mark_dirty(x) or x.mul_(2).clone(),
        backward=lambda ctx, g: g,
    ).apply(leaf(t) * 1),
    "gradient of another shape": lambda t: (
        with_body(t, forward=lambda ctx, x: x * 2, backward=lambda ctx, g: g[:2])
        .apply(leaf(t))
        .sum()
        .backward()
    ),
    "gradient for an integer": lambda t: (
        with_body(t, forward=lambda ctx, x, n: x * n, backward=lambda ctx, g: (g, g))
        .apply(leaf(t), 3)
        .sum()
        .backward()
    ),
    "freed": lambda t: [
        y := with_body(
            t,
            forward=lambda ctx, x: ctx.save_for_backward(x) or x * 2,
            backward=lambda ctx, g: g * ctx.saved_tensors[0],
        ).apply(leaf(t)),
        y.sum().backward(),
        y.grad_fn.saved_tensors,
    ],
}


@pytest.mark.parametrize("case", sorted(BAD))
@both_raise
def test_bad_functions(torch, case):
    return BAD[case](torch)


@same_as_torch
def test_arguments_by_name(torch):
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, times=2.0, name="scaled"):
            ctx.times = times
            return x * times

        @staticmethod
        def backward(ctx, g):
            return (g * ctx.times, None, None)[: len(ctx.needs_input_grad)]

    x = leaf(torch)
    made = [Scaled.apply(x), Scaled.apply(x, times=3.0), Scaled.apply(x=x), Scaled.apply(x, 4.0)]
    sum(y.sum() for y in made).backward()
    return [*made, x.grad]


@same_as_torch
def test_setup_context_is_told_of_defaults(torch):
    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(x, times=2.0):
            return x * times

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.times = inputs

        @staticmethod
        def backward(ctx, g):
            return g * ctx.times, None

    x = leaf(torch)
    made = [Scaled.apply(x), Scaled.apply(x, 3.0)]
    sum(y.sum() for y in made).backward()
    return [*made, x.grad]
