"""Attention of several heads, with the projections before and after it."""

from __future__ import annotations

import math
import warnings
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError
from minigrad.ops.matrix.linear import linear
from minigrad.ops.network.attention import scaled_dot_product_attention
from minigrad.ops.network.dropout import dropout


def _need(ok: bool, text: str) -> None:
    """torch's AssertionError unless something holds."""
    if not ok:
        raise AssertionError(text)


def _batched(
    query: Any, key: Any, value: Any, key_padding_mask: Any, attn_mask: Any, num_heads: int
) -> bool:
    """Whether there is an axis for a batch; torch's errors for other numbers of axes."""
    ndim = query._array.ndim
    _need(
        ndim in (2, 3),
        f"query should be unbatched 2D or batched 3D tensor but received {ndim}-D query tensor",
    )
    sort = f"For {'batched (3-D)' if ndim == 3 else 'unbatched (2-D)'} `query`, expected"
    sides = key._array.ndim, value._array.ndim
    _need(
        sides == (ndim, ndim),
        f"{sort} `key` and `value` to be {ndim}-D but found {sides[0]}-D and {sides[1]}-D tensors "
        "respectively",
    )
    axes = ndim - 1 if key_padding_mask is None else key_padding_mask._array.ndim
    _need(
        axes == ndim - 1,
        f"{sort} `key_padding_mask` to be `None` or {ndim - 1}-D but found {axes}-D tensor instead",
    )
    axes = 2 if attn_mask is None else attn_mask._array.ndim
    _need(
        axes in (2, 3),
        f"{sort} `attn_mask` to be `None`, 2-D or 3-D but found {axes}-D tensor instead",
    )
    if ndim == 2 and axes == 3:
        expected = (num_heads, query._array.shape[0], key._array.shape[0])
        _need(
            attn_mask._array.shape == expected,
            f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}",
        )
    return bool(ndim == 3)


def as_float_mask(mask: Any, name: str, dtype: Any, other: Any = None, other_name: str = "") -> Any:
    """A mask that is added to the scores: minus infinity where a boolean one is true.

    Warns if the other mask of a call is of another type.
    """
    if mask is None:
        return None
    boolean = mask._array.dtype.kind == "b"
    _need(
        boolean or mask.is_floating_point(), f"only bool and floating types of {name} are supported"
    )
    if other is not None and other.dtype != mask.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for "
            "both instead.",
            stacklevel=3,
        )
    if not boolean:
        return mask
    return mask.new_zeros(mask._array.shape, dtype=dtype).masked_fill_(mask, -math.inf)


def _projected(
    query: Any, key: Any, value: Any, weights: Any, packed: Any, bias: Any
) -> tuple[Any, ...]:
    """Queries, keys and values by one packed weight, or by three."""
    if packed is not None:
        embed = query._array.shape[-1]
        if query is key and key is value:  # one product in place of three
            return tuple(linear(query, packed, bias).split(embed, -1))
        if key is value:  # of two
            sizes = (embed, 2 * embed)
            parts = (None, None) if bias is None else bias.split(sizes)
            to_q, to_both = packed.split(sizes)
            both = linear(key, to_both, parts[1]).split(embed, -1)
            return (linear(query, to_q, parts[0]), *both)
        weights = packed.split(embed)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    inputs = (query, key, value)
    return tuple(linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True))


