"""Which ops autocast runs in which type, by their names.

A name is that of a public function, as torch documents it, or of an op behind one.
Source: https://docs.pytorch.org/docs/stable/amp.html#autocast-op-reference
"""

from __future__ import annotations

__all__ = ["BANNED", "RULES"]

LOWER, FULL, WIDEST = "lower", "full", "widest"

_PRODUCTS = """linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d bmm mm
    matmul baddbmm addmm addbmm prelu scaled_dot_product_attention
    affine affine_nd linear_2d linear_nd convolution convolution_input batched_matmul batched_mm"""
_PRODUCTS_ON_CARDS = """mv addmv addr einsum chain_matmul linalg_multi_dot linalg_vecdot lstm_cell
    gru_cell rnn_tanh_cell rnn_relu_cell lstm gru rnn_tanh rnn_relu"""
_PRODUCTS_ON_CPU = "linalg_vecdot tensordot lstm rnn_tanh rnn_relu"

_LOSSES = """nll_loss l1_loss smooth_l1_loss mse_loss multilabel_margin_loss soft_margin_loss
    multi_margin_loss poisson_nll_loss cosine_embedding_loss hinge_embedding_loss
    margin_ranking_loss triplet_margin_loss binary_cross_entropy_with_logits kl_div cross_entropy
    ctc_loss cross_entropy_rows"""
_FULL_ON_CARDS = """acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan
    pow softmax softmax_along log_softmax log_softmax_along softmin layer_norm native_layer_norm
    rms_norm group_norm native_group_norm norm linalg_norm linalg_vector_norm linalg_matrix_norm
    cosine_similarity cumprod cumsum dist pdist cdist prod renorm sum logsumexp logsumexp_along
    vector_norm pow_scalar softplus square huber_loss upsampled"""
_FULL_ON_CPU = """avg_pool3d max_pool3d adaptive_avg_pool3d binary_cross_entropy huber_loss
    grid_sample polar prod quantile nanquantile cdist trace cholesky cholesky_inverse
    cholesky_solve inverse lu_solve ormqr pinverse max_unpool2d max_unpool3d linalg_cholesky
    linalg_cond linalg_eigh linalg_eigvalsh linalg_inv linalg_householder_product linalg_lstsq
    linalg_matrix_power linalg_matrix_rank linalg_qr linalg_solve linalg_svd linalg_svdvals
    linalg_tensorinv linalg_tensorsolve"""

_WIDEST_ON_CARDS = """addcdiv addcmul atan2 bilinear cross dot vdot grid_sample index_put tensordot
    scatter_add cat stack"""
_WIDEST_ON_CPU = "cat stack index_copy"


def _rules(*classes: tuple[str, str]) -> dict[str, str]:
    return {name: rule for rule, names in classes for name in names.split()}


RULES: dict[str, dict[str, str]] = {
    "cuda": _rules(
        (LOWER, _PRODUCTS + " " + _PRODUCTS_ON_CARDS),
        (FULL, _LOSSES + " " + _FULL_ON_CARDS),
        (WIDEST, _WIDEST_ON_CARDS),
    ),
    "cpu": _rules(
        (LOWER, _PRODUCTS + " " + _PRODUCTS_ON_CPU),
        (FULL, _LOSSES + " " + _FULL_ON_CPU),
        (WIDEST, _WIDEST_ON_CPU),
    ),
}
BANNED = {
    "cuda": {
        "binary_cross_entropy": (
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to "
            "autocast; leave the sigmoid out and use binary_cross_entropy_with_logits or "
            "torch.nn.BCEWithLogitsLoss, which are safe"
        )
    },
    "cpu": {},
}
