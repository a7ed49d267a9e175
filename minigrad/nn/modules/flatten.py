"""Layers that merge and split dimensions."""

from __future__ import annotations

from minigrad.nn.modules.layer import Layer
from minigrad.tensor import Tensor

__all__ = ["Flatten", "Unflatten"]


class Flatten(Layer):
    """Merge a range of dimensions into one.

    Shape: (N, d1, ..., dk) -> (N, d1 * ... * dk) by default.

    >>> import minigrad as torch
    >>> torch.nn.Flatten()(torch.zeros(32, 1, 5, 5)).shape
    torch.Size([32, 25])
    """

    shown = "start_dim={0.start_dim}, end_dim={0.end_dim}"

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__(start_dim=start_dim, end_dim=end_dim)

    def forward(self, input: Tensor) -> Tensor:
        """The input with the dimensions merged."""
        return input.flatten(self.start_dim, self.end_dim)


class Unflatten(Layer):
    """Split one dimension into several.

    Shape: (*, d1 * ... * dk, *) -> (*, d1, ..., dk, *).

    Raises: TypeError unless the sizes are a tuple of ints.

    >>> import minigrad as torch
    >>> torch.nn.Unflatten(1, (2, 3))(torch.zeros(4, 6)).shape
    torch.Size([4, 2, 3])
    """

    shown = "dim={0.dim}, unflattened_size={0.unflattened_size}"

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                "unflattened_size must be a tuple of ints, but found type "
                f"{type(unflattened_size).__name__}"
            )
        for place, size in enumerate(unflattened_size):
            if not isinstance(size, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(size).__name__} at pos {place}"
                )
        super().__init__(dim=dim, unflattened_size=unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        """The input with the dimension split."""
        return input.unflatten(self.dim, self.unflattened_size)