def _heads(x: Any, batch: int, num_heads: int) -> Any:
    """(S, N, E) as (N * heads, S, E / heads)."""
    length, _, embed = x._array.shape
    return x.reshape((length, batch * num_heads, embed // num_heads)).transpose(0, 1)


def _one_more(mask: Any) -> Any:
    """A mask with a place more, which is open."""
    if mask is None:
        return None
    return tensors.cat(mask, mask[..., :1] * 0, dim=mask._array.ndim - 1)


@function(
    where=("nn.functional",),
    torch="nn.functional.multi_head_attention_forward",
    domain=(reals(-1, 1),),  # larger scores saturate the softmax, and float32 shows it
    samples=(
        call(
            *(T(3, 1, 4), T(2, 1, 4), T(2, 1, 4), 4, 2, T(12, 4), T(12)),
            *(None, None, False, 0.0, T(4, 4), T(4)),
        ),
        call(
            *(T(2, 4), T(3, 4), T(3, 4), 4, 1, T(12, 4), T(12)),
            *(T(1, 1, 4), T(1, 1, 4), True, 0.0, T(4, 4), T(4)),
            need_weights=False,
        ),
    ),
    orders=1,  # as scaled_dot_product_attention
)
def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:
    """Project, attend with each head by itself, join the heads, project once more.

    Formula: y = W (head_1 .. head_h) + b, head_i = attention of the i-th part of the projected
    query, key and value; true elements of boolean masks, and the -∞ of float ones, are not looked
    at. Gradient: as of its parts.

    Shape: (L, N, E), (S, N, E), (S, N, E) -> (L, N, E) and weights (N, L, S), or (N, heads, L, S)
    unless they are averaged; without N for one sample. None in place of weights not needed.
    Raises: AssertionError for sizes that do not fit, RuntimeError for masks.
    Source: Vaswani and others, Attention is all you need, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import minigrad as torch
    >>> x, w = torch.ones(3, 1, 2), torch.eye(2)
    >>> y, weights = torch.nn.functional.multi_head_attention_forward(
    ...     x, x, x, 2, 1, torch.cat([w, w, w]), None, None, None, False, 0.0, w, None)
    >>> y.shape, weights[0, 0]
    (torch.Size([3, 1, 2]), tensor([0.3333, 0.3333, 0.3333]))
    """
    batched = _batched(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same = query is key, key is value
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, embed = query._array.shape
    size = embed // num_heads
    _need(
        embed == embed_dim_to_check,
        f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}",
    )
    _need(size * num_heads == embed, f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        sides = key.shape[:2], value.shape[:2]
        _need(
            sides[0] == sides[1],
            f"key's sequence and batch dims {sides[0]} do not match value's {sides[1]}",
        )
    else:
        _need(
            key._array.shape == value._array.shape,
            f"key shape {key.shape} does not match value shape {value.shape}",
        )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    kind = query.dtype
    key_padding_mask = as_float_mask(
        key_padding_mask, "key_padding_mask", kind, attn_mask, "attn_mask"
    )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask, is_causal = as_float_mask(attn_mask, "attn_mask", kind), False

    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    packed = None if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, separate, packed, in_proj_bias)

    if attn_mask is not None:
        axes, correct = attn_mask._array.ndim, (batch * num_heads, length, key._array.shape[0])
        correct = correct[-axes:]
        if attn_mask._array.shape != correct:
            raise ShapeError(
                f"The shape of the {axes}D attn_mask is {attn_mask.shape}, but should be {correct}."
            )
        attn_mask = attn_mask.unsqueeze(0) if axes == 2 else attn_mask
    if bias_k is not None and bias_v is not None:
        _need(static_k is None and static_v is None, "bias cannot be added to static key or value")
        k = tensors.cat(k, bias_k.expand((1, batch, embed)), dim=0)
        v = tensors.cat(v, bias_v.expand((1, batch, embed)), dim=0)
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)
    q = _heads(q, batch, num_heads)
    k = _heads(k, batch, num_heads) if static_k is None else static_k
    v = _heads(v, batch, num_heads) if static_v is None else static_v
    if add_zero_attn:
        k, v = (tensors.cat(x, x.new_zeros((len(x), 1, size)), dim=1) for x in (k, v))
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)

    source = k._array.shape[1]
    if key_padding_mask is not None:
        _need(
            key_padding_mask._array.shape[0] == batch,
            f"Expected key_padded_mask.shape[0] to be {batch}, but got "
            f"{key_padding_mask._array.shape[0]}",
        )
        _need(
            key_padding_mask._array.shape[1] == source,
            f"Expected key_padded_mask.shape[1] to be {source}, but got "
            f"{key_padding_mask._array.shape[1]}",
        )
        padding = key_padding_mask.reshape((batch, 1, 1, source))
        padding = padding.expand((-1, num_heads, -1, -1)).reshape((batch * num_heads, 1, source))
        attn_mask = padding if attn_mask is None else attn_mask + padding
    rate = dropout_p if training else 0.0

    if need_weights:
        scores = (q * math.sqrt(1.0 / size)) @ k.transpose(-2, -1)
        scores = scores if attn_mask is None else scores + attn_mask
        weights = tensors.softmax_along(scores, 2)
        weights = dropout(weights, rate) if rate > 0 else weights
        heads = weights @ v
        weights = weights.reshape((batch, num_heads, length, source))
        weights = weights.mean(1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    else:
        weights = None
        q = q.reshape((batch, num_heads, length, size))
        k, v = (x.reshape((batch, num_heads, source, size)) for x in (k, v))
        if attn_mask is not None and attn_mask._array.shape[0] > 1:
            attn_mask = attn_mask.reshape((batch, num_heads, *attn_mask._array.shape[1:]))
        heads = scaled_dot_product_attention(q, k, v, attn_mask, rate, is_causal)
        heads = heads.reshape((batch * num_heads, length, size))
    joined = heads.transpose(0, 1).reshape((length * batch, embed))
    out = linear(joined, out_proj_weight, out_proj_bias)
    out = out.reshape((length, batch, out._array.shape[1]))
    return out if batched else out.squeeze(1), weights
