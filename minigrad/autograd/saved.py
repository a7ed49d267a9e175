"""What nodes save for backward: hooks that pack it, and reading it off a node.

Inside ``saved_tensors_hooks`` the mode is ``PACKING``: what a node saves goes through the pack hook
(``apply.pack``) and comes back through the unpack hook when the node runs (``Node.read_saved``).
Source: https://docs.pytorch.org/docs/stable/autograd.html#module-torch.autograd.graph
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minigrad.autograd.apply import make
from minigrad.autograd.graph import Node
from minigrad.autograd.modes import GRAD, HOOKS, MODE, recording
from minigrad.autograd.op import saved_as_tensors
from minigrad.autograd.parcels import Packed, Parcel, parcel

Pack = Callable[[Any], Any]
DISABLED: ContextVar[str | None] = ContextVar("disabled_saved_tensors_hooks", default=None)


def _switch(pairs: tuple[Any, ...]) -> None:
    """Make these the hooks that hold here."""
    HOOKS.set(pairs)
    if MODE.get() >= GRAD:
        MODE.set(recording())


class saved_tensors_hooks:
    """Pack what is saved for backward with one function, and unpack it with another.

    ``pack_hook(tensor)`` may return anything; ``unpack_hook`` must make the same values of it. Of
    nested pairs only the innermost is used. Later writes in place go unnoticed.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
    ...     y = x ** 2
    >>> y.sum().backward(); x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Pack, unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        reason = DISABLED.get()
        if reason is not None:
            raise RuntimeError(reason)
        _switch((*HOOKS.get(), (self.pack_hook, self.unpack_hook)))

    def __exit__(self, *error: object) -> None:
        _switch(HOOKS.get()[:-1])


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved for backward in the memory of the CPU, whatever device computes.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = x.exp()
    >>> y.sum().backward(); x.grad
    tensor([2.7183, 7.3891])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: (t.device, t.cpu()), lambda packed: packed[1].to(packed[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Generator[None, None, None]:
    """Refuse hooks on saved tensors in a block, with a message of one's own.

    >>> import minigrad as torch
    >>> with torch.autograd.graph.disable_saved_tensors_hooks("no hooks here"):
    ...     try:
    ...         torch.autograd.graph.save_on_cpu().__enter__()
    ...     except RuntimeError as error:
    ...         print(error)
    no hooks here
    """
    token = DISABLED.set(error_message)
    try:
        yield
    finally:
        DISABLED.reset(token)


@contextmanager
def allow_mutation_on_saved_tensors() -> Generator[None, None, None]:
    """Let saved tensors be written in place: each is copied when it is saved.

    torch copies only when a write comes; here the copy is always made.

    >>> import minigrad as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x.clone(); z = (y ** 2).sum(); _ = y.sin_(); z.backward()
    >>> x.grad
    tensor([2., 2.])
    """
    with saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        yield


class SavedTensor:
    """One saved value of a node, as ``grad_fn._raw_saved_self``: hooks can be set on it alone.

    >>> import minigrad as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> y = x ** 2
    >>> y.grad_fn._raw_saved_self.register_hooks(lambda t: t * 10, lambda t: t)
    >>> y.sum().backward(); x.grad
    tensor([20., 40.])
    """

    def __init__(self, node: Node, slot: int) -> None:
        self._node, self._slot = node, slot

    def register_hooks(self, pack_hook: Pack, unpack_hook: Callable[[Any], Any]) -> None:
        """Pack this value now, and unpack it whenever it is needed."""
        node, slot = self._node, self._slot
        node.check()
        if type(node.saved[slot]) is Parcel:
            raise RuntimeError(
                "Setting hooks on a saved tensor whose hooks have already been set is not allowed."
            )
        if not callable(pack_hook) or not callable(unpack_hook):
            raise TypeError("register_hooks: expected two functions")
        whole, stores = list(node.saved), list(node.stores)
        place = node.saved_places()[slot]
        whole[slot], stores[slot] = parcel(whole[slot], place, pack_hook, unpack_hook), None
        node.saved, node.stores = Packed(whole), tuple(stores)


def saved_value(node: Node, name: str, raw: bool) -> Any:
    """``grad_fn._saved_self``: a parameter, or what was saved under a name; raw as an object."""
    if name not in node.op.saves:
        return node.params[node.op.params.index(name)]
    slot = node.op.saves.index(name)
    return SavedTensor(node, slot) if raw else saved_as_tensors(node, make)[slot]


__all__ = [
    "SavedTensor",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "save_on_cpu",
    "saved_tensors_hooks",
]
