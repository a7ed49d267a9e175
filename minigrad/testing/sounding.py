"""Every op that runs, told in the same words under minigrad and under torch.

Both libraries name the node that an op records ("AddmmBackward0"), minigrad as torch does; torch's
dispatcher names its ops alike ("aten::addmm"). So the ops of two runs can be laid side by side.
What one library computes in a single op and the other in several stays without a partner.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from minigrad.autograd.op import camel
from minigrad.autograd.taps import Heard, listen

__all__ = ["common", "pairs", "sounding"]

Tell = Callable[[str, Any], None]  # an op's name, and an array or tensor that it gave
# Endings by which the two spell one op differently.
SPELLING = re.compile(r"([123]D|WithIndices|Forward|Legit|NoTraining|View|Unsafe|Copy)+")


def sounding(library: str, tell: Tell) -> AbstractContextManager[None]:
    """Tell of every result of an op in a block, and of every gradient that one hands on.

    >>> import minigrad as torch
    >>> from minigrad.testing.sounding import sounding
    >>> x = torch.ones(2, requires_grad=True)
    >>> with sounding("minigrad", lambda name, array: print(name, array.shape)):
    ...     (x * x).sum().backward()
    Mul (2,)
    Sum ()
    gradient of Sum (2,)
    gradient of Mul (2,)
    gradient of Mul (2,)
    """
    return _in_torch(tell) if library == "torch" else _here(tell)


def common(name: str) -> str:
    """An op's name without what only one of the libraries says.

    >>> from minigrad.testing.sounding import common
    >>> common("AddmmBackward0"), common("gradient of MaxPool2DWithIndicesBackward0")
    ('Addmm', 'gradient of MaxPool')
    """
    plain = name.partition("Backward")[0]
    return SPELLING.sub("", plain) or plain


def pairs(mine: Sequence[Any], theirs: Sequence[Any]) -> list[tuple[Any, Any]]:
    """The ops that two runs have in common, in order: those of equal names and shapes.

    >>> from types import SimpleNamespace
    >>> from minigrad.testing.sounding import pairs
    >>> exp, log = (SimpleNamespace(name=n, shape=(2,)) for n in ("Exp", "Log"))
    >>> len(pairs([exp, log], [exp, exp, log]))
    2
    """
    keys = [[(common(op.name), op.shape) for op in side] for side in (mine, theirs)]
    matcher = difflib.SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    return [
        (mine[block.a + i], theirs[block.b + i])
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    ]


@contextmanager
def _here(tell: Tell) -> Generator[None]:
    def hear(heard: Heard) -> None:
        several = isinstance(heard.result, (tuple, list))
        results = tuple(heard.result) if several else (heard.result,)
        if heard.node is not None:
            name = f"gradient of {common(type(heard.node).__name__)}"
        else:
            name = common(heard.op.node_class.__name__)
            results = results[: len(results) - len(heard.op.keeps)]
        for result in results:
            array = getattr(result, "_array", result)
            if isinstance(array, np.ndarray):
                tell(name, array)

    inplace: Any = import_module("minigrad.autograd.inplace")
    straight = inplace.plain_values
    inplace.plain_values = lambda *args, **kwargs: None  # writes straight to memory run no op
    try:
        with listen(hear):
            yield
    finally:
        inplace.plain_values = straight


@contextmanager
def _in_torch(tell: Tell) -> Generator[None]:
    """By a mode of torch's dispatcher, and by hooks on the nodes of each backward."""
    torch: Any = import_module("torch")
    modes: Any = import_module("torch.utils._python_dispatch")

    class Mode(modes.TorchDispatchMode):  # type: ignore[misc]
        """Tells of ops, those of backward apart: these are told by node."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):  # type: ignore[no-untyped-def]
            result = func(*args, **(kwargs or {}))
            if torch._C._current_autograd_node() is None:
                name = camel(func._schema.name.partition("::")[2].strip("_"))
                for part in result if isinstance(result, (tuple, list)) else (result,):
                    if isinstance(part, torch.Tensor):
                        tell(common(name), part)
            return result

    run = torch.autograd._engine_run_backward

    def running(outputs: Any, *args: Any, **kwargs: Any) -> Any:
        for node in _nodes([t.grad_fn for t in outputs]):
            node.metadata["told"] = node.register_hook(_teller(node, tell))
        return run(outputs, *args, **kwargs)

    torch.autograd._engine_run_backward = running
    try:
        with Mode():
            yield
    finally:
        torch.autograd._engine_run_backward = run


def _nodes(waiting: list[Any]) -> list[Any]:
    """The nodes of ops below some, without those that have been seen in an earlier backward."""
    found: dict[Any, None] = {}
    while waiting:
        node = waiting.pop()
        if node is None or node in found:
            continue
        found[node] = None
        waiting += [below for below, _ in node.next_functions]
    plain = [node for node in found if "AccumulateGrad" not in node.name()]
    return [node for node in plain if "told" not in node.metadata]


def _teller(node: Any, tell: Tell) -> Callable[[Any, Any], None]:
    name = f"gradient of {common(node.name().rpartition('::')[2])}"

    def told(gradients: Sequence[Any], cotangents: Any) -> None:
        for gradient in gradients:
            if gradient is not None:
                tell(name, gradient)

    return told
