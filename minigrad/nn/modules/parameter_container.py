"""Modules that hold parameters: ParameterList and ParameterDict."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from minigrad.nn.modules.container import checked_pairs, need_iterable, place_in
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["ParameterDict", "ParameterList"]


def _as_member(value: Any) -> Any:
    """Plain tensors become parameters; everything else is kept as it is."""
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _member_line(name: Any, value: Any, type_name: str) -> str:
    if not isinstance(value, Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    size = "x".join(str(n) for n in value.shape)
    device = "" if value.device.type == "cpu" else f" ({value.device})"
    kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
    return f"  ({name}): {kind} containing: [{type_name} of size {size}{device}]"


class ParameterList(Module):
    """A list of parameters that the owner's ``parameters()`` finds.

    >>> import minigrad as torch
    >>> torch.nn.ParameterList([torch.zeros(2), torch.zeros(3, 1)])
    ParameterList(
        (0): Parameter containing: [torch.float32 of size 2]
        (1): Parameter containing: [torch.float32 of size 3x1]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self += values

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)(self[i] for i in range(*idx.indices(len(self))))
        return getattr(self, str(place_in(len(self), idx)))

    def __setitem__(self, idx: int, param: Any) -> None:
        setattr(self, str(place_in(len(self), idx)), _as_member(param))

    def append(self, value: Any) -> Self:
        """Put a value at the end and return the list; a tensor becomes a parameter.

        >>> import minigrad as torch
        >>> len(torch.nn.ParameterList().append(torch.zeros(2)))
        1
        """
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Put several values at the end and return the list.

        >>> import minigrad as torch
        >>> len(torch.nn.ParameterList().extend([torch.zeros(2), torch.zeros(1)]))
        2
        """
        # The rows of a tensor are not what anybody wants as members.
        need_iterable(values, "ParameterList.extend", unfit=(Tensor,))
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, parameters: Iterable[Any]) -> Self:
        return self.extend(parameters)

    def extra_repr(self) -> str:
        """One line per member."""
        return "\n".join(
            _member_line(i, value, str(getattr(value, "dtype", ""))) for i, value in enumerate(self)
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: parameters are nothing to run."""
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """A dictionary of parameters that the owner's ``parameters()`` finds.

    Like torch's, it sorts the keys of a plain ``dict`` it is filled from.

    >>> import minigrad as torch
    >>> torch.nn.ParameterDict({"scale": torch.ones(1)})
    ParameterDict(  (scale): Parameter containing: [torch.FloatTensor of size 1])
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def _attribute(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(
                "Index given to ParameterDict cannot be used as a key as it is not a string "
                f"(type is '{type(key).__name__}'). Open an issue on github if you need "
                "non-string keys."
            )
        return key

    def __getitem__(self, key: str) -> Any:
        return getattr(self, self._attribute(key))

    def __setitem__(self, key: str, value: Any) -> None:
        self._keys[key] = None
        setattr(self, self._attribute(key), _as_member(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, self._attribute(key))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._keys))

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def keys(self) -> Any:
        """The names.

        >>> import minigrad as torch
        >>> list(torch.nn.ParameterDict({"a": torch.ones(1)}).keys())
        ['a']
        """
        return self._keys.keys()

    def values(self) -> Iterable[Any]:
        """The members.

        >>> import minigrad as torch
        >>> [v.shape for v in torch.nn.ParameterDict({"a": torch.ones(1)}).values()]
        [torch.Size([1])]
        """
        return (self[key] for key in self._keys)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and members in pairs.

        >>> import minigrad as torch
        >>> [key for key, _ in torch.nn.ParameterDict({"a": torch.ones(1)}).items()]
        ['a']
        """
        return ((key, self[key]) for key in self._keys)

    def get(self, key: str, default: Any = None) -> Any:
        """The member of that name, or ``default``.

        >>> import minigrad as torch
        >>> torch.nn.ParameterDict().get("a", 1)
        1
        """
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The member of that name, which is ``default`` from now on if there was none.

        >>> import minigrad as torch
        >>> torch.nn.ParameterDict().setdefault("a", torch.ones(1)).shape
        torch.Size([1])
        """
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take out one member and return it.

        >>> import minigrad as torch
        >>> torch.nn.ParameterDict({"a": torch.ones(1)}).pop("a").shape
        torch.Size([1])
        """
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take out the last member and return its name and itself.

        >>> import minigrad as torch
        >>> torch.nn.ParameterDict({"a": 3}).popitem()
        ('a', 3)
        """
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take out all members.

        >>> import minigrad as torch
        >>> torch.nn.ParameterDict({"a": 3}).clear()
        """
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """A new dictionary with the same members, in the same order.

        >>> import minigrad as torch
        >>> list(torch.nn.ParameterDict({"a": 3}).copy())
        ['a']
        """
        return ParameterDict(list(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new dictionary with these keys, every member being ``default``.

        >>> import minigrad as torch
        >>> list(torch.nn.ParameterDict().fromkeys(["a", "b"]))
        ['a', 'b']
        """
        return ParameterDict([(key, default) for key in keys])

    def update(self, parameters: Any) -> None:
        """Add the members of a mapping, or of pairs; a known name gets the new member.

        Raises: TypeError for something that is neither, ValueError for what is not a pair.

        >>> import minigrad as torch
        >>> members = torch.nn.ParameterDict()
        >>> members.update([("a", 3)])
        >>> members["a"]
        3
        """
        need_iterable(parameters, "ParametersDict.update", "an iterable of key/value pairs")
        if isinstance(parameters, (OrderedDict, ParameterDict)):
            pairs: Any = parameters.items()
        elif isinstance(parameters, Mapping):
            pairs = sorted(parameters.items())
        else:
            pairs = checked_pairs(parameters, "ParameterDict update")
        for key, value in pairs:
            self[key] = value

    def __or__(self, other: ParameterDict) -> ParameterDict:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other: Any) -> Any:
        joined = other.copy()
        joined.update(self)
        return joined

    def __ior__(self, other: ParameterDict) -> Self:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        """One line per member."""
        return "\n".join(
            _member_line(key, value, str(value.type()) if isinstance(value, Tensor) else "")
            for key, value in self.items()
        )

    def __call__(self, input: Any) -> Any:
        """Refuse: parameters are nothing to run."""
        raise RuntimeError("ParameterDict should not be called.")
