"""Parameters that are computed from others, each time they are read.

``register_parametrization(layer, "weight", f)`` makes ``layer.weight`` mean ``f(original)``, where
``layer.parametrizations.weight.original`` is what is trained.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minigrad.autograd import no_grad
from minigrad.nn.modules.container import ModuleDict, ModuleList
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.utils._parametrized_class import cached, inject_class, inject_property
from minigrad.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _need_same(kinds: Iterable[str], old: Any, new: Any, message: str, labels: str) -> None:
    """Raise torch's error unless two tensors have the same dtype, shape or device."""
    before, after = labels.split("|")
    for kind in kinds:
        one, other = getattr(old, kind), getattr(new, kind)
        if one != other:
            raise ValueError(
                f"{message.format(kind=kind)}\n{before.format(kind=kind)}: {one}\n"
                f"{after.format(kind=kind)}: {other}"
            )


def _need_tensor(value: Any, message: str) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(message.format(type(value).__name__))


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and the tensor or tensors they are computed from.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    >>> type(layer.parametrizations.weight).__name__
    'ParametrizationList'
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()
        new: Any = self._inverted(original)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            _need_same(
                ("dtype", "device"),
                original,
                new,
                "When `right_inverse` outputs one tensor, it may not change the {kind}.",
                "original.{kind}|right_inverse(original).{kind}",
            )
            with no_grad():
                original.set_(new)
            _register(self, "original", original)
        else:
            self._register_parts(new, original)
        if not unsafe:
            made = self()
            _need_tensor(made, "A parametrization must return a tensor. Got {}.")
            _need_same(
                ("dtype", "shape"),
                before,
                made,
                "Registering a parametrization may not change the {kind} of the tensor, unless "
                "`unsafe` flag is enabled.",
                "unparametrized {kind}|parametrized {kind}",
            )

    def _inverted(self, value: Any) -> Any:
        """What the parametrizations would give ``value`` for, as far as they can say."""
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    try:
                        value = module.right_inverse(value)
                    except NotImplementedError:
                        continue  # it says so itself: the value is kept
        return value

    def _register_parts(self, parts: Sequence[Any], original: Tensor) -> None:
        for place, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                    f"tuple...). Got element {place} of the sequence with type "
                    f"{type(part).__name__}."
                )
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            part.requires_grad_(original.requires_grad)
            _register(self, f"original{place}", part)

    def right_inverse(self, value: Any) -> None:
        """Set the originals so that the parametrized tensor becomes ``value``.

        Raises: RuntimeError for a parametrization without ``right_inverse``, ValueError for one
        that returns something unfit.
        """
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(
                        f"`right_inverse` should return a tensor. Got {type(value).__name__}"
                    )
                if value.dtype != self.original.dtype:
                    raise ValueError(
                        f"The tensor returned by `right_inverse` has dtype {value.dtype} "
                        f"while `original` has dtype {self.original.dtype}"
                    )
                self.original.set_(value)
            else:
                self._set_parts(value)

    def _set_parts(self, parts: Any) -> None:
        if not isinstance(parts, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(parts).__name__}."
            )
        if len(parts) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(parts)}."
            )
        for place, part in enumerate(parts):
            old = getattr(self, f"original{place}")
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors or reference-type opaques. "
                    f"Got element {place} of type {type(part).__name__}."
                )
            if old.dtype != part.dtype:
                raise ValueError(
                    f"Tensor {place} returned by `right_inverse` has dtype {part.dtype} "
                    f"while `original{place}` has dtype {old.dtype}"
                )
            old.set_(part)

    def forward(self) -> Any:
        """The parametrized tensor."""
        if self.is_tensor:
            parts = [self.original]
        else:
            parts = [getattr(self, f"original{place}") for place in range(self.ntensors)]
        first, *others = self
        value = first(*parts)
        for module in others:
            value = module(value)
        return value


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Let a parameter or buffer be the output of ``parametrization``; a second one adds on top.

    A method ``right_inverse`` of the parametrization says what to keep for a given value: it
    makes assignment work. ``unsafe`` allows a change of dtype and shape.

    Raises: ValueError for an unknown name, or a parametrization that changes dtype or shape.

    >>> import minigrad as torch
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = torch.nn.Linear(3, 3)
    >>> layer = torch.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> torch.equal(layer.weight, layer.weight.T)
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_addition(module, tensor_name, parametrization)
        listed = module.parametrizations[tensor_name]
        listed.append(parametrization)
        listed.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            inject_class(module)
            module.parametrizations = ModuleDict()
        inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def _check_addition(module: Module, name: str, parametrization: Any) -> None:
    """Raise unless one more parametrization keeps dtype and shape, there and back."""
    before = getattr(module, name)
    after = parametrization(before)
    _need_tensor(after, "A parametrization must return a tensor. Got {}.")
    _need_same(
        ("dtype", "shape"),
        before,
        after,
        "Registering a parametrization may not change the {kind} of the tensor, unless the "
        "`unsafe` flag is enabled.",
        f"module.{name}.{{kind}}|parametrization(module.{name}).{{kind}}",
    )
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(after)
    except NotImplementedError:
        return
    _need_tensor(back, "parametrization.right_inverse must return a tensor. Got: {}")
    _need_same(
        ("dtype", "shape"),
        before,
        back,
        "The tensor returned by parametrization.right_inverse must have the same {kind} "
        f"as module.{name}, unless the `unsafe` flag is enabled.",
        f"module.{name}.{{kind}}|returned {{kind}}",
    )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or whether one of its tensors has.

    >>> import minigrad as torch
    >>> torch.nn.utils.parametrize.is_parametrized(torch.nn.Linear(2, 2))
    False
    """
    listed = getattr(module, "parametrizations", None)
    if not isinstance(listed, ModuleDict):
        return False
    return len(listed) > 0 if tensor_name is None else tensor_name in listed


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a tensor an ordinary one again, of its present value or of the original one.

    Raises: ValueError if it has no parametrization, or for the original value of several tensors.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    >>> torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed = module.parametrizations[tensor_name]
    if listed.is_tensor:
        original = listed.original
        if leave_parametrized:
            with no_grad():
                original.set_(getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
            "that is parametrized in terms of a sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that a module had before its first parametrization.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    >>> torch.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    'Linear'
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give a module the parametrizations of another and the tensors behind them.

    >>> import minigrad as torch
    >>> P = torch.nn.utils.parametrize
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(2, 2))
    >>> twin = P.transfer_parametrizations_and_params(layer, torch.nn.Linear(2, 2))
    >>> torch.equal(twin.weight, layer.weight)
    True
    """
    if not is_parametrized(from_module):
        return to_module
    for name in from_module.parametrizations if tensor_name is None else [tensor_name]:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        if hasattr(source, "original"):
            target.original = source.original
        else:
            for place in range(source.ntensors):
                setattr(target, f"original{place}", getattr(source, f"original{place}"))
    return to_module
