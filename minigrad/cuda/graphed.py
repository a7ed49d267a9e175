"""``make_graphed_callables``: parts of a model as graphs, forward and backward, for autograd.

Source: https://docs.pytorch.org/docs/stable/generated/torch.cuda.make_graphed_callables.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd import Function, grad
from minigrad.autograd.modes import no_grad
from minigrad.cuda.graphs import CUDAGraph, graph
from minigrad.cuda.memory import MemPool
from minigrad.cuda.streams import Stream, current_stream, stream
from minigrad.functions import empty_like
from minigrad.tensor import Tensor

__all__ = ["make_graphed_callables"]


def make_graphed_callables(
    callables: Any, sample_args: Any, num_warmup_iters: int = 3,
    allow_unused_input: bool = False, pool: Any = None,
) -> Any:  # fmt: skip
    """Modules or functions whose forward and backward are replays of graphs.

    ``sample_args`` are the tensors of a call, with the shapes, types and ``requires_grad`` of all
    calls to come. A module is changed in place, and outside of the mode (training or not) that it
    was captured in it runs as before. Several callables must be called in the order given.

    Raises: ValueError for arguments that are no tensors on a card, CaptureError as ``graph`` does.

    >>> import minigrad as torch
    >>> from minigrad.cuda import stand_in
    >>> with stand_in.installed():
    ...     x = torch.ones(2, device="cuda", requires_grad=True)
    ...     square = torch.cuda.make_graphed_callables(lambda t: t * t, (x,))
    ...     y = torch.tensor([3.0], device="cuda").expand(2).clone().requires_grad_()
    ...     square(y).sum().backward()
    ...     y.grad.cpu()
    tensor([6., 6.])
    """
    single = not isinstance(callables, tuple | list)
    made = [callables] if single else list(callables)
    samples = [sample_args] if single else list(sample_args)
    pool = pool or MemPool()
    parts = [
        _Part(fn, tuple(args), num_warmup_iters, allow_unused_input)
        for fn, args in zip(made, samples, strict=True)
    ]
    for part in parts:
        part.capture_forward(pool)
    for part in reversed(parts):
        part.capture_backward(pool)
    graphed = [_front(part) for part in parts]
    return graphed[0] if single else tuple(graphed)


class _Part:
    """One callable with its graphs and the memory that they read and write."""

    def __init__(self, fn: Any, args: tuple[Any, ...], warm: int, unused: bool) -> None:
        if not args or not all(isinstance(a, Tensor) and a.device.type == "cuda" for a in args):
            raise ValueError(
                "make_graphed_callables: sample_args must be tensors on a card, for each callable"
            )
        self.fn, self.args, self.unused = fn, args, unused
        self.parameters: tuple[Any, ...] = tuple(getattr(fn, "parameters", tuple)())
        self.inputs = (*args, *self.parameters)
        self.forward, self.backward = CUDAGraph(), CUDAGraph()
        self.call = fn.forward if self.parameters or hasattr(fn, "forward") else fn
        self._warm_up(warm)

    def _warm_up(self, count: int) -> None:
        side = Stream()
        side.wait_stream(current_stream())
        with stream(side):
            for _ in range(count):
                outs = _as_tuple(self.call(*self.args))
                wanted = [out for out in outs if out.requires_grad]
                if wanted:
                    grad(wanted, self._leaves(), [empty_like(w) for w in wanted], allow_unused=True)
        current_stream().wait_stream(side)

    def _leaves(self) -> list[Tensor]:
        return [t for t in self.inputs if t.requires_grad]

    def capture_forward(self, pool: Any) -> None:
        """The call, with results that lie where every replay writes."""
        with graph(self.forward, pool):
            outs = self.call(*self.args)
        self.alone, self.outs = isinstance(outs, Tensor), _as_tuple(outs)

    def capture_backward(self, pool: Any) -> None:
        """The gradients of all inputs that want one."""
        self.wanted = [out for out in self.outs if out.requires_grad]
        self.given = [empty_like(out) for out in self.wanted]
        leaves, found = self._leaves(), []
        if self.wanted:
            with graph(self.backward, pool):
                found = list(grad(self.wanted, leaves, self.given, allow_unused=self.unused))
        by_leaf = dict(zip(map(id, leaves), found, strict=False))
        self.gradients = tuple(by_leaf.get(id(t)) for t in self.inputs)
        self.outs = tuple(out.detach() for out in self.outs)


def _as_tuple(outs: Any) -> tuple[Any, ...]:
    return tuple(outs) if isinstance(outs, tuple | list) else (outs,)


def _function_of(part: _Part) -> type[Function]:
    class Graphed(Function):
        """Copies in, a replay, and what it has written."""

        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            with no_grad():
                for static, given in zip(part.args, inputs, strict=False):
                    if static is not given:
                        static.copy_(given)
            part.forward.replay()
            return part.outs[0].detach() if part.alone else tuple(o.detach() for o in part.outs)

        @staticmethod
        def backward(ctx: Any, *cotangents: Any) -> Any:
            wanted = [g for g, out in zip(cotangents, part.outs, strict=True) if g is not None]
            for static, g in zip(part.given, wanted, strict=True):
                static.copy_(g)
            part.backward.replay()
            return tuple(None if g is None else g.detach() for g in part.gradients)

    return Graphed


def _front(part: _Part) -> Any:
    """The callable as it was, by replays."""
    run: Callable[..., Any] = _function_of(part).apply

    def graphed(*args: Any) -> Any:
        return run(*args, *part.parameters)

    module = part.fn
    if not hasattr(module, "forward"):
        return graphed
    mode, plain = module.training, part.call

    def forward(*args: Any) -> Any:
        return graphed(*args) if module.training == mode else plain(*args)

    module.forward = forward
    return module
