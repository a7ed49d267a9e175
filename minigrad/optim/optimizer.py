"""``Optimizer``: parameter groups, state, and what every optimizer shares."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from minigrad.autograd import enable_grad
from minigrad.optim.groups import Group, check_params, fit, pack, split_names, type_name
from minigrad.optim.hooks import (
    HOOK_TABLES,
    Hooked,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from minigrad.tensor import Tensor

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]


class Required:
    """The type of ``required``, the default of an option that each group must give itself."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = Required()

# Options that younger versions brought, with the value that is right for files from before.
YOUNGER = {
    "nesterov": False,
    "amsgrad": False,
    "momentum": 0,
    "centered": False,
    "maximize": False,
    "foreach": None,
    "capturable": False,
    "differentiable": False,
    "decoupled_weight_decay": False,
    "fused": None,
}


class Optimizer(Hooked):
    """Base of all optimizers: it owns the groups of parameters and the state kept for each.

    ``params`` is an iterable of tensors, of ``(name, tensor)`` pairs, or of dictionaries with a
    ``"params"`` entry and options that override the defaults for that group.

    Raises: ValueError for no parameters, a parameter that an op made, or one in two groups;
    TypeError for what is no tensor.

    >>> import minigrad as torch
    >>> w, b = torch.ones(2, requires_grad=True), torch.zeros(1, requires_grad=True)
    >>> groups = [{"params": [w], "weight_decay": 0.1}, {"params": b}]
    >>> [group["weight_decay"] for group in torch.optim.SGD(groups, lr=0.1).param_groups]
    [0.1, 0]
    """

    defaults: dict[str, Any]
    state: defaultdict[Tensor, Any]
    param_groups: list[Group]

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type_name(params)}"
            )
        self.defaults = defaults
        self.state = defaultdict(dict)
        self.param_groups = []
        self._prepare()
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        for group in given if isinstance(given[0], dict) else [{"params": given}]:
            self.add_param_group(group)

    def _prepare(self) -> None:
        """Make what is not worth saving: the hook tables, and what steps remember."""
        self._make_hook_tables()

    # --- groups ---------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Add parameters with options of their own, for instance layers that are unfrozen later.

        >>> import minigrad as torch
        >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([a], lr=0.1)
        >>> optimizer.add_param_group({"params": b, "lr": 0.01})
        >>> len(optimizer.param_groups)
        2
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        param_group["params"] = [params] if isinstance(params, Tensor) else list(params)
        split_names(param_group)
        check_params(param_group["params"], bool(self.defaults.get("differentiable")))
        for name, value in self.defaults.items():
            if value is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, value)
        self._check_group(param_group)
        self.param_groups.append(param_group)

    def _check_group(self, group: Group) -> None:
        """Raise, or warn, where a new group does not go with those that exist."""
        new = set(group["params"])
        if len(new) != len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=4,
            )
        if self.param_groups and ("param_names" in group) != (
            "param_names" in self.param_groups[0]
        ):
            how = "with" if "param_names" in group else "without"
            raise ValueError(
                "all optimizer param groups should be with/without names. "
                f"cannot add param group {how} names to the optimizer"
            )
        if any(not new.isdisjoint(known["params"]) for known in self.param_groups):
            raise ValueError("some parameters appear in more than one parameter group")

    # --- stepping -------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros.

        >>> import minigrad as torch
        >>> w = torch.ones(2, requires_grad=True)
        >>> w.sum().backward()
        >>> torch.optim.SGD([w]).zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            for parameter in group["params"]:
                grad = parameter.grad
                if grad is None:
                    continue
                if set_to_none:
                    parameter.grad = None
                else:
                    if grad.grad_fn is not None:
                        grad.detach_()
                    else:
                        grad.requires_grad_(False)
                    grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients; what the closure returned, if there is one.

        Raises: NotImplementedError here; every optimizer has its own.

        >>> import minigrad as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.grad = torch.ones(1)
        >>> torch.optim.SGD([w], lr=0.5).step()
        >>> w
        tensor([0.5000], requires_grad=True)
        """
        raise NotImplementedError

    @staticmethod
    def _run(closure: Callable[[], Any] | None) -> Any:
        """The closure's loss, computed with recording on, whatever mode ``step`` is called in."""
        if closure is None:
            return None
        with enable_grad():
            return closure()

    # --- saving and loading ---------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Options and state with parameters replaced by their numbers, as torch writes them.

        >>> import minigrad as torch
        >>> torch.optim.SGD([torch.ones(1, requires_grad=True)]).state_dict()["state"]
        {}
        """
        for hook in list(self._hooks("_optimizer_state_dict_pre_hooks")):
            hook(self)
        everything = [p for group in self.param_groups for p in group["params"]]
        numbers = {parameter: place for place, parameter in enumerate(everything)}
        packed = {
            "state": {
                numbers[key] if isinstance(key, Tensor) else key: value
                for key, value in self.state.items()
            },
            "param_groups": [pack(group, numbers) for group in self.param_groups],
        }
        for hook in list(self._hooks("_optimizer_state_dict_post_hooks")):
            result = hook(self, packed)
            packed = packed if result is None else result
        return packed

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and state; state follows the type and device of its parameter.

        Raises: ValueError when the groups do not match in number or size.

        >>> import minigrad as torch
        >>> one = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
        >>> other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.5)
        >>> other.load_state_dict(one.state_dict())
        >>> other.param_groups[0]["lr"]
        0.1
        """
        state_dict = dict(state_dict)
        for hook in list(self._hooks("_optimizer_load_state_dict_pre_hooks")):
            result = hook(self, state_dict)
            state_dict = state_dict if result is None else result
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        by_number: dict[Any, Tensor] = {}
        for group, old in zip(self.param_groups, saved, strict=True):
            if len(group["params"]) != len(old["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
            by_number.update(zip(old["params"], group["params"], strict=True))
        options = {number: old for old in saved for number in old["params"]}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_number:
                state[by_number[key]] = fit(value, by_number[key], options[key])
            else:
                state[key] = value
        for group, old in zip(self.param_groups, saved, strict=True):
            old["params"] = group["params"]
            if "param_names" in group:
                old.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in list(self._hooks("_optimizer_load_state_dict_post_hooks")):
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if HOOK_TABLES[0] not in self.__dict__:
            self._prepare()
        for group in self.param_groups:
            for name in YOUNGER.keys() & self.defaults.keys():
                group.setdefault(name, YOUNGER[name])
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines += [""] * (number > 0)
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])
