"""Functions of functions: gradients, products with the Jacobian, the Jacobian, the Hessian.

Products from the right (``jvp``) are taken by two backward sweeps: the product from the left is
linear in its weight, so its own derivative by the weight is the product from the right.
Source: https://docs.pytorch.org/docs/stable/func.api.html
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.apply import edge_of
from minigrad.autograd.modes import enable_grad, is_grad_enabled
from minigrad.func.levels import TreeLevel, gradients, numbered, only_tensors, replaced, with_aux
from minigrad.functions import stack, zeros_like
from minigrad.tensor import Tensor
from minigrad.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

ArgNums = int | tuple[int, ...]


def grad_and_value(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``func`` and its value.

    >>> import minigrad as torch
    >>> torch.func.grad_and_value(lambda x: x ** 3)(torch.tensor(2.))
    (tensor(12.), tensor(8.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        name, level = "grad_and_value(f)(*args)", TreeLevel()
        positions = numbered(argnums, len(args))
        with enable_grad():
            inputs = [level.enter(args[p]) for p in positions]
            result = func(*replaced(args, positions, inputs), **kwargs)
            output, aux = with_aux(result, has_aux, name)
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"{name}: Expected f(*args) to return a Tensor, got {type(output)}"
                )
            if output.dim() != 0:
                raise RuntimeError(
                    f"{name}: Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            leaves, spec = tree_flatten(inputs[0] if isinstance(argnums, int) else tuple(inputs))
            outer = level.leads_outside(output)
            found = gradients([output], leaves, create_graph=outer, retain_graph=True)
            value = (output, aux) if has_aux else output
            return level.leave(tree_unflatten(found, spec)), level.leave(value)

    return wrapper


def grad(
    func: Callable[..., Any], argnums: ArgNums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the gradient of ``func``, which returns a scalar.

    >>> import minigrad as torch
    >>> cube = lambda x: x ** 3
    >>> torch.func.grad(torch.func.grad(cube))(torch.tensor(2.))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func``, and a function of cotangents that multiplies them by the Jacobian.

    >>> import minigrad as torch
    >>> out, pull = torch.func.vjp(lambda x: x * x, torch.tensor([1., 2.]))
    >>> out, pull(torch.tensor([1., 10.]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    output, pull, aux = _vjp(func, primals, None, has_aux)
    return (output, pull, aux) if has_aux else (output, pull)


def _vjp(
    func: Callable[..., Any], primals: Sequence[Any], argnums: ArgNums | None, has_aux: bool
) -> tuple[Any, Callable[..., Any], Any]:
    """``vjp`` by some of the arguments; those by all come as a tuple."""
    name, level = "vjp(f, *primals)", TreeLevel()
    positions = numbered(tuple(range(len(primals))) if argnums is None else argnums, len(primals))
    with enable_grad():
        inputs = [level.enter(primals[p]) for p in positions]
        output, aux = with_aux(func(*replaced(primals, positions, inputs)), has_aux, name)
    outs, shape = only_tensors(output, name), tree_flatten(output)[1]
    for out in outs:
        if not out.is_floating_point():
            raise RuntimeError(
                "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                f"Tensor with dtype {out.dtype}"
            )
    leaves, spec = tree_flatten(inputs[0] if isinstance(argnums, int) else tuple(inputs))
    outer = any([level.leads_outside(out) for out in outs])

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        weights, given = tree_flatten(cotangents)
        if given != shape:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {given}, primal output: {shape}"
            )
        recorded = is_grad_enabled() if create_graph is None else create_graph
        recorded = recorded and (outer or any([edge_of(w) is not None for w in weights]))
        return tree_unflatten(gradients(outs, leaves, weights, recorded, retain_graph), spec)

    return level.leave(output), pull, level.leave(aux)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func``, and a function of tangents that is its best linear approximation.

    >>> import minigrad as torch
    >>> out, push = torch.func.linearize(torch.sin, torch.tensor(0.))
    >>> out, push(torch.tensor(3.))
    (tensor(0.), tensor(3.))
    """
    output, push, _ = _linearized(func, primals, None, False, "linearize(f, *primals)")
    _, spec = tree_flatten(primals)

    def of_tangents(*tangents: Any) -> Any:
        given, shape = tree_flatten(tangents)
        if shape != spec:
            raise RuntimeError(
                f"Expected the tangents {shape} to have the same argspec as the primals {spec}"
            )
        for tangent, primal in zip(given, tree_leaves(primals), strict=True):
            if tangent.shape != primal.shape or tangent.dtype != primal.dtype:
                raise RuntimeError(
                    f"linearize: expected tangents like the primals, got {tangent.dtype} of shape "
                    f"{tuple(tangent.shape)} for {primal.dtype} of shape {tuple(primal.shape)}"
                )
        return push(given)

    return output, of_tangents


