"""Modules that hold modules: Sequential, ModuleList and ModuleDict."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

from minigrad.nn.modules.module import Module, indent

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


def place_in(length: int, index: Any) -> int:
    """The place that a list index, possibly negative, means; IndexError outside."""
    place = operator.index(index)
    if not -length <= place < length:
        raise IndexError(f"index {place} is out of range")
    return place % length


def need_iterable(
    value: Any, call: str, what: str = "an iterable", unfit: tuple[type, ...] = ()
) -> None:
    """Raise torch's TypeError when a container is filled from something that is no iterable."""
    if not isinstance(value, Iterable) or isinstance(value, unfit):
        raise TypeError(f"{call} should be called with {what}, but got {type(value).__name__}")


class _Numbered(Module):
    """What Sequential and ModuleList share: children reached by number."""

    def _replace_children(self, children: Iterable[Module]) -> None:
        self._modules.clear()
        self._modules.update((str(i), child) for i, child in enumerate(children))

    def _name_at(self, index: Any) -> str:
        return list(self._modules)[place_in(len(self._modules), index)]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._name_at(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        names = list(self._modules)
        gone = names[idx] if isinstance(idx, slice) else [self._name_at(idx)]
        for name in gone:
            delattr(self, name)
        self._replace_children(list(self._modules.values()))

    def append(self, module: Module) -> Self:
        """Put a module at the end and return the container.

        >>> import minigrad as torch
        >>> len(torch.nn.Sequential(torch.nn.ReLU()).append(torch.nn.Tanh()))
        2
        """
        self.add_module(str(len(self)), module)
        return self


class Sequential(_Numbered):
    """Modules run one after the other, each on the output of the one before.

    y = f_n(... f_2(f_1(x))). Children are numbered, or named by an ``OrderedDict``.

    >>> import minigrad as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU())
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=1, bias=True)
      (1): ReLU()
    )
    >>> net[1:]
    Sequential(
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            named: Iterable[tuple[str, Any]] = args[0].items()
        else:
            named = ((str(i), module) for i, module in enumerate(args))
        for name, module in named:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Run the modules in order."""
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._name_at(idx)]

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at ``index`` and return the container.

        Raises: IndexError for an index beyond the end.

        >>> import minigrad as torch
        >>> torch.nn.Sequential(torch.nn.Tanh()).insert(0, torch.nn.ReLU())[0]
        ReLU()
        """
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        children = list(self)
        children.insert(index, module)
        self._replace_children(children)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Put several modules at the end and return the container.

        >>> import minigrad as torch
        >>> len(torch.nn.Sequential().extend([torch.nn.ReLU(), torch.nn.Tanh()]))
        2
        """
        for module in list(sequential):
            self.append(module)
        return self

    def pop(self, key: int) -> Module:
        """Take out the module at a place and return it.

        >>> import minigrad as torch
        >>> torch.nn.Sequential(torch.nn.Tanh(), torch.nn.ReLU()).pop(0)
        Tanh()
        """
        module: Module = self[key]
        del self[key]
        return module

    def __add__(self, other: Any) -> Sequential:
        _need_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Any) -> Self:
        _need_sequential(other)
        return self.extend(other)

    def __mul__(self, other: Any) -> Sequential:
        return Sequential(*list(self) * self._factor(other))

    def __rmul__(self, other: Any) -> Sequential:
        return self.__mul__(other)

    def __imul__(self, other: Any) -> Self:
        return self.extend(list(self) * (self._factor(other) - 1))

    def _factor(self, other: Any) -> int:
        if not isinstance(other, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(other)}")
        if other <= 0:
            raise ValueError(f"Non-positive multiplication factor {other} for {type(self)}")
        return other


def _need_sequential(other: Any) -> None:
    if not isinstance(other, Sequential):
        raise ValueError(
            f"add operator supports only objects of Sequential class, but {type(other)} is given."
        )


