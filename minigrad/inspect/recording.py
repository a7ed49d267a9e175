"""Writing down a forward pass: the value of every op, and the module that ran it."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from minigrad.autograd.graph import Node
from minigrad.autograd.taps import Heard, listen
from minigrad.inspect.calls import ModuleCall, ModuleCalls
from minigrad.inspect.values import Snapshot, snapshot

__all__ = ["Recording", "record"]


class Recording:
    """What happened in the block of :func:`record`.

    ``graph``, ``steps`` and ``page`` take it, and then know values and modules as well.
    """

    def __init__(self, model: Any = None) -> None:
        self.names: dict[str, Any] = {} if model is None else dict(model.named_parameters())
        self.modules = None if model is None else ModuleCalls(model)
        self._ticks: list[int] = []
        self._heard: list[tuple[Any, Snapshot]] = []  # op, value

    def __enter__(self) -> Recording:
        if self.modules is not None:
            self.modules.__enter__()
        self._listening = listen(self._hear)
        self._listening.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._listening.__exit__(*error)
        if self.modules is not None:
            self.modules.__exit__(*error)

    def _hear(self, heard: Heard) -> None:
        if heard.node is None:
            result = heard.result
            if isinstance(result, (tuple, list)):
                result = result[0]
            if hasattr(result, "dtype"):
                self._ticks.append(heard.tick)
                self._heard.append((heard.op, snapshot(result)))

    def value(self, node: Node) -> Snapshot | None:
        """What the op of a node gave; None if it ran before or after the recording."""
        place = bisect_right(self._ticks, node.seq) - 1
        if place >= 0 and self._heard[place][0] is node.op:
            return self._heard[place][1]
        return None

    def call(self, node: Node) -> ModuleCall | None:
        """The call of a module in which a node was born."""
        return None if self.modules is None else self.modules.at(node.seq)


def record(model: Any = None) -> Recording:
    """Write down what ops compute inside a ``with`` block, and, given a model, its modules' calls.

    Values of up to 4096 elements are kept whole, larger ones as statistics and a thinned-out
    picture. The block runs several times slower.

    >>> import minigrad as torch
    >>> from minigrad import inspect
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> with inspect.record() as recording:
    ...     loss = (x * 3).sum()
    >>> for node in inspect.graph(loss, recording).nodes[1:]:
    ...     print(node.name, node.value.values)
    mul [3. 6.]
    sum 9.0
    """
    return Recording(model)
