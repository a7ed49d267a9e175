"""Modules as functions of their parameters.

Source: https://docs.pytorch.org/docs/stable/func.api.html
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from minigrad.functions import stack

MISSING = object()


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters and buffers than its own, given by name.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(1, 1)
    >>> given = {"weight": torch.tensor([[2.]]), "bias": torch.tensor([1.])}
    >>> torch.func.functional_call(layer, given, torch.tensor([[3.]]))
    tensor([[7.]])
    """
    given = _merged(parameter_and_buffer_dicts)
    values = _tied(module, given) if tie_weights else dict(given)
    if strict:
        _check_names(module, values)
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, values):
        result = module(*positional, **(kwargs or {}))
        if isinstance(parameter_and_buffer_dicts, dict):  # what the call has put in their place
            parameter_and_buffer_dicts.update({name: _find(module, name) for name in given})
    return result


def _merged(dicts: Any) -> dict[str, Any]:
    """One dictionary of several, which may not have a name in common."""
    if isinstance(dicts, dict):
        return dict(dicts)
    if not isinstance(dicts, Sequence):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(one, dict) for one in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for one in dicts for name in one]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous"
        )
    return {name: value for one in dicts for name, value in one.items()}


def _all_tensors(module: Any) -> dict[str, Any]:
    """Parameters and buffers by name, the tied ones under each of their names."""
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def _check_names(module: Any, values: dict[str, Any]) -> None:
    own = _all_tensors(module)
    found = (
        ("Unexpected", [repr(name) for name in values if name not in own]),
        ("Missing", [repr(name) for name in own if name not in values]),
    )
    lines = [f"{kind} key(s): {', '.join(names)}." for kind, names in found if names]
    if lines:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {type(module).__name__}:\n\t" + "\n\t".join(lines)
        )


def _tied(module: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The values, also for other names of the same tensor."""
    groups: dict[int, list[str]] = {}
    for name, tensor in _all_tensors(module).items():
        groups.setdefault(id(tensor), []).append(name)
    values = dict(given)
    for names in groups.values():
        found = {id(given[name]): given[name] for name in names if name in given}
        if len(found) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, which are tied. "
                "Consider using tie_weights=False"
            )
        for value in found.values():
            values.update(dict.fromkeys(names, value))
    return values


def _place(module: Any, name: str) -> tuple[Any, str]:
    *path, last = name.split(".")
    for step in path:
        module = getattr(module, step)
    return module, last


def _find(module: Any, name: str) -> Any:
    owner, last = _place(module, name)
    return getattr(owner, last)


@contextmanager
def _swapped(module: Any, values: dict[str, Any]) -> Generator[None, None, None]:
    """Put tensors in the place of a module's own during a block."""
    before = []
    try:
        for name, value in values.items():
            owner, last = _place(module, name)
            for table in (owner._parameters, owner._buffers, owner.__dict__):
                if last in table or table is owner.__dict__:
                    before.append((table, last, table.get(last, MISSING)))
                    table[last] = value
                    break
        yield
    finally:
        for table, last, old in reversed(before):
            if old is MISSING:
                table.pop(last, None)
            else:
                table[last] = old


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several equal modules, each stacked, by name.

    >>> import minigrad as torch
    >>> layers = [torch.nn.Linear(2, 3) for _ in range(4)]
    >>> params, buffers = torch.func.stack_module_state(layers)
    >>> params["weight"].shape, params["weight"].is_leaf
    (torch.Size([4, 3, 2]), True)
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return _stacked(params), _stacked(buffers)


def _stacked(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in states[0]:
        parts = [state[name] for state in states]
        wanted = {part.requires_grad for part in parts}
        if len(wanted) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        found[name] = stack(parts).detach().requires_grad_(wanted.pop())
    return found


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let every batch norm inside a module forget its running statistics; returns the module.

    >>> import minigrad as torch
    >>> norm = torch.func.replace_all_batch_norm_modules_(torch.nn.BatchNorm1d(3))
    >>> norm.running_mean is None
    True
    """
    for module in root.modules():
        if "BatchNorm" in type(module).__name__ and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