def _linearized(
    func: Callable[..., Any],
    primals: Sequence[Any],
    argnums: ArgNums | None,
    has_aux: bool,
    name: str,
    strict: bool = False,
) -> tuple[Any, Callable[[Sequence[Any]], Any], Any]:
    """The value, a function from tangents (leaves) to tangents (a tree), and what goes along."""
    level = TreeLevel()
    positions = numbered(tuple(range(len(primals))) if argnums is None else argnums, len(primals))
    with enable_grad():
        inputs = [level.enter(primals[p]) for p in positions]
        duals = [tree_map(level.writable, entered) for entered in inputs]
        output, aux = with_aux(func(*replaced(primals, positions, duals)), has_aux, name)
        outs, shape = only_tensors(output, name), tree_flatten(output)[1]
        weights = [zeros_like(out).requires_grad_() for out in outs]
        pulled = gradients(outs, tree_leaves(inputs), weights, create_graph=True)
    outer = any([level.leads_outside(out) for out in outs])
    if strict and any([edge_of(out) is None for out in outs]):
        raise RuntimeError(
            f"{name}: The output of f is independent of the inputs. This is not allowed with "
            "strict=True."
        )

    def push(tangents: Sequence[Any]) -> Any:
        recorded = is_grad_enabled() and (outer or any([edge_of(t) is not None for t in tangents]))
        found = gradients(pulled, weights, tangents, recorded, retain_graph=True)
        return tree_unflatten(found, shape)

    return level.leave(output), push, level.leave(aux)


def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The value of ``func``, and the Jacobian multiplied by tangents.

    >>> import minigrad as torch
    >>> torch.func.jvp(lambda x: x * x, (torch.tensor([1., 2.]),), (torch.tensor([1., 10.]),))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    name = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{name}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    (flat, spec), (given, shape) = tree_flatten(primals), tree_flatten(tangents)
    if spec != shape:
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. Got primals "
            f"with structure {spec} and tangents with structure {shape}"
        )
    for word, leaves in (("primals", flat), ("tangents", given)):
        if not leaves:
            raise RuntimeError(f"{name}: Expected {word} to contain at least one Tensor.")
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise RuntimeError(
                    f"{name}: Expected {word} to only contain Tensors, got {type(leaf)}"
                )
    output, push, aux = _linearized(func, primals, None, has_aux, name, strict)
    return (output, push(given), aux) if has_aux else (output, push(given))


def jacrev(
    func: Callable[..., Any],
    argnums: ArgNums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``func``, row by row in reverse mode.

    >>> import minigrad as torch
    >>> torch.func.jacrev(lambda x: x * x)(torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        output, pull, aux = _vjp(func, args, argnums, has_aux)
        outs, shape = tree_flatten(output)
        wanted = _wanted(args, argnums)
        leaves, spec = tree_flatten(wanted)
        rows: list[list[Any]] = []
        for weights in unit_vectors(outs):
            rows.append(tree_leaves(pull(tree_unflatten(weights, shape))))
        blocks, start = [], 0
        for out in outs:
            part = rows[start : start + out.numel()]
            start += out.numel()
            found = [
                _joined([row[i] for row in part], leaf).reshape((*out.shape, *leaf.shape))
                for i, leaf in enumerate(leaves)
            ]
            blocks.append(tree_unflatten(found, spec))
        jacobian = tree_unflatten(blocks, shape)
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: ArgNums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """A function that returns the Jacobian of ``func``, column by column.

    >>> import minigrad as torch
    >>> torch.func.jacfwd(lambda x: x * x)(torch.tensor([1., 2.]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any) -> Any:
        name = "jvp(f, primals, tangents)"
        wanted = _wanted(args, argnums)
        leaves, spec = tree_flatten(wanted)
        output, push, aux = _linearized(func, args, argnums, has_aux, name)
        outs, shape = tree_flatten(output)
        columns = [tree_leaves(push(tangents)) for tangents in unit_vectors(leaves)]
        blocks = []
        for i, out in enumerate(outs):
            found, start = [], 0
            for leaf in leaves:
                part = [column[i] for column in columns[start : start + leaf.numel()]]
                start += leaf.numel()
                joined = _joined(part, out).movedim(0, -1)
                found.append(joined.reshape((*out.shape, *leaf.shape)))
            blocks.append(tree_unflatten(found, spec))
        jacobian = tree_unflatten(blocks, shape)
        return (jacobian, aux) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: ArgNums = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of ``func``: the Jacobian of its Jacobian.

    >>> import minigrad as torch
    >>> torch.func.hessian(lambda x: (x ** 3).sum())(torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _wanted(args: Sequence[Any], argnums: ArgNums) -> Any:
    """The arguments to differentiate by: one, or a tuple of several."""
    chosen = tuple(args[p] for p in numbered(argnums, len(args)))
    return chosen[0] if isinstance(argnums, int) else chosen


def unit_vectors(tensors: Sequence[Any]) -> Any:
    """All ways to put a single one into zeros of the shapes of some tensors."""
    for index, tensor in enumerate(tensors):
        for position in range(math.prod(tensor.shape)):
            vectors = [zeros_like(t, requires_grad=False) for t in tensors]
            vectors[index] = one_at(tensor, position)
            yield vectors


def one_at(tensor: Any, position: int) -> Any:
    """Zeros of a tensor's shape, with a one at a position of its elements in order."""
    vector = zeros_like(tensor, requires_grad=False).reshape(-1)
    vector._array[position] = 1
    return vector.reshape(tensor.shape)


def _joined(parts: Sequence[Any], like: Any) -> Any:
    """Tensors along a new first axis, which may be empty."""
    return stack(parts) if parts else like.detach().new_zeros(0, *like.shape)
