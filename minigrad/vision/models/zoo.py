"""The zoo: every model by its name, and where its weights come from."""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import minigrad
from minigrad import nn
from minigrad.hub import load_state_dict_from_url
from minigrad.vision.models.weights_enum import WeightsEnum

__all__ = [
    "get_model",
    "get_model_builder",
    "get_model_weights",
    "get_weight",
    "list_models",
    "load_weights",
    "register_model",
]

M = TypeVar("M", bound=nn.Module)
Weights = WeightsEnum | str | os.PathLike[str] | bool | None

_ENUM = re.compile(r"(\w+_Weights\.)?(DEFAULT|[A-Z0-9_]+_V\d+)")  # torchvision's names of weights


@dataclass(frozen=True)
class Entry:
    """What the zoo knows of a model."""

    name: str
    parameters: int
    input_size: tuple[int, int, int]  # of one image: channels, height, width
    weights: type[WeightsEnum] | None  # those of ImageNet that torchvision has
    optional: tuple[str, ...]  # parts that a file may have although the model has not
    with_weights: dict[str, Any]  # the options that belong to weights from a file


ZOO: dict[str, Entry] = {}
_BUILDERS: dict[str, Callable[..., nn.Module]] = {}


def register_model(
    parameters: int,
    weights: type[WeightsEnum] | None = None,
    input_size: tuple[int, int, int] = (3, 224, 224),
    optional: tuple[str, ...] = (),
    **with_weights: Any,
) -> Callable[[Callable[..., M]], Callable[..., M]]:
    """Enter the decorated function into the zoo, and give it ``weights`` and ``progress``.

    ``parameters`` says how many there are by default, so that nobody has to count. ``weights``
    are those that have names; ``with_weights`` are the options that are set when weights are
    loaded, unless the caller says otherwise.

    >>> from minigrad.vision.models import get_model
    >>> get_model("lenet").fc3
    Linear(in_features=84, out_features=10, bias=True)
    """

    named = weights  # which the builder's own argument hides

    def enter(build: Callable[..., M]) -> Callable[..., M]:
        entry = Entry(build.__name__, parameters, input_size, named, optional, with_weights)

        @functools.wraps(build)
        def builder(weights: Weights = None, progress: bool = True, **options: Any) -> M:
            source = _source(entry, weights, options.pop("pretrained", None))
            if source is None:
                return build(**options)
            if isinstance(source, WeightsEnum):
                _check_classes(source, options)
                source = source.url
            net = build(**{**entry.with_weights, **options})
            net.load_state_dict(_fitting(load_weights(source, progress), net, entry.optional))
            return net

        del builder.__wrapped__  # or the signature would be its own
        ZOO[entry.name], _BUILDERS[entry.name] = entry, builder
        return builder

    return enter


def get_model_builder(name: str) -> Callable[..., nn.Module]:
    """The function that makes the model of a name.

    Raises: ValueError for a name that the zoo has not.

    >>> from minigrad.vision.models import get_model_builder
    >>> get_model_builder("resnet18").__name__
    'resnet18'
    """
    try:
        return _BUILDERS[name.lower()]
    except KeyError:
        raise ValueError(f"Unknown model {name}; known are {', '.join(list_models())}") from None


def get_model(name: str, **config: Any) -> nn.Module:
    """Make the model of a name; ``config`` goes to its builder.

    Raises: ValueError for a name that the zoo has not.

    >>> from minigrad.vision.models import get_model
    >>> sum(p.numel() for p in get_model("squeezenet1_1", num_classes=10).parameters())
    727626

    Source: https://docs.pytorch.org/vision/stable/generated/torchvision.models.get_model.html
    """
    return get_model_builder(name)(**config)


def list_models(
    module: ModuleType | None = None,
    include: Iterable[str] | str | None = None,
    exclude: Iterable[str] | str | None = None,
) -> list[str]:
    """The names of the zoo in order; ``include`` and ``exclude`` are patterns like ``"vgg*"``.

    >>> from minigrad.vision.models import list_models
    >>> list_models(include=["vgg1?", "lenet"], exclude="vgg19")
    ['lenet', 'vgg11', 'vgg13', 'vgg16']

    Source: https://docs.pytorch.org/vision/stable/generated/torchvision.models.list_models.html
    """
    names = {
        name
        for name, builder in _BUILDERS.items()
        if module is None or builder.__module__.rpartition(".")[0] == module.__name__
    }
    if include:
        names = _matching(names, include)
    if exclude:
        names -= _matching(names, exclude)
    return sorted(names)


def _matching(names: Iterable[str], patterns: Iterable[str] | str) -> set[str]:
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    return {name for name in names if any(fnmatch.fnmatch(name, p) for p in wanted)}


