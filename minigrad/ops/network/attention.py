"""Attention: values mixed by how well keys answer a query."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.autograd.apply import make
from minigrad.autograd.registry import T, call, function, reals
from minigrad.backend import kept, xp_of
from minigrad.dtypes import of_numpy
from minigrad.errors import DtypeError, ShapeError
from minigrad.ops.elementwise.precision import is_half
from minigrad.ops.network.dropout import dropout
from minigrad.ops.network.softmax import SoftmaxAlong

_DOMAIN = (reals(-2, 2),)


def _check(query: Any, key: Any, value: Any, attn_mask: Any, is_causal: bool, both: bool) -> None:
    """Raise torch's errors for what cannot attend."""
    op = "scaled_dot_product_attention"
    kinds = [t._array.dtype for t in (query, key, value)]
    if len(set(kinds)) > 1:
        names = [repr(of_numpy(k)) for k in kinds]
        raise DtypeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{names[0]} key.dtype: {names[1]} and value.dtype: {names[2]} instead. ({op})"
        )
    if any(t._array.ndim < 2 for t in (query, key, value)):
        raise ShapeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query._array.ndim} key.dim: {key._array.ndim} and value.dim: {value._array.ndim} "
            f"instead. ({op})"
        )
    if kinds[0].kind not in "fV":
        raise NotImplementedError(f'"{op}" not implemented for {of_numpy(kinds[0])!r}')
    if attn_mask is not None:
        kind = attn_mask._array.dtype
        if kind.kind != "b" and kind not in (kinds[0], "float32"):
            raise DtypeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {of_numpy(kind)!r} ({op})"
            )
        if is_causal and not both:
            raise RuntimeError(f"_{op}: Explicit attn_mask should not be set when is_causal=True")


def _as_bias(attn_mask: Any, is_causal: bool, scores: Any) -> tuple[Any, Any]:
    """What is added to the scores, and the queries that may look at nothing (None if all may)."""
    xp = xp_of(scores._array)
    if is_causal:
        causal = _causal if xp is np else _causal.__wrapped__
        return make(causal(xp, scores._array.shape[-2:], scores._array.dtype)), None
    if attn_mask is None:
        return None, None
    mask = attn_mask._array
    closed = ~mask if mask.dtype.kind == "b" else mask == -math.inf
    blind = closed.all(axis=-1, keepdims=True)
    if mask.dtype.kind == "b":
        bias = xp.where(closed, -math.inf, 0.0).astype(scores._array.dtype)
        attn_mask = make(bias)
    return attn_mask.to(scores.dtype), make(blind) if xp is not np or blind.any() else None


def _joined(attn_mask: Any, queries: int, keys: int) -> Any:
    """A mask that closes what comes after a query as well."""
    xp = xp_of(attn_mask._array)
    before = make(xp.tri(queries, keys, dtype=bool))
    if attn_mask._array.dtype.kind == "b":
        return attn_mask & before
    return attn_mask.masked_fill(~before, -math.inf)


@kept(4)
def _causal(xp: Any, shape: tuple[int, int], dtype: Any) -> Any:
    """0 where a key does not come after the query, and -∞ elsewhere."""
    bias = xp.where(xp.tri(*shape, dtype=bool), 0.0, -math.inf).astype(dtype)
    if xp is np:
        bias.flags.writeable = False
    return bias


@function(
    where=("nn.functional",),
    torch="nn.functional.scaled_dot_product_attention",
    domain=_DOMAIN,
    samples=(
        call(T(2, 3, 4), T(2, 5, 4), T(2, 5, 4)),
        call(T(2, 2, 3, 4), T(2, 2, 3, 4), T(2, 2, 3, 4), is_causal=True),
        call(T(3, 4), T(5, 4), T(5, 2), attn_mask=T(3, 5), scale=0.3),
        call(T(1, 4, 3, 2), T(1, 2, 3, 2), T(1, 2, 3, 2), enable_gqa=True),
    ),
    errors=(
        call(T(3), T(3), T(3)),
        call(T(3, 4), T(3, 4), T(3, 4), attn_mask=T(3, 3), is_causal=True),
    ),
    orders=1,  # torch has no second derivative on some paths
)
def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """The values, weighted by the softmax of the products of queries and keys.

    Formula: y = softmax(s q kᵀ + b) v, s = 1 / sqrt(E) unless given. b is a float mask, or 0 where
    a boolean one is true (or, if causal, the key does not come after the query) and -∞ elsewhere;
    a query that may look at nothing gets 0. ``enable_gqa`` lets groups of queries' heads share a
    head of keys and values.
    Gradient: with a the softmax, gv = aᵀ g, and with h = a (g vᵀ - Σ a g vᵀ): gq = s h k,
    gk = s hᵀ q, gb = h.

    Shape: (*, L, E), (*, S, E), (*, S, V) -> (*, L, V); the mask broadcasts to (*, L, S).
    Raises: RuntimeError for shapes, dtypes, or a mask beside ``is_causal`` (but for four axes, no
    dropout and a constant mask, where both hold).
    Source: Vaswani and others, Attention is all you need, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html

    >>> import minigrad as torch
    >>> q, k, v = torch.zeros(1, 2), torch.zeros(2, 2), torch.tensor([[1., 2.], [3., 4.]])
    >>> torch.nn.functional.scaled_dot_product_attention(q, k, v)
    tensor([[2., 3.]])
    """
    # torch joins the two where its fused kernel runs, and refuses them elsewhere.
    both = (
        not dropout_p
        and getattr(query, "ndim", 0) == 4
        and not (attn_mask is not None and attn_mask.requires_grad)
    )
    _check(query, key, value, attn_mask, is_causal, both)
    if is_causal and attn_mask is not None:
        is_causal = False
        attn_mask = _joined(attn_mask, query._array.shape[-2], key._array.shape[-2])
    if enable_gqa:
        groups = query._array.shape[-3] // max(key._array.shape[-3], 1)
        key, value = (t.repeat_interleave(groups, -3) for t in (key, value))
    if not value._array.size:  # torch: as many zeros as there are queries, whatever broadcasts
        zeros = query.new_zeros((*query._array.shape[:-1], value._array.shape[-1]))
        return zeros + (query.sum() + key.sum() + value.sum()) * 0
    kind = query.dtype
    if is_half(query._array.dtype):
        query, key, value = query.float(), key.float(), value.float()
    if scale is None:
        scale = 1 / math.sqrt(query._array.shape[-1]) if query._array.shape[-1] else 1.0
    scores = (query * scale) @ key.transpose(-2, -1)
    bias, blind = _as_bias(attn_mask, is_causal, scores)
    if bias is not None:
        scores = scores + bias
    if blind is not None:
        scores = scores.masked_fill(blind, 0)
    weights = SoftmaxAlong.short(scores, scores._array.ndim - 1)
    if blind is not None:
        weights = weights.masked_fill(blind, 0)
    if dropout_p > 0:
        weights = dropout(weights, dropout_p)
    return (weights @ value).to(kind)
