"""Why some ops take more than twice torch's time: each op has its cause here, or shows none."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["NONE_KNOWN", "by_reason", "reason"]

NONE_KNOWN = "no cause is known"

# Found by profiling, or by reading where that is said in docs/performance.md.
_REASONS = {
    "a loop over time or rows in Python": """
        ctc_loss torch_ctc_loss lstm gru rnn_tanh rnn_relu linalg_lu_solve lu_solve
        cholesky_inverse cholesky_solve triangular_solve linalg_solve_triangular""",
    "composed of many ops or array passes": """
        multilabel_margin_loss multi_margin_loss linalg_multi_dot index_reduce cdist pdist
        scaled_dot_product_attention multi_head_attention_forward chain_matmul renorm svd_lowrank
        pca_lowrank linalg_norm vander linalg_vander combinations meshgrid logspace isin unique
        unique_consecutive cosine_similarity linalg_matrix_norm linalg_cond kron linalg_lstsq
        lstsq embedding_bag torch_embedding_bag gaussian_nll_loss instance_norm bilinear
        cosine_embedding_loss triplet_margin_loss local_response_norm einsum hinge_embedding_loss
        torch_hinge_embedding_loss huber_loss smooth_l1_loss margin_ranking_loss
        torch_margin_ranking_loss torch_cosine_embedding_loss torch_triplet_margin_loss
        torch_kl_div kl_div poisson_nll_loss torch_poisson_nll_loss pairwise_distance""",
    "windows and places worked out for each call": """
        grid_sample affine_grid fractional_max_pool2d fractional_max_pool2d_with_indices
        fractional_max_pool3d fractional_max_pool3d_with_indices avg_pool3d adaptive_avg_pool1d
        adaptive_avg_pool2d adaptive_avg_pool3d max_pool1d_with_indices max_pool2d_with_indices
        max_pool3d_with_indices max_pool3d max_unpool1d max_unpool2d max_unpool3d fold
        functional_unfold im2col col2im adaptive_max_pool1d adaptive_max_pool2d
        adaptive_max_pool3d adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        adaptive_max_pool3d_with_indices interpolate upsample upsample_bilinear conv_transpose1d
        conv_transpose2d conv_transpose3d conv1d conv3d""",
    "SciPy's function, one element at a time, or several passes": """
        polygamma igamma igammac mvlgamma multigammaln special_xlog1py xlogy special_entr
        special_airy_ai special_spherical_bessel_j0 special_bessel_j0 special_bessel_j1
        special_bessel_y0 special_bessel_y1 special_modified_bessel_i0 special_modified_bessel_i1
        special_modified_bessel_k0 special_modified_bessel_k1 special_scaled_modified_bessel_k0
        special_scaled_modified_bessel_k1 special_zeta zeta ldexp rlshift rrshift rfloordiv erfinv
        special_log_ndtr special_ndtri special_erfcx digamma rpow gelu kaiser_window hann_window
        hamming_window bartlett_window blackman_window special_hermite_polynomial_h
        special_laguerre_polynomial_l special_shifted_chebyshev_polynomial_t
        special_shifted_chebyshev_polynomial_u special_shifted_chebyshev_polynomial_v
        special_shifted_chebyshev_polynomial_w special_hermite_polynomial_he
        special_chebyshev_polynomial_u special_chebyshev_polynomial_v
        special_chebyshev_polynomial_w special_chebyshev_polynomial_t
        special_legendre_polynomial_p float_power""",
    "LAPACK and BLAS called matrix by matrix, or with a copy before": """
        lu lu_unpack linalg_lu linalg_lu_factor linalg_lu_factor_ex linalg_ldl_factor
        linalg_ldl_factor_ex linalg_ldl_solve cholesky linalg_cholesky linalg_cholesky_ex qr
        linalg_qr geqrf ormqr linalg_householder_product householder_product addbmm baddbmm addmv
        mv cross linalg_cross linalg_vecdot linalg_matrix_power linalg_eigvalsh linalg_eigh outer
        addr ger linalg_solve linalg_solve_ex linalg_inv linalg_inv_ex inverse linalg_det det
        slogdet linalg_slogdet logdet linalg_svdvals linalg_svd svd pinverse linalg_pinv
        tensordot""",
    "places checked, worked out as arrays and read; torch walks them in one loop": """
        index_put index_put_ put take_along_dim scatter_reduce masked_scatter gather scatter
        scatter_add nll_loss torch_nll_loss index_select index_add index_copy index_fill argwhere
        nonzero nonzero_static masked_select one_hot embedding take bincount histc bucketize
        searchsorted fill_diagonal_ fill_diagonal select_scatter slice_scatter diagonal_scatter
        as_strided_scatter""",
    "three to ten calls of NumPy of about 1 µs, or its sequential loops": """
        mode histogram histogramdd topk kthvalue cummax cummin logcumsumexp median nanmedian
        std_mean var_mean std var cat concat concatenate stack hstack vstack dstack column_stack
        tril_indices triu_indices quantile nanquantile sort argsort msort prod cumprod equal
        nanmean nansum aminmax cov corrcoef trapezoid cumulative_trapezoid gradient diff tril triu
        layer_norm group_norm batch_norm softmax log_softmax logsumexp cross_entropy roll rot90
        linspace arange range trace diag diagflat block_diag cartesian_prod repeat_interleave
        count_nonzero allclose isclose rms_norm norm dist amax amin max min cumsum argmax argmin
        sum mean all any""",
    "the record of a view, or a Tensor for each piece": """
        as_strided as_strided_ as_strided_copy split_copy split_with_sizes_copy unbind_copy
        storage_offset split tensor_split chunk unbind hsplit vsplit dsplit broadcast_tensors
        flatten unflatten unsqueeze unsqueeze_copy squeeze squeeze_copy view reshape ravel t mT
        transpose permute expand_copy diagonal select unfold select_copy slice_copy atleast_1d
        atleast_2d atleast_3d view_as reshape_as expand_as movedim swapaxes narrow""",
    "new memory: a fill, or none, and the call around it": """
        empty empty_like empty_strided empty_permuted new_empty ones_like zeros_like full_like
        fill full ones zeros new_zeros new_ones new_full half cpu clone contiguous bfloat16""",
    "short rows in NumPy's inner loops": """
        constant_pad_nd pad channel_shuffle pixel_shuffle pixel_unshuffle native_channel_shuffle
        reflection_pad1d replication_pad1d repeat tile flip fliplr flipud""",
    "Python around the generator, and torch's stream bit for bit": """
        randn randn_like rand rand_like randint randint_like randperm normal bernoulli multinomial
        poisson binomial dropout dropout1d dropout2d dropout3d feature_dropout alpha_dropout
        feature_alpha_dropout rrelu gumbel_softmax exponential cauchy geometric log_normal uniform
        standard_gamma random""",
}
_BY_NAME = {name: why for why, names in _REASONS.items() for name in names.split()}


def reason(name: str) -> str:
    """Why an op is slow.

    >>> reason("randn")
    "Python around the generator, and torch's stream bit for bit"
    """
    return _BY_NAME.get(name, NONE_KNOWN)


def by_reason(worst: Mapping[str, float], limit: float = 2.0) -> list[tuple[str, str]]:
    """Ops above a ratio, by cause: the cause, and each op with its largest ratio.

    >>> by_reason({"randn": 2.44, "mul": 0.8})
    [("Python around the generator, and torch's stream bit for bit", '`randn` 2.4')]
    """
    found: dict[str, list[str]] = {}
    for name, ratio in sorted(worst.items()):
        if ratio > limit:
            found.setdefault(reason(name), []).append(f"`{name}` {ratio:.1f}")
    return [(why, ", ".join(names)) for why, names in sorted(found.items())]
