"""The Transformer: stacks of its layers, and both stacks together."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from minigrad import functions
from minigrad.autograd.modes import is_grad_enabled
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.modules.container import ModuleList
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.normalization import LayerNorm
from minigrad.nn.modules.transformer_layers import (
    Activation,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from minigrad.ops.network.attention_heads import as_float_mask
from minigrad.tensor import Tensor

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


def _clones(module: Module, count: int) -> ModuleList:
    """Copies that begin with the same weights."""
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


_get_clones = _clones  # torch's name, which programs import


def _causal_mask(size: int, device: Any = None, dtype: Any = None) -> Any:
    """Minus infinity above the diagonal, zeros elsewhere: no place may look at a later one."""
    full = functions.full((size, size), float("-inf"), dtype=dtype, device=device)
    return functions.triu(full, diagonal=1)


def _is_causal(mask: Any, is_causal: bool | None, like: Any, batch_first: bool) -> bool:
    """Whether a mask is the causal one; it is looked at only if the caller does not say."""
    length = like.shape[1 if batch_first and like.ndim != 2 else 0]
    if is_causal is not None or mask is None:
        return is_causal is True
    if tuple(mask.shape) != (length, length):
        return False
    return bool((mask == _causal_mask(length, mask.device, mask.dtype)).all())


def _no_nested(layer: Any) -> str:
    """Why torch would not leave out the padding of sequences in front of a layer; "": it would."""
    if not isinstance(layer, TransformerEncoderLayer):
        return "encoder_layer was not TransformerEncoderLayer"
    attention = layer.self_attn
    reasons = (
        (layer.norm_first, "norm_first was True"),
        (
            not attention.batch_first,
            "self_attn.batch_first was not True(use batch_first for better inference performance)",
        ),
        (not attention._qkv_same_embed_dim, "self_attn._qkv_same_embed_dim was not True"),
        (attention.in_proj_bias is None, "self_attn was passed bias=False"),
        (not layer.activation_relu_or_gelu, "activation_relu_or_gelu was not True"),
        (
            layer.norm1.eps != layer.norm2.eps,
            "norm1.eps was not equal to encoder_layer.norm2.eps",
        ),
        (attention.num_heads % 2 == 1, "self_attn.num_heads is odd"),
    )
    return next((f"encoder_layer.{why}" for so, why in reasons if so), "")


class TransformerEncoder(Module):
    """Copies of an encoder layer, one after the other, and a norm at the end.

    ``enable_nested_tensor`` is what torch calls its way of leaving out the padding in evaluation:
    there is no such way here, but as with it the padded places come out as zeros (before the norm).

    Shape: that of the layer.
    Raises: as the layer.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html

    >>> import minigrad as torch
    >>> layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> torch.nn.TransformerEncoder(layer, num_layers=2)(torch.ones(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check
        why = _no_nested(encoder_layer) if enable_nested_tensor else ""
        if why:
            warnings.warn(
                "enable_nested_tensor is True, but self.use_nested_tensor is False because " + why,
                stacklevel=2,
            )
            self.use_nested_tensor = False

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """The sequence after all layers."""
        kind = src.dtype
        padding = as_float_mask(src_key_padding_mask, "src_key_padding_mask", kind, mask, "mask")
        mask = as_float_mask(mask, "mask", kind)
        first: Any = self.layers[0]
        causal = _is_causal(mask, is_causal, src, first.self_attn.batch_first)
        output: Any = src
        for layer in self.layers:
            output = layer(output, src_mask=mask, is_causal=causal, src_key_padding_mask=padding)
        if mask is None and padding is not None and self._leaves_out(src, padding):
            output = output.masked_fill((padding != 0).unsqueeze(-1), 0.0)
        return output if self.norm is None else self.norm(output)  # type: ignore[no-any-return]

    def _leaves_out(self, src: Any, padding: Any) -> bool:
        """Whether torch computes without the padding here, which it fills with zeros then."""
        first: Any = self.layers[0]
        if not self.use_nested_tensor or first.training or src.ndim != 3:
            return False
        open_ = padding == 0
        if self.mask_check and bool((open_[:, 1:] & ~open_[:, :-1]).any()):
            return False  # some padding lies before what is no padding
        return not (
            is_grad_enabled()
            and (src.requires_grad or any(p.requires_grad for p in first.parameters()))
        )


class TransformerDecoder(Module):
    """Copies of a decoder layer, one after the other, and a norm at the end.

    (torch's copies of a layer whose activation is a module compute relu; here they keep it.)

    Shape: that of the layer.
    Raises: as the layer.
    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html

    >>> import minigrad as torch
    >>> layer = torch.nn.TransformerDecoderLayer(8, 2, 16)
    >>> torch.nn.TransformerDecoder(layer, 2)(torch.ones(4, 3, 8), torch.ones(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The sequence after all layers."""
        first: Any = self.layers[0]
        causal = _is_causal(tgt_mask, tgt_is_causal, tgt, first.self_attn.batch_first)
        output: Any = tgt
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)  # type: ignore[no-any-return]


class Transformer(Module):
    """An encoder of one sequence, and a decoder that makes another of it.

    All matrices start by Xavier's uniform rule.

    Shape: (S, N, d_model) and (T, N, d_model) -> (T, N, d_model); N comes first if ``batch_first``
    and may be missing.
    Raises: RuntimeError for other numbers of samples or features.
    Source: Vaswani and others, Attention is all you need, 2017;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Transformer.html

    >>> import minigrad as torch
    >>> net = torch.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    >>> net(torch.ones(3, 5, 8), torch.ones(3, 4, 8)).shape
    torch.Size([3, 4, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        made = {"device": device, "dtype": dtype}
        options = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps)
        flags = (batch_first, norm_first, bias)
        if custom_encoder is not None:
            self.encoder = custom_encoder
        else:
            layer: Module = TransformerEncoderLayer(*options, *flags, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
            self.encoder = TransformerEncoder(layer, num_encoder_layers, norm)
        if custom_decoder is not None:
            self.decoder = custom_decoder
        else:
            layer = TransformerDecoderLayer(*options, *flags, **made)
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **made)
            self.decoder = TransformerDecoder(layer, num_decoder_layers, norm)
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        """Draw all matrices anew."""
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """The second sequence, decoded with what the encoder makes of the first."""
        axis = 0 if self.batch_first else 1
        if src.size(axis) != tgt.size(axis) and src.ndim == 3:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(  # type: ignore[no-any-return]
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
        """The causal mask: minus infinity where a place would look at a later one, 0 elsewhere.

        >>> import minigrad as torch
        >>> torch.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        return _causal_mask(sz, device, dtype)
