"""``Layer``: what layers share that consist of a function and its options."""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad.nn.modules.module import Module

__all__: list[str] = []


class Layer(Module):
    """A module that keeps the options of its constructor under their own names.

    A subclass hands them to ``super().__init__`` by name, and says in ``shown`` how they are
    printed: a format of the layer, ``{0}``.
    """

    shown: ClassVar[str] = ""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        for name, value in options.items():
            setattr(self, name, value)

    def extra_repr(self) -> str:
        """The options.

        >>> import minigrad as torch
        >>> torch.nn.Softplus(beta=2).extra_repr()
        'beta=2, threshold=20.0'
        """
        return self.shown.format(self)


class InPlaceLayer(Layer):
    """A layer that says so where it writes over its input."""

    def extra_repr(self) -> str:
        """The options, and whether the input is overwritten.

        >>> import minigrad as torch
        >>> torch.nn.ELU(inplace=True).extra_repr()
        'alpha=1.0, inplace=True'
        """
        inplace = "inplace=True" if self.inplace else ""
        return ", ".join(filter(None, (super().extra_repr(), inplace)))