def load_weights(source: str | os.PathLike[str], progress: bool = True) -> dict[str, Any]:
    """The state dictionary in a file, or at an https address, kept for the next time.

    Downloads go where torch keeps its own, ``~/.cache/torch/hub/checkpoints`` (``TORCH_HOME`` and
    ``XDG_CACHE_HOME`` move it), so that what torchvision has loaded is found.

    Raises: ValueError for another kind of address, FileNotFoundError without the file, RuntimeError
    if what arrives is not what the file's name promises.

    >>> from minigrad.vision.models.zoo import load_weights
    >>> load_weights("http://example.org/net.pth")
    Traceback (most recent call last):
    ...
    ValueError: weights: expected a file or an https:// address, got 'http://example.org/net.pth'
    """
    text = os.fspath(source)
    if text.startswith("https://"):
        return dict(load_state_dict_from_url(text, None, "cpu", progress, check_hash=True))
    if "://" in text:
        raise ValueError(f"weights: expected a file or an https:// address, got {text!r}")
    if not os.path.isfile(text):
        raise FileNotFoundError(f"weights: there is no file {text!r}")
    state: dict[str, Any] = minigrad.load(text, map_location="cpu", weights_only=True)
    return state


def _source(entry: Entry, weights: Weights, pretrained: Weights) -> str | WeightsEnum | None:
    """What to read: weights that have a name, a path or an address; None for nothing."""
    if weights is not None and pretrained is not None:
        raise ValueError("weights and pretrained say the same: give only one of them")
    wanted = pretrained if weights is None else weights
    if wanted is None or wanted is False:
        return None
    if not isinstance(wanted, (WeightsEnum, bool)):
        text = os.fspath(wanted)
        if not _ENUM.fullmatch(text):
            return text
        wanted = text
    if entry.weights is None:
        raise ValueError(
            f"{entry.name}: torchvision has no weights of it, so {wanted!r} names none; pass a "
            "file of a state dictionary or its https:// address"
        )
    if wanted is True:
        _warn_of_pretrained(entry.weights)
        wanted = "IMAGENET1K_V1"
    found: WeightsEnum = entry.weights.verify(wanted)
    return found


def _warn_of_pretrained(weights: type[WeightsEnum]) -> None:
    """What torchvision says of ``pretrained=True``."""
    import warnings

    warnings.warn(
        "The parameter 'pretrained' is deprecated since 0.13 and may be removed in the future, "
        "please use 'weights' instead.",
        stacklevel=4,
    )
    warnings.warn(
        "Arguments other than a weight enum or `None` for 'weights' are deprecated since 0.13 and "
        "may be removed in the future. The current behavior is equivalent to passing "
        f"`weights={weights.__name__}.IMAGENET1K_V1`. You can also use "
        f"`weights={weights.__name__}.DEFAULT` to get the most up-to-date weights.",
        stacklevel=4,
    )


def _check_classes(weights: WeightsEnum, options: dict[str, Any]) -> None:
    """ValueError if a model of other classes is asked for than the weights are for."""
    has, asked = weights.meta["num_classes"], options.get("num_classes")
    if asked not in (None, has):
        raise ValueError(
            f"The parameter 'num_classes' expected value {has} but got {asked} instead."
        )


def get_weight(name: str) -> WeightsEnum:
    """Weights by their full name.

    Raises: ValueError for a name that there is not.

    >>> from minigrad.vision.models import get_weight
    >>> get_weight("ResNet50_Weights.DEFAULT")
    ResNet50_Weights.IMAGENET1K_V2

    Source: https://docs.pytorch.org/vision/stable/generated/torchvision.models.get_weight.html
    """
    enum, _, value = name.partition(".")
    if not value:
        raise ValueError(f"Invalid weight name provided: '{name}'.")
    known = {e.weights.__name__: e.weights for e in ZOO.values() if e.weights is not None}
    if enum not in known:
        raise ValueError(f"The weight enum '{enum}' for the specific method couldn't be retrieved.")
    try:
        return known[enum][value]
    except KeyError:
        there = ", ".join(known[enum].__members__)
        raise ValueError(f"{enum} has no {value!r}; it has {there}") from None


def get_model_weights(name: Callable[..., nn.Module] | str) -> type[WeightsEnum]:
    """All weights of a model, by its name or its function.

    Raises: ValueError for a model that the zoo has not, or that has no weights with names.

    >>> from minigrad.vision.models import get_model_weights
    >>> list(get_model_weights("mobilenet_v2"))
    [MobileNet_V2_Weights.IMAGENET1K_V1, MobileNet_V2_Weights.IMAGENET1K_V2]

    Source: https://docs.pytorch.org/vision/stable/generated/torchvision.models.get_model_weights.html
    """
    builder = get_model_builder(name) if isinstance(name, str) else name
    entry = ZOO.get(builder.__name__)
    if entry is None or entry.weights is None:
        raise ValueError(
            "The weights enum for the specific method couldn't be retrieved: there are no weights "
            f"of {builder.__name__}."
        )
    return entry.weights


def _fitting(state: dict[str, Any], net: nn.Module, optional: tuple[str, ...]) -> dict[str, Any]:
    """The state without those optional parts that the model was made without."""
    parts = {name for name, _ in net.named_children()}
    surplus = tuple(f"{part}." for part in optional if part not in parts)
    return {name: value for name, value in state.items() if not name.startswith(surplus)}
