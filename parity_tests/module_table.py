"""Layers that torch's database of modules lacks, and more ways to call some that it has.

For each layer, rows of two texts: the arguments of the constructor, and of the call. ``T(2, 3)`` is
a tensor of that shape, drawn in the dtype of the run, which ``dtype`` names.
"""

from __future__ import annotations

_SERIES, _IMAGE, _VOLUME = "T(2, 4, 6)", "T(2, 4, 6, 5)", "T(2, 4, 4, 3, 4)"
_NORM = [("", _SERIES), ("eps=1e-3, momentum=0.5, affine=False", _SERIES)]
_CLASSES = "torch.tensor([0, 2, 9, 4, 7])"


def _like(rows: list[tuple[str, str]], old: str, new: str) -> list[tuple[str, str]]:
    """The same rows for inputs of another shape."""
    return [(made, call.replace(old, new)) for made, call in rows]


def _unpool(dims: int) -> list[tuple[str, str]]:
    shape = (2, 3, *(6,) * dims)
    places = f"F.max_pool{dims}d(T{shape}.detach(), 2, return_indices=True)"
    return [
        ("2", f"*{places}"),
        ("2, stride=2, padding=0", f"*{places}, output_size={shape[2:]}"),
        ("(2,)" if dims == 1 else f"{(2,) * dims}", f"*{places}, output_size={(7,) * dims}"),
        ("3", f"*{places}, output_size={(9,) * (dims + 1)}"),
    ]


_TRIPLET = "T(4, 5), T(4, 5), T(4, 5)"
_LAZY_CONV = "3, 2, padding=1, groups=2"

