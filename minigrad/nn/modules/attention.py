"""Attention of several heads."""

from __future__ import annotations

from typing import Any

from minigrad import functions
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.linear import Linear
from minigrad.nn.modules.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.ops.network.attention_heads import as_float_mask
from minigrad.tensor import Tensor

__all__ = ["MultiheadAttention"]


class NonDynamicallyQuantizableLinear(Linear):
    """A linear layer under the name that torch prints for the output of attention.

    >>> import minigrad as torch
    >>> torch.nn.MultiheadAttention(4, 2).out_proj
    NonDynamicallyQuantizableLinear(in_features=4, out_features=4, bias=True)
    """


class MultiheadAttention(Module):
    """Attention of several heads, with projections before and after.

    y = w_out (head_1 .. head_h) + b_out, head_i = softmax(q_i k_iᵀ / sqrt(E / h) + mask) v_i of the
    i-th parts of w_q query + b_q, w_k key + b_k, w_v value + b_v. True elements of boolean masks
    are not looked at; float masks are added. ``add_bias_kv`` adds a learned key and value,
    ``add_zero_attn`` one of zeros. In training ``dropout`` drops attention weights.

    Shape: (L, N, E), (S, N, kdim), (S, N, vdim) -> (L, N, E) and weights (N, L, S); N comes first
    if ``batch_first`` and may be missing. Without ``need_weights`` (which saves work) None in place
    of weights; (N, heads, L, S) of them unless ``average_attn_weights``.
    Raises: ValueError or AssertionError for sizes that do not fit, RuntimeError for masks.
    Source: Vaswani and others, Attention is all you need, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import minigrad as torch
    >>> x = torch.ones(5, 3, 8)
    >>> y, weights = torch.nn.MultiheadAttention(8, 2)(x, x, x)
    >>> y.shape, weights.shape
    (torch.Size([5, 3, 8]), torch.Size([3, 5, 5]))
    """

    in_proj_weight: Any
    in_proj_bias: Any
    q_proj_weight: Any
    k_proj_weight: Any
    v_proj_weight: Any
    bias_k: Any
    bias_v: Any

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        made = {"device": device, "dtype": dtype}

        def add(name: str, *shape: int, wanted: bool = True) -> None:
            empty = Parameter(functions.empty(shape, **made)) if wanted else None
            self.register_parameter(name, empty)

        same = self._qkv_same_embed_dim
        sides = (("q", embed_dim), ("k", self.kdim), ("v", self.vdim))
        if same:
            add("in_proj_weight", 3 * embed_dim, embed_dim)
        for side, size in sides:
            add(f"{side}_proj_weight", embed_dim, size, wanted=not same)
        if not same:
            add("in_proj_weight", wanted=False)
        add("in_proj_bias", 3 * embed_dim, wanted=bias)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **made)
        for name in ("bias_k", "bias_v"):
            if add_bias_kv:
                add(name, 1, 1, embed_dim)
            else:
                setattr(self, name, None)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the weights before the attention anew; all biases are 0."""
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for extra in (self.bias_k, self.bias_v):
            if extra is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the weights (or None)."""
        kind = query.dtype
        key_padding_mask = as_float_mask(
            key_padding_mask, "key_padding_mask", kind, attn_mask, "attn_mask"
        )
        attn_mask = as_float_mask(attn_mask, "attn_mask", kind)
        turned = self.batch_first and query.ndim == 3
        if turned:  # what is the same stays the same: it is projected once
            before = (query, key, value)
            query = query.transpose(1, 0)
            key = query if key is before[0] else key.transpose(1, 0)
            value = key if value is before[1] else value.transpose(1, 0)
        out, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return out.transpose(1, 0) if turned else out, weights
