"""Hooks: what is called before and after steps, saving and loading."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from minigrad.autograd import RemovableHandle
from minigrad.backend import Cards, at

Hook = Callable[..., Any]

# Hooks on the steps of all optimizers.
_BEFORE_ANY: dict[int, Hook] = OrderedDict()
_AFTER_ANY: dict[int, Hook] = OrderedDict()

HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class Hooked:
    """The part of ``Optimizer`` that keeps hooks."""

    step: Callable[..., Any]

    def _make_hook_tables(self) -> None:
        for table in HOOK_TABLES:
            setattr(self, table, OrderedDict())
        _let_hooks_run(type(self))

    def _hooks(self, table: str) -> Iterable[Hook]:
        hooks: Iterable[Hook] = getattr(self, table).values()
        return hooks

    def _add_hook(self, table: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        hooks = getattr(self, table)
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Run ``hook(optimizer, args, kwargs)`` before each step; it may return new ones.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_step_pre_hook(lambda *_: print("stepping"))
        >>> optimizer.step()
        stepping
        """
        return self._add_hook("_optimizer_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Run ``hook(optimizer, args, kwargs)`` after each step.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_step_post_hook(lambda *_: print("stepped"))
        >>> optimizer.step()
        stepped
        """
        return self._add_hook("_optimizer_step_post_hooks", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Run ``hook(optimizer)`` before ``state_dict``.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_state_dict_pre_hook(lambda _: print("saving"))
        >>> state = optimizer.state_dict()
        saving
        """
        return self._add_hook("_optimizer_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Run ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another one.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_state_dict_post_hook(lambda _, state: {**state, "epoch": 3})
        >>> optimizer.state_dict()["epoch"]
        3
        """
        return self._add_hook("_optimizer_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer, state_dict)`` before loading; it may return another one.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_load_state_dict_pre_hook(lambda _, s: print(sorted(s)))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        ['param_groups', 'state']
        """
        return self._add_hook("_optimizer_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Run ``hook(optimizer)`` after loading.

        >>> import minigrad as torch
        >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
        >>> handle = optimizer.register_load_state_dict_post_hook(lambda _: print("loaded"))
        >>> optimizer.load_state_dict(optimizer.state_dict())
        loaded
        """
        return self._add_hook("_optimizer_load_state_dict_post_hooks", hook, prepend)


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(optimizer, args, kwargs)`` before each step of any optimizer.

    >>> import minigrad as torch
    >>> from minigrad.optim.optimizer import register_optimizer_step_pre_hook
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
    >>> with register_optimizer_step_pre_hook(lambda *_: print("stepping")):
    ...     optimizer.step()
    stepping
    """
    return RemovableHandle(_BEFORE_ANY, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Run ``hook(optimizer, args, kwargs)`` after each step of any optimizer.

    >>> import minigrad as torch
    >>> from minigrad.optim.optimizer import register_optimizer_step_post_hook
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])
    >>> with register_optimizer_step_post_hook(lambda *_: print("stepped")):
    ...     optimizer.step()
    stepped
    """
    return RemovableHandle(_AFTER_ANY, hook)


def _let_hooks_run(cls: type[Hooked]) -> None:
    """Wrap the ``step`` of a class, once, so that it runs the step hooks of its instances."""
    step: Any = cls.step
    if getattr(step, "hooked", False):
        return

    @wraps(step)
    def step_with_hooks(*args: Any, **kwargs: Any) -> Any:
        self: Hooked = args[0]  # hooks are shown it among the arguments, as in torch
        for hook in [*_BEFORE_ANY.values(), *self._hooks("_optimizer_step_pre_hooks")]:
            result = hook(self, args, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                        f"{result}."
                    )
                args, kwargs = result
        if Cards.several:
            groups: Any = vars(self)["param_groups"]
            with at(*(group["params"] for group in groups)):
                loss = step(*args, **kwargs)
        else:
            loss = step(*args, **kwargs)
        for hook in [*self._hooks("_optimizer_step_post_hooks"), *_AFTER_ANY.values()]:
            hook(self, args, kwargs)
        return loss

    step_with_hooks.hooked = True  # type: ignore[attr-defined]
    cls.step = step_with_hooks