TABLE: dict[str, list[tuple[str, str]]] = {
    "AdaptiveLogSoftmaxWithLoss": [
        ("6, 10, [3, 7]", f"T(5, 6), {_CLASSES}"),
        ("6, 10, [5], div_value=2.0, head_bias=True", f"T(5, 6), {_CLASSES}"),
        ("6, 10, [2, 4, 6]", "T(6), torch.tensor(5)"),
        ("6, 10, [5]", "T(2, 6), torch.tensor([0, 10])"),
    ],
    "AdaptiveAvgPool1d": [("3", _SERIES), ("(2,)", "T(4, 6)")],
    "AdaptiveAvgPool3d": [("(None, 2, 1)", _VOLUME)],
    "AdaptiveMaxPool1d": [("3, return_indices=True", _SERIES)],
    "AdaptiveMaxPool2d": [("(2, None), True", _IMAGE)],
    "AdaptiveMaxPool3d": [("2, return_indices=True", _VOLUME)],
    "AlphaDropout": [("", "T(30, 4)"), ("0.2", "T(30, 4)"), ("1.0, True", "T(4)")],
    "AvgPool2d": [("3, 2, 1, True, False, 5", _IMAGE)],
    "BatchNorm1d": [("4, bias=False", _SERIES), ("4, momentum=None", _SERIES)],
    "BatchNorm2d": [("4, 1e-3, 0.2, dtype=torch.float64", _IMAGE)],
    "ChannelShuffle": [("2", _IMAGE), ("4", _SERIES)],
    "Conv2d": [
        ("4, 6, 3, padding='same', padding_mode='circular'", _IMAGE),
        ("4, 4, (3, 2), (2, 1), (1, 0), 2, 4, False", _IMAGE),
    ],
    "ConvTranspose1d": [
        ("4, 6, 3, stride=2, padding=1", f"{_SERIES}, output_size=(12,)"),
        ("4, 6, 3, stride=2, padding=1", f"{_SERIES}, output_size=(1, 2, 14)"),
    ],
    "ConvTranspose2d": [
        ("4, 6, 3, 2, 1, 1, 2, False, 2", _IMAGE),
        ("4, 6, 3, stride=2, padding=1", f"{_IMAGE}, output_size=[12, 10]"),
        ("4, 6, 3, padding_mode='reflect'", _IMAGE),
    ],
    "ConvTranspose3d": [("4, 2, (2, 1, 3), stride=(1, 2, 1), output_padding=(0, 1, 0)", _VOLUME)],
    "CosineSimilarity": [("", "T(3, 4), T(3, 4)"), ("dim=0, eps=0.5", "T(3, 4), T(3, 4)")],
    "CTCLoss": [
        (
            "zero_infinity=True",
            "T(6, 2, 5).log_softmax(2), torch.tensor([[1, 2], [3, 3]]), (6, 2), (2, 2)",
        )
    ],
    "Dropout": [("", "T(40)"), ("0.3, inplace=True", "T(40) * 2"), ("0", "T(3)"), ("2", "T(3)")],
    "Dropout1d": [("", _SERIES), ("0.3", "T(4, 6)")],
    "Dropout2d": [("", _IMAGE), ("0.3", "T(4, 6, 5)")],
    "Dropout3d": [("", _VOLUME), ("0.3", "T(4, 3, 3, 3)")],
    "Embedding": [
        ("9, 3, padding_idx=-2", "torch.tensor([[1, 7], [7, 0]])"),
        ("9, 3, max_norm=0.5, norm_type=1.0", "torch.tensor([1, 7, 7])"),
        ("9, 3, scale_grad_by_freq=True, _freeze=True", "torch.tensor([1, 7, 7])"),
        ("9, 3, padding_idx=9", "torch.tensor([1])"),
        ("2, 3, _weight=T(2, 3)", "torch.tensor([1])"),
        ("2, 3, _weight=T(3, 3)", "torch.tensor([1])"),
        ("2, 3", "torch.tensor([2])"),
    ],
    "EmbeddingBag": [
        ("9, 3", "torch.tensor([[1, 7], [7, 0]])"),
        ("9, 3, mode='sum', padding_idx=1", "torch.tensor([1, 7, 7]), torch.tensor([0, 2])"),
        ("9, 3, mode='sum'", "torch.tensor([[1, 7]]), per_sample_weights=T(1, 2)"),
        ("9, 3, 1.0, 2.5, False, 'max'", "torch.tensor([1, 7, 7]), torch.tensor([0, 2])"),
        (
            "9, 3, scale_grad_by_freq=True, include_last_offset=True",
            "torch.tensor([1, 7, 7]), torch.tensor([0, 2, 3])",
        ),
    ],
    "FeatureAlphaDropout": [("", _IMAGE), ("0.3, True", "T(8, 4, 3)")],
    "Flatten": [("", _IMAGE), ("0, 1", _IMAGE), ("2", _VOLUME)],
    "Fold": [
        ("(4, 5), 2", "T(2, 8, 12)"),
        ("(4, 5), (2, 2), dilation=1, padding=(1, 0), stride=(2, 1)", "T(2, 8, 12)"),
    ],
    "FractionalMaxPool2d": [("2, output_ratio=0.5, return_indices=True", "T(2, 3, 7, 6)")],
    "Hardsigmoid": [("", "T(3, 4)"), ("True", "T(3, 4) * 6")],
    "Identity": [("", "T(3, 4)"), ("54, unused=2", "T(3)")],
    "InstanceNorm1d": [
        ("4, affine=True, bias=False", _SERIES),
        ("4, track_running_stats=True, momentum=None", _SERIES),
        ("3", _SERIES),
        ("3, affine=True", _SERIES),
    ],
    "LayerNorm": [("[6]", _SERIES), ("6, bias=False", _SERIES)],
    "LazyBatchNorm1d": _NORM,
    "LazyBatchNorm2d": _like(_NORM, _SERIES, _IMAGE),
    "LazyBatchNorm3d": _like(_NORM, _SERIES, _VOLUME),
    "LazyConv1d": [(_LAZY_CONV.replace("3", "4", 1), _SERIES), ("3, 2", "T(2, 1, 1, 4)")],
    "LazyConvTranspose2d": [(_LAZY_CONV.replace("3", "4", 1), _IMAGE)],
    "LazyInstanceNorm1d": _NORM,
    "LazyInstanceNorm2d": _like(_NORM, _SERIES, _IMAGE),
    "LazyInstanceNorm3d": _like(_NORM, _SERIES, _VOLUME),
    "LazyLinear": [("3", "T(2, 5)"), ("3, bias=False", "T(5)"), ("3, dtype=dtype", "T(2, 5)")],
    "LocalResponseNorm": [("4, 0.5, 0.5, 2.0", _IMAGE)],
    "MaxPool1d": [("2, return_indices=True", _SERIES)],
    "MaxPool2d": [("(3, 2), (1, 2), (1, 0), (2, 1), True, True", _IMAGE)],
    "MaxUnpool1d": _unpool(1),
    "MaxUnpool2d": _unpool(2),
    "MaxUnpool3d": _unpool(3),
    "PairwiseDistance": [("", "T(3, 4), T(3, 4)"), ("1, 1e-3, True", "T(4), T(4)")],
    "PixelShuffle": [("2", "T(2, 8, 3, 2)"), ("3", "T(2, 8, 3, 2)")],
    "PixelUnshuffle": [("2", "T(2, 3, 4, 6)"), ("4", "T(2, 3, 4, 6)")],
    "PReLU": [("4, init=0.1", _IMAGE)],
    "RMSNorm": [("(6, 5), 0.1", _IMAGE), ("5, elementwise_affine=False", _IMAGE)],
    "RReLU": [("", "T(3, 4)"), ("0.2, 0.2", "T(3, 4)"), ("0.1, 0.5, True", "T(3, 4) * 2")],
    "SyncBatchNorm": [("4, process_group=None", _SERIES), ("4, affine=False", "T(3, 4)")],
    "TransformerDecoder": [
        ("torch.nn.TransformerDecoderLayer(8, 2, 16, 0.0), 2", "T(3, 2, 8), T(4, 2, 8)"),
        (
            "torch.nn.TransformerDecoderLayer(8, 2, 16, 0.0, batch_first=True), 1, "
            "norm=torch.nn.LayerNorm(8)",
            "T(2, 3, 8), T(2, 4, 8), tgt_is_causal=False",
        ),
    ],
    "TripletMarginLoss": [("", _TRIPLET), ("0.5, 1.0, 1e-3, True, reduction='none'", _TRIPLET)],
    "TripletMarginWithDistanceLoss": [
        ("", _TRIPLET),
        ("distance_function=F.cosine_similarity, margin=0.3, swap=True", _TRIPLET),
        ("margin=0", _TRIPLET),
    ],
    "Unflatten": [
        ("1, (2, 2)", _SERIES),
        ("-1, [3, -1]", _SERIES),
        ("1, torch.Size([4])", _SERIES),
    ],
    "Unfold": [("2", _IMAGE), ("(2, 3), 1, (0, 1), 2", _IMAGE)],
    "Upsample": [
        ("(7, 9)", _IMAGE),
        ("scale_factor=2", _IMAGE),
        ("scale_factor=(2, 1.5), mode='bilinear', align_corners=True", _IMAGE),
        ("scale_factor=1.7, mode='linear', recompute_scale_factor=True", _SERIES),
        ("mode='nearest-exact', size=9", _SERIES),
        ("5, mode='trilinear'", _VOLUME),
        ("", _SERIES),
    ],
    "UpsamplingBilinear2d": [("(3, 8)", _IMAGE), ("scale_factor=2", _IMAGE)],
    "UpsamplingNearest2d": [("(3, 8)", _IMAGE), ("scale_factor=(2, 3)", _IMAGE)],
}