class ModuleList(_Numbered):
    """A list of modules whose parameters are found; running them is the owner's business.

    >>> import minigrad as torch
    >>> torch.nn.ModuleList([torch.nn.ReLU(), torch.nn.ReLU(), torch.nn.Tanh()])
    ModuleList(
      (0-1): 2 x ReLU()
      (2): Tanh()
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self += modules

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return self._modules[self._name_at(idx)]

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at ``index``.

        >>> import minigrad as torch
        >>> layers = torch.nn.ModuleList([torch.nn.Tanh()])
        >>> layers.insert(0, torch.nn.ReLU())
        >>> layers[0]
        ReLU()
        """
        children = list(self)
        children.insert(index, module)
        self._replace_children(children)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Put several modules at the end and return the list.

        >>> import minigrad as torch
        >>> len(torch.nn.ModuleList().extend([torch.nn.ReLU(), torch.nn.Tanh()]))
        2
        """
        need_iterable(modules, "ModuleList.extend")
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take out the module at a place and return it.

        >>> import minigrad as torch
        >>> torch.nn.ModuleList([torch.nn.Tanh(), torch.nn.ReLU()]).pop(0)
        Tanh()
        """
        module = self[key]
        del self[key]
        return module

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(list(self) + list(other))

    def _children_repr(self) -> list[str]:
        """Equal neighbours are printed once, with their number."""
        lines = []
        numbered = enumerate(repr(module) for module in self)
        for text, run in groupby(numbered, key=lambda pair: pair[1]):
            places = [place for place, _ in run]
            if len(places) == 1:
                lines.append(f"({places[0]}): {indent(text)}")
            else:
                lines.append(f"({places[0]}-{places[-1]}): {len(places)} x {indent(text)}")
        return lines


class ModuleDict(Module):
    """A dictionary of modules whose parameters are found, in the order of insertion.

    >>> import minigrad as torch
    >>> choices = torch.nn.ModuleDict({"relu": torch.nn.ReLU(), "tanh": torch.nn.Tanh()})
    >>> choices["tanh"], "relu" in choices
    (Tanh(), True)
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take out all modules.

        >>> import minigrad as torch
        >>> torch.nn.ModuleDict({"a": torch.nn.ReLU()}).clear()
        """
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take out one module and return it.

        >>> import minigrad as torch
        >>> torch.nn.ModuleDict({"a": torch.nn.ReLU()}).pop("a")
        ReLU()
        """
        module: Module = self[key]
        del self[key]
        return module

    def keys(self) -> Any:
        """The names.

        >>> import minigrad as torch
        >>> list(torch.nn.ModuleDict({"a": torch.nn.ReLU()}).keys())
        ['a']
        """
        return self._modules.keys()

    def values(self) -> Any:
        """The modules.

        >>> import minigrad as torch
        >>> list(torch.nn.ModuleDict({"a": torch.nn.ReLU()}).values())
        [ReLU()]
        """
        return self._modules.values()

    def items(self) -> Any:
        """Names and modules in pairs.

        >>> import minigrad as torch
        >>> list(torch.nn.ModuleDict({"a": torch.nn.ReLU()}).items())
        [('a', ReLU())]
        """
        return self._modules.items()

    def update(self, modules: Any) -> None:
        """Add the modules of a mapping, or of pairs; a known name gets the new module.

        Raises: TypeError for something that is neither, ValueError for what is not a pair.

        >>> import minigrad as torch
        >>> choices = torch.nn.ModuleDict()
        >>> choices.update([("a", torch.nn.ReLU())])
        >>> choices
        ModuleDict(
          (a): ReLU()
        )
        """
        need_iterable(modules, "ModuleDict.update", "an iterable of key/value pairs")
        if isinstance(modules, (Mapping, ModuleDict)):
            pairs: Any = modules.items()
        else:
            pairs = checked_pairs(modules, "ModuleDict update")
        for key, module in pairs:
            self[key] = module


def checked_pairs(pairs: Iterable[Any], call: str) -> Iterator[Any]:
    """The pairs, checked one by one with torch's messages."""
    for place, pair in enumerate(pairs):
        if not isinstance(pair, Iterable):
            raise TypeError(
                f"{call} sequence element #{place} should be Iterable; is{type(pair).__name__}"
            )
        entry = list(pair)
        if len(entry) != 2:
            raise ValueError(
                f"{call} sequence element #{place} has length {len(entry)}; 2 is required"
            )
        yield entry
