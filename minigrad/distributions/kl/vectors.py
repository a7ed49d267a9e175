"""Divergences of multivariate normal distributions.

Source: https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

from typing import Any

import minigrad as torch
from minigrad.distributions.covariances import mahalanobis
from minigrad.distributions.kl.registry import register_kl
from minigrad.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from minigrad.distributions.multivariate_normal import MultivariateNormal

__all__: list[str] = []

_SPACES = " " * 12


def _check_events(p: Any, q: Any, what: str) -> None:
    """Raise ValueError for vectors of different lengths."""
    if p.event_shape != q.event_shape:
        raise ValueError(
            f"KL-divergence between two {what} with{_SPACES}different event shapes "
            "cannot be computed"
        )


def _squares(matrix: Any) -> Any:
    """The trace of M M^T."""
    return matrix.pow(2).sum((-2, -1))


def _kl(p: Any, log_dets: Any, trace: Any, apart: Any) -> Any:
    """(log det C_q - log det C_p + tr(C_q^-1 C_p) + |loc_q - loc_p|^2 by C_q - n) / 2."""
    return 0.5 * (log_dets + trace + apart - p.event_shape[0])


def _under_low_rank(q: Any, factor: Any) -> Any:
    """tr(C_q^-1 F F^T) by q's few factors."""
    scaled = factor * q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1)
    return _squares(scaled) - _squares(torch.matmul(q._solved_factor(), factor))


def _under_full(q: Any, factor: Any) -> Any:
    """tr(C_q^-1 F F^T) by q's triangular factor."""
    tril = q._unbroadcasted_scale_tril
    return _squares(torch.linalg.solve_triangular(tril, factor, upper=False))


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: Any, q: Any) -> Any:
    _check_events(p, q, "Low Rank Multivariate Normals")
    diagonal = torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    trace = _under_low_rank(q, p._unbroadcasted_cov_factor) + _under_low_rank(q, diagonal)
    return _kl(p, q._log_det() - p._log_det(), trace, q._mahalanobis(q.loc - p.loc))


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _full_low_rank(p: Any, q: Any) -> Any:
    _check_events(p, q, "(Low Rank) Multivariate Normals")
    trace = _under_low_rank(q, p._unbroadcasted_scale_tril)
    log_dets = q._log_det() - 2 * p._half_log_det()
    return _kl(p, log_dets, trace, q._mahalanobis(q.loc - p.loc))


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _low_rank_full(p: Any, q: Any) -> Any:
    _check_events(p, q, "(Low Rank) Multivariate Normals")
    diagonal = torch.diag_embed(p._unbroadcasted_cov_diag.sqrt())
    trace = _under_full(q, p._unbroadcasted_cov_factor) + _under_full(q, diagonal)
    apart = mahalanobis(q._unbroadcasted_scale_tril, q.loc - p.loc)
    return _kl(p, 2 * q._half_log_det() - p._log_det(), trace, apart)


@register_kl(MultivariateNormal, MultivariateNormal)
def _full(p: Any, q: Any) -> Any:
    _check_events(p, q, "Multivariate Normals")
    trace = _under_full(q, p._unbroadcasted_scale_tril)
    apart = mahalanobis(q._unbroadcasted_scale_tril, q.loc - p.loc)
    return _kl(p, 2 * (q._half_log_det() - p._half_log_det()), trace, apart)
