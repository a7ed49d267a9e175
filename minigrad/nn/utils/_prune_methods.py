"""The ways of pruning: by chance, by size, by channel, by a given mask."""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.nn.utils._prune_amounts import (
    check_amount,
    check_dim,
    check_structured,
    count_of,
    need_count,
    norm_along,
)
from minigrad.nn.utils._prune_base import BasePruningMethod
from minigrad.tensor import Tensor

__all__ = [
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "RandomStructured",
    "RandomUnstructured",
]


class Identity(BasePruningMethod):
    """Prunes nothing, but makes ``name_orig`` and ``name_mask``.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> method = torch.nn.utils.prune.Identity.apply(layer, "weight")
    >>> layer.weight_mask
    tensor([[1., 1.]])
    """

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask as it is."""
        return default_mask

    @classmethod
    def apply(cls, module: Any, name: str) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name)


class _ByAmount(BasePruningMethod):
    """A method that prunes a number or a share of what there is."""

    def __init__(self, amount: Any) -> None:
        check_amount(amount)
        self.amount = amount

    def _count(self, size: int) -> int:
        count = count_of(self.amount, size)
        need_count(count, size)
        return count


class _Unstructured(_ByAmount):
    """Prunes the single numbers with the least score."""

    PRUNING_TYPE = "unstructured"

    def _places(self, t: Tensor, count: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the numbers that are chosen."""
        count = self._count(t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[self._places(t, count)] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prunes numbers drawn by chance.

    >>> import minigrad as torch
    >>> layer = torch.nn.Linear(4, 1)
    >>> method = torch.nn.utils.prune.RandomUnstructured.apply(layer, "weight", amount=3)
    >>> layer.weight_mask.sum()
    tensor(1.)
    """

    def _places(self, t: Tensor, count: int) -> Tensor:
        places: Tensor = functions.topk(functions.rand_like(t).view(-1), k=count).indices
        return places

    @classmethod
    def apply(cls, module: Any, name: str, amount: Any) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(_Unstructured):
    """Prunes the numbers nearest to zero.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.L1Unstructured(amount=0.5)
    >>> method.prune(torch.tensor([1.0, -3.0, 2.0, 0.5]))
    tensor([ 0., -3.,  2.,  0.])
    """

    def _places(self, t: Tensor, count: int) -> Tensor:
        places: Tensor = functions.topk(t.abs().view(-1), k=count, largest=False).indices
        return places

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, importance_scores: Any = None
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class _Structured(_ByAmount):
    """Prunes whole channels along a dimension."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask without the channels that are chosen."""
        check_structured(t)
        check_dim(t, self.dim)
        size = t.shape[self.dim]
        count = self._count(size)
        kept = self._kept(t, count, size)
        if count == 0:
            return default_mask
        mask = functions.zeros_like(t)
        index: list[Any] = [slice(None)] * t.ndim
        index[self.dim] = kept
        mask[tuple(index)] = 1
        return mask * default_mask.to(dtype=mask.dtype)


class RandomStructured(_Structured):
    """Prunes channels drawn by chance.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.RandomStructured(amount=1, dim=0)
    >>> method.prune(torch.ones(3, 2)).sum()
    tensor(4.)
    """

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        if count == 0:
            return functions.empty(0)  # nothing is drawn for nothing
        drawn = functions.rand(size)
        kept: Tensor = drawn > functions.kthvalue(drawn, k=count).values
        return kept

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, dim: int = -1
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(_Structured):
    """Prunes the channels with the least norm.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.LnStructured(amount=1, n=2, dim=0)
    >>> method.prune(torch.tensor([[3.0, 4.0], [1.0, 1.0]]))
    tensor([[3., 4.],
            [0., 0.]])
    """

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Tensor, count: int, size: int) -> Tensor:
        scores = norm_along(t, self.n, self.dim)
        places: Tensor = functions.topk(scores, k=size - count, largest=True).indices
        return places

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Any, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
    ) -> Any:
        """Prune a parameter; returns the method used."""
        return super().apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prunes what a given mask leaves out.

    >>> import minigrad as torch
    >>> method = torch.nn.utils.prune.CustomFromMask(torch.tensor([1, 0]))
    >>> method.prune(torch.tensor([3.0, 4.0]))
    tensor([3., 0.])
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The product of both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match "
                f"self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Any, name: str, mask: Tensor) -> Any:  # type: ignore[override]
        """Prune a parameter; returns the method used."""
        return super().apply(module, name, mask=mask)
