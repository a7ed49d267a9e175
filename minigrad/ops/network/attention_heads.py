"""Attention of several heads, with the projections before and after it."""

from __future__ import annotations

import math
from typing import Any

from minigrad.autograd.op import tensors
from minigrad.autograd.registry import T, call, function, reals
from minigrad.errors import ShapeError, warn_user
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
        warn_user(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for "
            "both instead."
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
    for name, weight, x in zip(("key", "value"), weights[1:], (key, value), strict=True):
        shape = (query._array.shape[-1], x._array.shape[-1])
        fits = weight._array.shape == shape
        _need(fits, f"expecting {name} weights shape of {shape}, but got {weight.shape}")
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    inputs = (query, key, value)
    return tuple(linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True))


def _heads(x: Any, batch: int, num_heads: int) -> Any:
    """(S, N, E) as (N * heads, S, E / heads)."""
    length, _, embed = x._array.shape
    return x.reshape((length, batch * num_heads, embed // num_heads)).transpose(0, 1)


def _check_sizes(
    query: Any, key: Any, value: Any, embed_dim: int, num_heads: int, separate: bool
) -> None:
    """torch's errors for sizes that do not fit each other."""
    embed = query._array.shape[-1]
    _need(embed == embed_dim, f"was expecting embedding dimension of {embed_dim}, but got {embed}")
    _need(embed % num_heads == 0, f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if separate:
        sides = key.shape[:2], value.shape[:2]
        text = f"key's sequence and batch dims {sides[0]} do not match value's {sides[1]}"
        _need(sides[0] == sides[1], text)
    else:
        text = f"key shape {key.shape} does not match value shape {value.shape}"
        _need(key._array.shape == value._array.shape, text)


def _with_heads(mask: Any, correct: tuple[int, int, int]) -> Any:
    """A mask with an axis for samples and heads; torch's errors for another shape."""
    if mask is None:
        return None
    axes = mask._array.ndim
    if mask._array.shape != correct[-axes:]:
        raise ShapeError(
            f"The shape of the {axes}D attn_mask is {mask.shape}, but should be {correct[-axes:]}."
        )
    return mask.unsqueeze(0) if axes == 2 else mask


def _one_more(mask: Any) -> Any:
    """A mask with a place more, which is open."""
    if mask is None:
        return None
    open_ = mask.new_zeros((*mask._array.shape[:-1], 1))
    return tensors.cat(mask, open_, dim=mask._array.ndim - 1)


def _learned(
    k: Any, v: Any, bias_k: Any, bias_v: Any, static_k: Any, static_v: Any
) -> tuple[Any, Any]:
    """Keys and values with the learned ones behind them."""
    _need(bias_v is not None, "bias_k is set but bias_v is None")
    _need(bias_k is not None, "bias_v is set but bias_k is None")
    _need(static_k is None, "bias cannot be added to static key.")
    _need(static_v is None, "bias cannot be added to static value.")
    batch, embed = k._array.shape[1:]
    k = tensors.cat(k, bias_k.expand((1, batch, embed)), dim=0)
    return k, tensors.cat(v, bias_v.expand((1, batch, embed)), dim=0)


def _of_heads(x: Any, static: Any, name: str, batch: int, num_heads: int, size: int) -> Any:
    """Keys or values by heads; static ones are so already, and checked."""
    if static is None:
        return _heads(x, batch, num_heads)
    for axis, expected in ((0, batch * num_heads), (2, size)):
        got = static._array.shape[axis]
        _need(got == expected, f"expecting {name}.size({axis}) of {expected}, but got {got}")
    return static


def _with_padding(attn_mask: Any, padding: Any, batch: int, num_heads: int, source: int) -> Any:
    """The mask of all heads: what is asked for, and no padding."""
    if padding is None:
        return attn_mask
    for axis, expected in enumerate((batch, source)):
        got = padding._array.shape[axis]
        _need(
            got == expected,
            f"Expected key_padded_mask.shape[{axis}] to be {expected}, but got {got}",
        )
    padding = padding.reshape((batch, 1, 1, source)).expand((-1, num_heads, -1, -1))
    padding = padding.reshape((batch * num_heads, 1, source))
    return padding if attn_mask is None else attn_mask + padding


def _weighed(q: Any, k: Any, v: Any, attn_mask: Any, rate: float) -> tuple[Any, Any]:
    """The heads, and the weights with which they mixed the values."""
    scores = (q * math.sqrt(1.0 / q._array.shape[-1])) @ k.transpose(-2, -1)
    scores = scores if attn_mask is None else scores + attn_mask
    weights = tensors.softmax_along(scores, 2)
    weights = dropout(weights, rate) if rate > 0 else weights
    return weights @ v, weights


def _mixed(q: Any, k: Any, v: Any, mask: Any, rate: float, is_causal: bool, batch: int) -> Any:
    """The heads without their weights."""
    (rows, length, size), source = q._array.shape, k._array.shape[1]
    heads = rows // max(batch, 1)
    q = q.reshape((batch, heads, length, size))
    k, v = (x.reshape((batch, heads, source, size)) for x in (k, v))
    if mask is not None and mask._array.shape[0] > 1:
        mask = mask.reshape((batch, heads, *mask._array.shape[1:]))
    found = scaled_dot_product_attention(q, k, v, mask, rate, is_causal)
    return found.reshape((rows, length, size))


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
    add_zero_attn: Any,  # only whether it is true counts, as in torch
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: Any = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: Any = True,
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
    kind, source = query.dtype, key._array.shape[0]
    key_padding_mask = as_float_mask(
        key_padding_mask, "key_padding_mask", kind, attn_mask, "attn_mask"
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the hint says all that is in it
    else:
        attn_mask, is_causal = as_float_mask(attn_mask, "attn_mask", kind), False
    separate = use_separate_proj_weight
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, separate)
    own = (q_proj_weight, k_proj_weight, v_proj_weight)
    packed = None if separate else in_proj_weight
    q, k, v = _projected(query, key, value, own, packed, in_proj_bias)
    attn_mask = _with_heads(attn_mask, (batch * num_heads, length, source))
    if bias_k is not None or bias_v is not None:
        k, v = _learned(k, v, bias_k, bias_v, static_k, static_v)
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)
    q = _heads(q, batch, num_heads)
    k = _of_heads(k, static_k, "static_k", batch, num_heads, size)
    v = _of_heads(v, static_v, "static_v", batch, num_heads, size)
    if add_zero_attn:
        k, v = (tensors.cat(x, x.new_zeros((len(x), 1, size)), dim=1) for x in (k, v))
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)
    source = k._array.shape[1]
    attn_mask = _with_padding(attn_mask, key_padding_mask, batch, num_heads, source)
    rate, weights = dropout_p if training else 0.0, None
    if need_weights:
        heads, weights = _weighed(q, k, v, attn_mask, rate)
        weights = weights.reshape((batch, num_heads, length, source))
        weights = weights.mean(1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    else:
        heads = _mixed(q, k, v, attn_mask, rate, is_causal, batch)
    joined = heads.transpose(0, 1).reshape((length * batch, embed))
    out = linear(joined, out_proj_weight, out_proj_bias)
    out = out.reshape((length, batch, out._array.shape[1]))
    return out if batched else out.squeeze(1), weights
