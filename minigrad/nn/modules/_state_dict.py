"""Saving and loading of a Module's tensors by name.

Source of the key names, the order and the messages: torch.nn.Module.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from minigrad.autograd import RemovableHandle, no_grad
from minigrad.nn.modules._hooks import ModuleHooks, add_hook
from minigrad.nn.parameter import Parameter, is_lazy
from minigrad.tensor import Tensor

_EXTRA = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` could not match; empty when all went well."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class ModuleState(ModuleHooks):
    """The state protocol of ``Module``: ``state_dict``, ``load_state_dict`` and their hooks."""

    # Written into the metadata of a state dict; a layer that changes its entries counts it up.
    _version: int = 1

    def get_extra_state(self) -> Any:
        """What the module wants saved beside its tensors; override together with the setter.

        Raises: RuntimeError when a module has no such state.

        >>> import minigrad as torch
        >>> class Counter(torch.nn.Module):
        ...     def get_extra_state(self):
        ...         return {"calls": 3}
        >>> list(Counter().state_dict().items())
        [('_extra_state', {'calls': 3})]
        """
        raise RuntimeError(f"{type(self).__name__} has no get_extra_state of its own")

    def set_extra_state(self, state: Any) -> None:
        """Take back what ``get_extra_state`` gave.

        Raises: RuntimeError when a module has no such state.

        >>> import minigrad as torch
        >>> class Counter(torch.nn.Module):
        ...     def set_extra_state(self, state):
        ...         self.calls = state
        >>> counter = Counter()
        >>> counter.load_state_dict({"_extra_state": 3})
        <All keys matched successfully>
        >>> counter.calls
        3
        """
        raise RuntimeError(f"{type(self).__name__} has no set_extra_state of its own")

    def register_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Run ``hook(module, state_dict, prefix, local_metadata)`` after a state dict was made.

        It changes the state dict in place; if it returns anything, making the state dict raises.

        >>> import minigrad as torch
        >>> layer = torch.nn.Linear(1, 1)
        >>> def drop_bias(module, state_dict, prefix, local_metadata):
        ...     del state_dict[prefix + "bias"]
        >>> handle = layer.register_state_dict_post_hook(drop_bias)
        >>> list(layer.state_dict())
        ['weight']
        """
        return add_hook(self._state_dict_hooks, (hook, False))

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The older form of the post hook, whose return value replaces the state dict."""
        if any(
            known is hook and not replaces for known, replaces in self._state_dict_hooks.values()
        ):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return add_hook(self._state_dict_hooks, (hook, True))

    def register_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Run ``hook(module, prefix, keep_vars)`` before a state dict is made.

        >>> import minigrad as torch
        >>> layer = torch.nn.ReLU()
        >>> handle = layer.register_state_dict_pre_hook(lambda m, prefix, keep: print("saving"))
        >>> state = layer.state_dict()
        saving
        """
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Run a hook before this module takes its entries from a state dict.

        It is called as ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` and may change any of the containers.

        >>> import minigrad as torch
        >>> layer = torch.nn.Linear(1, 1, bias=False)
        >>> def rename(module, state_dict, prefix, *rest):
        ...     state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
        >>> handle = layer.register_load_state_dict_pre_hook(rename)
        >>> layer.load_state_dict({"w": torch.ones(1, 1)})
        <All keys matched successfully>
        """
        return add_hook(self._load_state_dict_pre_hooks, (hook, True))

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., None], with_module: bool = False
    ) -> RemovableHandle:
        """The older form of the load pre hook; it gets no module unless ``with_module``."""
        return add_hook(self._load_state_dict_pre_hooks, (hook, with_module))

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Run ``hook(module, incompatible_keys)`` after loading; it may edit the key lists.

        >>> import minigrad as torch
        >>> layer = torch.nn.Linear(1, 1)
        >>> handle = layer.register_load_state_dict_post_hook(lambda m, keys: keys[0].clear())
        >>> layer.load_state_dict({})
        <All keys matched successfully>
        """
        return add_hook(self._load_state_dict_post_hooks, hook)

    def state_dict(
        self,
        *args: Any,
        destination: Any = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> Any:
        """All persistent tensors of the tree by dotted name, sharing memory with the module.

        Own parameters come first, then own buffers, then the children in order. ``keep_vars``
        gives the parameters themselves instead of detached tensors.

        >>> import minigrad as torch
        >>> list(torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1)).state_dict())
        ... # doctest: +NORMALIZE_WHITESPACE
        ['0.weight', '0.bias', '1.weight', '1.bias', '1.running_mean', '1.running_var',
         '1.num_batches_tracked']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html"
                "#torch.nn.Module.state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            given = dict(enumerate(args))
            destination = given[0] if destination is None else destination
            prefix = prefix or given.get(1, "")
            keep_vars = keep_vars or given.get(2, False)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in list(self._state_dict_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook, replaces in list(self._state_dict_hooks.values()):
            result = hook(self, destination, prefix, metadata)
            if result is None:
                continue
            if not replaces:
                raise RuntimeError("state_dict post-hook must return None")
            destination = result
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Write this module's own entries; subclasses extend it."""
        for name, tensor in self._local_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if _overrides(self, "get_extra_state"):
            destination[prefix + _EXTRA] = self.get_extra_state()

    def _local_state(self) -> dict[str, Tensor]:
        """The own parameters and persistent buffers that exist."""
        entries: dict[str, Any] = dict(self._parameters)
        for name, buffer in self._buffers.items():
            if name not in self._non_persistent_buffers_set:
                entries[name] = buffer
        return {name: tensor for name, tensor in entries.items() if tensor is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy the tensors of a state dict into the tree, by name.

        ``strict=False`` returns missing and unexpected keys instead of raising for them;
        ``assign=True`` takes the tensors over instead of copying their values.

        Raises: RuntimeError listing every missing, unexpected or misfitting entry, TypeError for
        something that is not a mapping.

        >>> import minigrad as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> layer.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
        <All keys matched successfully>
        >>> layer.load_state_dict({"weight": torch.ones(1, 2)}, strict=False)
        _IncompatibleKeys(missing_keys=['bias'], unexpected_keys=[])
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        # A copy, because hooks may rename entries; tensors are not copied.
        entries: Any = OrderedDict(state_dict)
        if metadata is not None:
            entries._metadata = metadata
        job = _Load(metadata, assign)
        job.visit(self, entries, "")
        if strict:
            for kind, keys in (("Unexpected", job.unexpected), ("Missing", job.missing)):
                if keys:
                    job.errors.insert(0, f"{kind} key(s) in state_dict: {_quoted(keys)}. ")
        if job.errors:
            lines = "\n\t".join(job.errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}"
            )
        return _IncompatibleKeys(job.missing, job.unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Take this module's own entries; subclasses extend it to read older formats."""
        for hook, with_module in list(self._load_state_dict_pre_hooks.values()):
            arguments = (state_dict, prefix, local_metadata, strict)
            report = (missing_keys, unexpected_keys, error_msgs)
            hook(*((self,) if with_module else ()), *arguments, *report)
        assign = bool(local_metadata.get("assign_to_params_buffers", False))
        local = self._local_state()
        for name, target in local.items():
            key = prefix + name
            if key in state_dict:
                error = _take(self, name, target, state_dict[key], key, assign)
                if error is not None:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)
        self._load_extra_state(state_dict, prefix, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys.extend(self._strangers(state_dict, prefix, local))

    def _load_extra_state(
        self,
        state_dict: Any,
        prefix: str,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
    ) -> None:
        key = prefix + _EXTRA
        if _overrides(self, "set_extra_state"):
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing_keys.append(key)
        elif strict and key in state_dict:
            unexpected_keys.append(key)

    def _strangers(self, state_dict: Any, prefix: str, local: dict[str, Tensor]) -> list[str]:
        """Keys below ``prefix`` that belong to neither this module nor a child of it."""
        found = []
        for key in state_dict:
            if not key.startswith(prefix) or key == prefix + _EXTRA:
                continue
            first, dot, _ = key[len(prefix) :].partition(".")
            if first not in (self._modules if dot else local):
                found.append(key)
        return found


class _Load:
    """One walk of ``load_state_dict`` through the tree, and what it found."""

    def __init__(self, metadata: Any, assign: bool) -> None:
        self.metadata = metadata
        self.assign = assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def visit(self, module: Any, entries: Any, prefix: str) -> None:
        """Load one module from the entries below its prefix, then its children from theirs."""
        metadata = {} if self.metadata is None else self.metadata.get(prefix[:-1], {})
        if self.assign:
            metadata = {**metadata, "assign_to_params_buffers": True}
        # Every module reports its missing keys; load_state_dict decides whether they matter.
        module._load_from_state_dict(
            entries, prefix, metadata, True, self.missing, self.unexpected, self.errors
        )
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                own = {key: value for key, value in entries.items() if key.startswith(below)}
                self.visit(child, own, below)
        keys = _IncompatibleKeys(self.missing, self.unexpected)
        for hook in list(module._load_state_dict_post_hooks.values()):
            if hook(module, keys) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )


def _take(module: Any, name: str, target: Tensor, value: Any, key: str, assign: bool) -> str | None:
    """Bring one entry into the module; the text of the error if that fails."""
    if not isinstance(value, Tensor):
        return (
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(value)}"
        )
    if not is_lazy(target):
        if target.ndim == 0 and tuple(value.shape) == (1,):
            value = value[0]  # scalars were saved as one-element vectors by very old files
        if value.shape != target.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from "
                f"checkpoint, the shape in current model is {target.shape}."
            )
    try:
        with no_grad():
            if not assign:
                target.copy_(value)
            elif isinstance(target, Parameter) and not isinstance(value, Parameter):
                setattr(module, name, Parameter(value, target.requires_grad))
            elif isinstance(target, Parameter):
                setattr(module, name, value.requires_grad_(target.requires_grad))
            else:
                setattr(module, name, value)
    except Exception as error:  # reported with all others
        return (
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{target.size()} and whose dimensions in the checkpoint are {value.size()}, an "
            f"exception occurred : {error.args}."
        )
    return None


def _overrides(module: ModuleState, method: str) -> bool:
    return getattr(type(module), method) is not getattr(ModuleState, method)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
