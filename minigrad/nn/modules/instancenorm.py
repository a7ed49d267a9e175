"""Normalisation of each channel of each sample by itself."""

from __future__ import annotations

import warnings
from typing import Any

from minigrad.nn import functional as F
from minigrad.nn.modules.batchnorm import _NormBase
from minigrad.tensor import Tensor

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    """What the instance normalisations share; the first of ``ranks`` is the one without a batch."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised per sample and channel, scaled and shifted."""
        self._check_input_dim(input)
        unbatched = input.ndim == self.ranks[0]
        self._check_features(input, 0 if unbatched else 1)
        if unbatched:
            return self._apply_instance_norm(input.unsqueeze(0)).squeeze(0)
        return self._apply_instance_norm(input)

    def _check_features(self, input: Tensor, dim: int) -> None:
        if input.shape[dim] == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"expected input's size at dim={dim} to match num_features ({self.num_features}), "
                f"but got: {input.shape[dim]}."
            )
        warnings.warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning "
            "by not passing in num_features, which is not used because affine=False",
            stacklevel=3,
        )

    def _apply_instance_norm(self, input: Tensor) -> Tensor:
        return F.instance_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )

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
        if local_metadata.get("version") is None and not self.track_running_stats:
            names = [prefix + name for name in ("running_mean", "running_var")]
            found = [name for name in names if name in state_dict]
            if found:
                error_msgs.append(_old_statistics(type(self).__name__, found))
            for name in found:
                state_dict.pop(name)
        report = (missing_keys, unexpected_keys, error_msgs)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *report)


def _old_statistics(layer: str, keys: list[str]) -> str:
    """What is said of statistics in a file from before torch 0.4, which always kept them."""
    names = " and ".join(f'"{key}"' for key in keys)
    return (
        f"Unexpected running stats buffer(s) {names} for {layer} with track_running_stats=False. "
        "If state_dict is a checkpoint saved before 0.4.0, this may be expected because "
        f"{layer} does not track running stats by default since 0.4.0. Please remove these keys "
        "from state_dict. If the running stats are actually needed, instead set "
        f"track_running_stats=True in {layer} to enable them. See the documentation of {layer} "
        "for details."
    )


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each series over its length.

    y = (x - mean) / sqrt(var + eps) * weight + bias, with the biased variance. Weight and bias
    are there only with ``affine``; with ``track_running_stats`` evaluation uses running ones.

    Shape: (N, C, L) or (C, L), unchanged. Source: Ulyanov et al., Instance normalization, 2016.

    Raises: ValueError for another number of dimensions, or of channels if ``affine``.

    >>> import minigrad as torch
    >>> torch.nn.InstanceNorm1d(1)(torch.tensor([[[1.0, 3.0]]])).round()
    tensor([[[-1.,  1.]]])
    """

    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image; see ``InstanceNorm1d``.

    Shape: (N, C, H, W) or (C, H, W), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.InstanceNorm2d(1)(torch.tensor([[[[1.0, 3.0]]]])).round()
    tensor([[[[-1.,  1.]]]])
    """

    ranks = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume; see ``InstanceNorm1d``.

    Shape: (N, C, D, H, W) or (C, D, H, W), unchanged.

    >>> import minigrad as torch
    >>> torch.nn.InstanceNorm3d(1)(torch.tensor([[[[[1.0, 3.0]]]]])).round()
    tensor([[[[[-1.,  1.]]]]])
    """

    ranks = (4, 5)
