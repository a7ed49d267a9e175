"""Ready-made parametrizations: orthogonal matrices, length and direction, spectral norm.

Source: https://docs.pytorch.org/docs/stable/nn.html#parametrizations
"""

from __future__ import annotations

from typing import Any

from minigrad import functions, linalg
from minigrad.autograd import no_grad
from minigrad.limits import finfo
from minigrad.nn.functional import normalize
from minigrad.nn.modules.module import Module
from minigrad.nn.utils.parametrize import register_parametrization
from minigrad.nn.utils.spectral_norm import as_matrix, need_positive, output_dim
from minigrad.nn.utils.weight_norm import norm_except_dim, scaled
from minigrad.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

ORTHOGONAL_MAPS = ("matrix_exp", "cayley", "householder")


def _need_tensor(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


def _is_orthogonal(matrix: Tensor) -> bool:
    rows, columns = matrix.shape[-2:]
    one = functions.eye(columns, dtype=matrix.dtype, device=matrix.device)
    slack = 10.0 * rows * finfo(matrix.dtype).eps
    return bool(functions.allclose(matrix.mT @ matrix, one, atol=slack))


def _make_orthogonal(matrix: Tensor) -> Tensor:
    """Q of the factorisation QR with a positive diagonal of R, which makes it unique."""
    reflections, tau = functions.geqrf(matrix)
    q = linalg.householder_product(reflections, tau)
    signs = reflections.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)
    unique: Tensor = q * signs
    return unique


class _Orthogonal(Module):
    """A map from all matrices onto those with orthonormal columns (or rows, if they are fewer)."""

    base: Tensor

    def __init__(
        self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True
    ) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The orthogonal matrix that belongs to a free one."""
        flip = X.shape[-2] < X.shape[-1]
        free = X.mT if flip else X
        q = self._householder(free) if self.orthogonal_map == "householder" else self._group(free)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if flip else q

    def _group(self, free: Tensor) -> Tensor:
        """exp(A), or Cayley's (1 - A/2)^-1 (1 + A/2), of the antisymmetric A of a triangle."""
        rows, columns = free.shape[-2:]
        free = free.tril()
        if rows != columns:
            fill = free.new_zeros(rows, rows - columns).expand(*free.shape[:-2], -1, -1)
            free = functions.cat([free, fill], dim=-1)
        skew = free - free.mT
        if self.orthogonal_map == "matrix_exp":
            q = functions.matrix_exp(skew)
        else:
            one = functions.eye(rows, dtype=skew.dtype, device=skew.device)
            q = linalg.solve(
                functions.add(one, skew, alpha=-0.5), functions.add(one, skew, alpha=0.5)
            )
        return q[..., :columns] if rows != columns else q

    @staticmethod
    def _householder(free: Tensor) -> Tensor:
        """The product of the reflections along the columns below the diagonal."""
        below = free.tril(diagonal=-1)
        tau = 2.0 / (1.0 + (below * below).sum(dim=-2))
        q = linalg.householder_product(below, tau)
        signed: Tensor = q * free.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        return signed

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        """A free matrix for a given orthogonal one; what is not orthogonal is made so."""
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. "
                f"Got a tensor of shape {Q.shape}."
            )
        flip = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if flip else Q
        if hasattr(self, "base"):
            self.base = self._completed(tall)
            # The base does it all; this goes through the map to the identity.
            trivial = functions.zeros_like(Q)
            trivial.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return trivial
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley "
                "parametrizations when use_trivialization=False."
            )
        reflections: Tensor
        reflections, tau = functions.geqrf(tall)
        diagonal = reflections.diagonal(dim1=-2, dim2=-1)
        diagonal.sign_()
        diagonal[tau == 0.0] *= -1
        return reflections.mT if flip else reflections

    @staticmethod
    def _completed(tall: Tensor) -> Tensor:
        """A square orthogonal matrix whose first columns are the given ones."""
        rows, columns = tall.shape[-2:]
        if rows == columns:
            return tall.clone() if _is_orthogonal(tall) else _make_orthogonal(tall)
        drawn = functions.randn(
            *tall.shape[:-2], rows, rows - columns, dtype=tall.dtype, device=tall.device
        )
        return _make_orthogonal(functions.cat([tall, drawn], dim=-1))


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a matrix orthogonal while it is trained: Q^T Q = 1, or Q Q^T = 1 if it is wide.

    ``orthogonal_map`` is "matrix_exp" (of square matrices the default), "cayley" or "householder".
    ``use_trivialization`` measures from the present matrix, which makes assignment work.
    Source: Lezcano-Casado, Trivializations for gradient-based optimization on manifolds, 2019.

    Raises: ValueError for a tensor of fewer than two dimensions or an unknown map.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3))
    >>> q = layer.weight
    >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-5)
    True
    """
    weight = _need_tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in ORTHOGONAL_MAPS:
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


class _WeightNorm(Module):
    """w = g v / |v|, computed from ``original0`` (g) and ``original1`` (v)."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The weight of a length and a direction."""
        return scaled(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Length and direction of a weight; its own length is no harm to the latter."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train the length and the direction of a weight instead of the weight.

    w = g v / |v| with the norm over all dimensions but ``dim`` (over all for None).
    Source: Salimans and Kingma, Weight normalization, 2016.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    >>> [(name, tuple(p.shape)) for name, p in layer.named_parameters()][1]
    ('parametrizations.weight.original0', (2, 1))
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def read_older(state_dict: Any, prefix: str, *report: Any) -> None:
        """Files of the hook of the same name call them g and v."""
        old = [f"{prefix}{name}_{part}" for part in "gv"]
        if all(key in state_dict for key in old):
            for place, key in enumerate(old):
                new = f"{prefix}parametrizations.{name}.original{place}"
                state_dict[new] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(read_older)
    return module


class _SpectralNorm(Module):
    """w / sigma(w), with the largest singular value sigma estimated by power iteration."""

    _u: Tensor
    _v: Tensor

    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{ndim}, {ndim - 1}] but got {dim})"
            )
        need_positive(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for vector, size in zip(("_u", "_v"), matrix.shape, strict=True):
                drawn = matrix.new_empty(size).normal_(0, 1)
                self.register_buffer(vector, normalize(drawn.detach(), dim=0, eps=eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            # Into the buffers' own memory, which the replicas of a model may share.
            u = normalize(functions.mv(matrix, self._v), dim=0, eps=self.eps)
            self._u.copy_(u)
            self._v.copy_(normalize(functions.mv(matrix.t(), u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its largest singular value; a vector over its length."""
        if weight.ndim == 1:
            unit: Tensor = normalize(weight, dim=0, eps=self.eps)
            return unit
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        # Backward needs the vectors of this call when the next has moved on.
        u, v = self._u.clone(), self._v.clone()
        divided: Tensor = weight / functions.dot(u, functions.mv(matrix, v))
        return divided

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself, which is right up to its largest singular value."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Keep a layer's weight at a largest singular value of one.

    ``dim`` counts the outputs: 1 for transposed convolutions, else 0.
    Source: Miyato et al., Spectral normalization for generative adversarial networks, 2018.

    >>> import minigrad as torch
    >>> layer = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2))
    >>> list(layer.state_dict())  # doctest: +NORMALIZE_WHITESPACE
    ['bias', 'parametrizations.weight.original', 'parametrizations.weight.0._u',
     'parametrizations.weight.0._v']
    """
    weight = _need_tensor(module, name)
    rows = output_dim(module) if dim is None else dim
    made = _SpectralNorm(weight, n_power_iterations, rows, eps)
    return register_parametrization(module, name, made)
