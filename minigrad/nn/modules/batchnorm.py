"""Batch normalisation."""

from __future__ import annotations

from typing import Any, ClassVar

from minigrad import functions
from minigrad.autograd import no_grad
from minigrad.dtypes import int64
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.naming import init_per_class
from minigrad.nn.parameter import Parameter
from minigrad.tensor import Tensor

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


@init_per_class
class _NormBase(Module):
    """What normalisations of channels share: parameters, and statistics that are kept."""

    # Version 2 counts the batches: files of version 1 have no such entry.
    _version = 2
    ranks: ClassVar[tuple[int, ...]]

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        made = {"device": device, "dtype": dtype}
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            empty = Parameter(functions.empty(num_features, **made)) if wanted else None
            self.register_parameter(name, empty)
        if track_running_stats:
            self.register_buffer("running_mean", functions.zeros(num_features, **made))
            self.register_buffer("running_var", functions.ones(num_features, **made))
            count = functions.zeros((), dtype=int64, device=device)
            self.register_buffer("num_batches_tracked", count)
        else:
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                self.register_buffer(name, None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget the batches seen: mean 0, variance 1, count 0.

        >>> import minigrad as torch
        >>> torch.nn.BatchNorm1d(3).reset_running_stats()
        """
        if self.track_running_stats:
            for tensor, value in (
                (self.running_mean, 0),
                (self.running_var, 1),
                (self.num_batches_tracked, 0),
            ):
                if tensor is not None:
                    tensor.fill_(value)

    def reset_parameters(self) -> None:
        """Set weight 1, bias 0 and forget the batches seen.

        >>> import minigrad as torch
        >>> torch.nn.BatchNorm1d(3).reset_parameters()
        """
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim not in self.ranks:
            wanted = " or ".join(f"{rank}D" for rank in self.ranks)
            raise ValueError(f"expected {wanted} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        """All options."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        key = prefix + "num_batches_tracked"
        version = local_metadata.get("version")
        old = version is None or version < 2
        if old and self.track_running_stats and key not in state_dict:
            count = self.num_batches_tracked
            state_dict[key] = functions.tensor(0) if count is None else count
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class _BatchNorm(_NormBase):
    """What the batch normalisations share; they differ in the inputs they accept."""

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised per channel, scaled and shifted."""
        self._check_input_dim(input)
        factor = 0.0 if self.momentum is None else self.momentum
        count = self.num_batches_tracked
        if self.training and self.track_running_stats and count is not None:
            count.add_(1)
            if self.momentum is None:
                factor = 1.0 / float(count)
        mean, var = self.running_mean, self.running_var
        use_batch = self.training or (mean is None and var is None)
        keep = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            mean if keep else None,
            var if keep else None,
            self.weight,
            self.bias,
            use_batch,
            factor,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Normalise each feature over the batch (and the length, if there is one).

    y = (x - mean) / sqrt(var + eps) * weight + bias. Training uses the batch's mean and biased
    variance, and moves the running ones by ``momentum`` towards the mean and the unbiased
    variance; evaluation uses the running ones. ``momentum=None`` averages all batches equally.

    Shape: (N, C) or (N, C, L), unchanged. Source: Ioffe and Szegedy, Batch normalization, 2015.

    Raises: ValueError for another number of dimensions, or one value per channel in training.

    >>> import minigrad as torch
    >>> torch.nn.BatchNorm1d(1)(torch.tensor([[1.0], [3.0]])).detach().round()
    tensor([[-1.],
            [ 1.]])
    """

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalise each channel of images over the batch and both axes; see ``BatchNorm1d``.

    Shape: (N, C, H, W), unchanged.

    >>> import minigrad as torch
    >>> layer = torch.nn.BatchNorm2d(3).eval()
    >>> layer(torch.ones(2, 3, 4, 4)).shape
    torch.Size([2, 3, 4, 4])
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Normalise each channel of volumes over the batch and all axes; see ``BatchNorm1d``.

    Shape: (N, C, D, H, W), unchanged.

    >>> import minigrad as torch
    >>> layer = torch.nn.BatchNorm3d(3).eval()
    >>> layer(torch.ones(2, 3, 4, 4, 4)).shape
    torch.Size([2, 3, 4, 4, 4])
    """

    ranks = (5,)


class SyncBatchNorm(_BatchNorm):
    """Batch normalisation over the batches of all processes; in one process, ``BatchNorm`` itself.

    Shape: (N, C, *), unchanged. Raises: ValueError for fewer than two dimensions, or no channels.

    >>> import minigrad as torch
    >>> torch.nn.SyncBatchNorm(2)(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias
        )
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Any:
        """The module with every ``BatchNorm`` of its tree replaced, parameters and buffers shared.

        >>> import minigrad as torch
        >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
        >>> type(torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]).__name__
        'SyncBatchNorm'
        """
        converted: Any = module
        if isinstance(module, _BatchNorm):
            converted = SyncBatchNorm(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
                bias=module.bias is not None,
            )
            with no_grad():
                for name in ("weight", "bias") if module.affine else ():
                    setattr(converted, name, getattr(module, name))
                for name in ("running_mean", "running_var", "num_batches_tracked", "training"):
                    setattr(converted, name, getattr(module, name))
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted
