"""Where minigrad differs from torch, and why: the one table that tests and ``docs/parity.md`` read.

A failure of torch's samples or examples that no row here expects fails the tests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """One difference: which names, which of their failures (as printed), and the reason."""

    names: str  # a pattern for the whole dotted name
    failure: str  # a pattern somewhere in the line
    why: str


ROUNDED = "torch rounds to half precision on the way; minigrad rounds its float32 result once"
UNSTABLE = (
    "which of equal elements comes first: torch's order follows C++ sorts that are not stable"
)
SIGNS = "signs of singular vectors and eigenvectors are free; the LAPACKs choose differently"
HALF = r"^\[b?float16"

KNOWN: tuple[Known, ...] = (
    Known(
        r"(new_)?empty(_like|_strided|_permuted)?|nn\.utils\.skip_init",
        "values",
        "uninitialised memory: torch shows whatever was there",
    ),
    Known(
        r"__r(add|and|mul|or|xor)__",
        "descriptor",
        "torch refuses a number as `self` of an unbound method; Python's operators never do that",
    ),
    Known(r"(arg)?sort", r"^\[(bool|uint8|b?float16)\].*\(8000,\)|x\.sort\(\)", UNSTABLE),
    Known("kthvalue", r"^\[(int|uint|bool|b?float16).*values", UNSTABLE),
    Known("mode", r"\((3000|8000),\).*values", UNSTABLE),
    Known(
        r"a(max|min|minmax)",
        r"number of dimensions? must be within \[0, 64\]|number of dimension",
        "arrays have at most 64 axes, and NumPy's error is a ValueError",
    ),
    Known("histogram", "weight=", "weights are added up in float64, in torch in float32"),
    Known("gradient", HALF, ROUNDED),
    Known("gradient", "meta device", "there is no meta device"),
    Known("cov", r"aweights=<[^>]*float32|^\[float32.*aweights", "float32 weights that cancel"),
    Known(r"log_softmax|nn\.functional\.(batch_norm|instance_norm|nll_loss)", HALF, ROUNDED),
    Known(
        r"nn\.functional\.(interpolate|adaptive_avg_pool3d|conv_transpose[23]d|grid_sample"
        r"|embedding_bag|linear_cross_entropy|scaled_dot_product_attention"
        r"|multi_head_attention_forward|upsample_bilinear)",
        HALF,
        ROUNDED,
    ),
    Known(
        r"nn\.functional\.(scaled_dot_product_attention|multi_head_attention_forward)",
        r"^\[float32\].*values",
        "a saturated softmax in float32: neither side is nearer to the float64 result",
    ),
    Known(
        r"nn\.functional\.linear_cross_entropy",
        r"\[gradient\].*options=.*gradient [2-5]: .* are not \[[-0. ]+\]",
        "with `options` torch's second derivative is zero",
    ),
    Known(r"(linalg\.)?svd|linalg\.eigh|(svd|pca)_lowrank", "values", SIGNS),
    Known("matrix_exp", r"b?float16.*nan", "torch overflows on the way where the result does not"),
    Known(
        r"linalg\.(norm|matrix_norm|vector_norm)",
        "gradient",
        "at a zero vector the second derivative is 0 here and NaN in torch",
    ),
    Known(
        r"linalg\.householder_product",
        "zip",
        "without reflections the result does not depend on them, and wants no gradient",
    ),
    Known("ormqr", "gradient 0 is not None", "the same, for empty input"),
    Known("addbmm", "addbmm_", "torch enlarges the tensor in place; no other in-place op does"),
    Known("as_strided", "storage_offset", "the samples look beyond the tensor that is handed over"),
    Known(
        "as_strided_scatter",
        "gradient",
        "torch passes the gradient on inside of the region, where it was overwritten",
    ),
    Known("narrow_copy", "Dimension out of range", "torch shows the check of an internal function"),
    Known(
        r"special\.bessel_[jy][01]",
        r"float64.*values",
        "SciPy's values, which are nearer to the exact ones",
    ),
    Known(r"special\.hermite_polynomial_he", r"^\[float32\]", "a recurrence whose terms cancel"),
    Known(
        r"cholesky_inverse|linalg\.(solve_triangular|inv|solve|pinv)",
        "torch.dist|torch.allclose",
        "how exact an inverse is: float32 numbers that differ in their last bits",
    ),
    Known(
        r"(nn\.functional\.)?conv(_transpose)?3d|nn\.functional\.poisson_nll_loss",
        r"F\.conv|uint8.*reduction='sum'",
        "the order of float32 sums",
    ),
    Known("from_dlpack", r"t3|^t2?\b", "what comes by a bare capsule is read-only in NumPy"),
    Known("set_flush_denormal", "set_flush", "NumPy has no switch for denormal numbers"),
    Known("is_storage", "typed_storage", "a storage is made by its tensor, never by itself"),
    Known(r"Tensor\.dim_order", "ambiguity_check", "whether other orders describe the same"),
    Known(
        r"autograd\.graph\.saved_tensors_hooks", "acking", "the order in which values are packed"
    ),
)


# Wrong calls of layers that are refused in another way, or for another reason. They make no
# layer "partial": what is right about it is compared without exception.
REFUSED: tuple[Known, ...] = (
    Known(
        r".*",
        "not implemented for '(Long|Bool)'",
        "integers and booleans where torch has kernels for floats only: it says so in other words, "
        "or computes",
    ),
    Known(
        r".*",
        r"must be (tuple of )?(ints?|float|Number|str)\b",
        "an option of a wrong Python type: functions look at what they need of it",
    ),
    Known(
        r"(AvgPool|LPPool|MaxUnpool|FractionalMaxPool)\dd|Unfold|RMSNorm|GaussianNLLLoss"
        r"|Embedding(Bag)?|LinearCrossEntropyLoss",
        r", not (IndexError|RuntimeError|ValueError|TypeError): |raises ShapeError",
        "which of several things that do not fit together is noticed first, and as what",
    ),
    Known("LinearCrossEntropyLoss", "_adjust", "options of another class are not looked at"),
    Known("EmbeddingBag", "step must be nonzero", "bags without elements are empty bags here"),
    Known(
        r"Lazy(Conv|InstanceNorm)\dd|Bilinear|LazyLinear",
        r"\b0\b.*(cannot reshape|has no channels|IndexError)|bias: values",
        "no channels, samples or features at all; torch's bias is uninitialised memory then",
    ),
    Known("Dropout3d", r"<\(4, 3, 4\)", "a number of dimensions that is deprecated there"),
)


def expected(name: str, failure: str) -> Known | None:
    """The row that expects a failure; None if it is a mistake."""
    return next(
        (k for k in KNOWN if re.fullmatch(k.names, name) and re.search(k.failure, failure)), None
    )


def refused_otherwise(layer: str, failure: str) -> bool:
    """Whether a line is about a wrong call, and some row expects it."""
    wrong_call = failure.startswith(("[spoilt", "[error"))
    return wrong_call and any(
        re.fullmatch(k.names, layer) and re.search(k.failure, failure) for k in REFUSED
    )
