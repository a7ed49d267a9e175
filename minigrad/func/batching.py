"""``vmap``: a function of one example made one of a batch.

Here it is a loop: the function is called for each slice, and what it returns is stacked. So
everything that works on one example works, gradients included; it takes the time of a loop.
Source: https://docs.pytorch.org/docs/stable/generated/torch.vmap.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from minigrad.autograd.engine import Here
from minigrad.functions import stack
from minigrad.random import set_states, states
from minigrad.tensor import Tensor
from minigrad.utils._pytree import broadcast_prefix, tree_flatten, tree_leaves, tree_unflatten


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps ``func`` over an axis of its arguments, and stacks the results.

    ``in_dims`` says which axis of each argument (None: the whole of it each time), ``out_dims``
    where the new axis stands. Random operations inside are an error, unless ``randomness`` says
    that each call is to draw the ``"same"`` or ``"different"`` numbers, those as a loop would.

    >>> import minigrad as torch
    >>> torch.vmap(torch.dot)(torch.tensor([[1., 2.], [3., 4.]]), torch.ones(2, 2))
    tensor([3., 7.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        name = getattr(func, "__name__", repr(func))
        for dim in tree_leaves(out_dims):
            if dim is not None and not isinstance(dim, int):
                raise ValueError(
                    f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a "
                    "python collection of ints representing where in the outputs the vmapped "
                    "dimension should appear."
                )
        size, examples = _examples(name, in_dims, args)
        draws = _Draws(randomness)
        results = []
        keep = Here.keep
        try:
            for number, example in enumerate(examples):
                draws.begin()
                # A graph from outside may be swept by each call, and is freed by the last.
                Here.keep = keep or number + 1 < len(examples)
                results.append(func(*example, **kwargs))
                draws.end()
        finally:
            Here.keep = keep
        return _joined(name, out_dims, results, size)

    return wrapped


class _Draws:
    """Keeps watch on the random stream from call to call."""

    def __init__(self, randomness: str) -> None:
        self.randomness = randomness
        self.first = [] if randomness == "different" else states()

    def begin(self) -> None:
        """Before a call: the same numbers again, if so wanted."""
        if self.randomness == "same":
            set_states(self.first)

    def end(self) -> None:
        """After a call: no numbers may have been drawn, if so wanted."""
        drawn = any((g.get_state() != first).any() for g, first in self.first)
        if self.randomness == "error" and drawn:
            set_states(self.first)
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use "
                "the 'same' or 'different' randomness flags on vmap or perform the randomness "
                "operation out of vmap"
            )


def _examples(name: str, in_dims: Any, args: tuple[Any, ...]) -> tuple[int, list[Any]]:
    """The size of the batch, and the arguments of each call; of one, if the batch is empty."""
    start = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{start}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    try:
        dims = broadcast_prefix(in_dims, args)
    except ValueError as error:
        raise ValueError(
            f"{start}: in_dims is not compatible with the structure of `inputs`: {error}"
        ) from None
    for leaf, dim in zip(leaves, dims, strict=True):
        _check_dim(start, leaf, dim)
    sizes = [leaf.shape[dim] for leaf, dim in zip(leaves, dims, strict=True) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    count = max(sizes[0], 1)
    columns = []
    for leaf, dim in zip(leaves, dims, strict=True):
        if dim is None:
            columns.append([leaf] * count)
        elif sizes[0]:
            columns.append(leaf.unbind(dim))
        else:  # a call with zeros, to learn what the results are like
            shape = list(leaf.shape)
            del shape[dim]
            columns.append([leaf.new_zeros(shape)])
    return sizes[0], [tree_unflatten(row, spec) for row in zip(*columns, strict=True)]


def _check_dim(start: str, leaf: Any, dim: Any) -> None:
    if dim is None:
        return
    if not isinstance(dim, int):
        raise ValueError(
            f"{start}: Got in_dim={dim} for an input but in_dim must be either an integer "
            "dimension or None."
        )
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{start}: Got in_dim={dim} for an input but the input is of type {type(leaf)}. We "
            "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
        )
    if not -leaf.dim() <= dim < leaf.dim():
        raise ValueError(
            f"{start}: Got in_dim={dim} for some input, but that input is a Tensor of "
            f"dimensionality {leaf.dim()} so expected in_dim to satisfy -{leaf.dim()} <= in_dim < "
            f"{leaf.dim()}."
        )


def _joined(name: str, out_dims: Any, results: Sequence[Any], size: int) -> Any:
    """The results of all calls as one, with the new axis where it is wanted."""
    leaves = [tree_leaves(result) for result in results]
    spec = tree_flatten(results[0])[1]
    alone = isinstance(results[0], Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1
    try:
        dims = broadcast_prefix(out_dims[0] if alone else out_dims, results[0])
    except ValueError as error:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            f"the structure of `outputs`: {error}"
        ) from None
    found = []
    for dim, parts in zip(dims, zip(*leaves, strict=True), strict=True):
        if dim is None:
            found.append(parts[0])
            continue
        for part in parts:
            if not isinstance(part, Tensor):
                raise ValueError(
                    f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(part)}. "
                    "Did you mean to set out_dims= to None for output?"
                )
        whole = stack(parts, dim)
        found.append(whole if size else whole.narrow(dim, 0, 0))
    return tree_unflatten(found, spec)
