"""Why some ops take more than twice torch's time: each op has its cause here, or shows none.

Named are the ops that have a row above 2.0 which takes 20 µs or more, in the result that is kept.
Below that, the cost of a call in Python decides, whatever the op does.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["CAUSES", "NONE_KNOWN", "SMALL", "by_reason", "reason"]

LIMIT = 2.0
SHORT = 20e-6  # seconds: a row that takes less says little about what the op does
NONE_KNOWN = "no cause is known"
SMALL = "likely: the fixed cost of a call in Python; no row above 2.0 takes 20 µs or more"

# In a profile of the slowest row, half of the time or more is spent there.
_PROFILED = {
    "LAPACK's or BLAS's own time": """
        addmv geqrf""",
    "places written out as numbers (arange)": """
        as_strided""",
    "differences of all pairs as one block, and a reduction of it": """
        cdist pdist""",
    "one pass over memory that is slower than torch's": """
        channel_shuffle fill flip unfold_copy""",
    "itertools, one combination after the other": """
        combinations""",
    "one loop over time steps, in Python or in one op": """
        ctc_loss lstm torch_ctc_loss""",
    "NumPy's accumulate, one number after the other": """
        cummax cummin cumprod cumulative_trapezoid""",
    "memory filled with zeros where torch leaves it as it is": """
        empty empty_like""",
    "the gradient is copied where it arrives, as it may be shared; torch hands it on": """
        flatten ravel reshape squeeze unflatten unsqueeze""",
    "a function that takes longer for each number": """
        igamma igammac polygamma special_airy_ai special_bessel_y0 special_bessel_y1""",
    "NumPy's take, partition or reduction": """
        nanmedian put""",
    "a Tensor and a record for each piece": """
        split_copy unbind unbind_copy unsafe_split""",
    "NumPy's nonzero of a mask of all places": """
        tril_indices triu_indices""",
}
# Read from the code.
_LIKELY = {
    "LAPACK and BLAS called matrix by matrix, or with a copy before": """
        addr linalg_eigvalsh linalg_ldl_factor linalg_ldl_factor_ex linalg_vecdot
        lu_unpack mv outer qr""",
    "the record of a view, or a Tensor for each piece": """
        as_strided_""",
    "places checked, worked out as arrays and read; torch walks them in one loop": """
        as_strided_scatter gather index_add index_put index_put_ nll_loss scatter_reduce
        slice_scatter""",
    "windows and places worked out for each call": """
        avg_pool3d conv_transpose1d conv_transpose2d fractional_max_pool2d
        fractional_max_pool2d_with_indices fractional_max_pool3d
        fractional_max_pool3d_with_indices functional_unfold grid_sample""",
    "a loop over time or rows in Python": """
        cholesky_inverse cholesky_solve linalg_lu_solve""",
    "composed of many ops or array passes": """
        cosine_similarity einsum gru_cell hinge_embedding_loss huber_loss index_reduce
        kron linalg_lstsq linalg_multi_dot linalg_vander meshgrid multi_margin_loss
        multilabel_margin_loss normalize pca_lowrank renorm scaled_dot_product_attention
        smooth_l1_loss unique unique_consecutive vander""",
    "three to ten calls of NumPy of about 1 µs, or its sequential loops": """
        binary_cross_entropy count_nonzero cumsum diff gradient histogram histogramdd
        kthvalue median mode rmod rms_norm topk tril vstack""",
    "Python around the generator, and torch's stream bit for bit": """
        dropout1d dropout2d dropout3d feature_dropout""",
    "new memory: a fill, or none, and the call around it": """
        fill_ half""",
    "SciPy's function, one element at a time, or several passes": """
        hamming_window ldexp rfloordiv special_chebyshev_polynomial_u
        special_laguerre_polynomial_l special_shifted_chebyshev_polynomial_t""",
}
CAUSES = {name: why for why, names in _PROFILED.items() for name in names.split()} | {
    name: f"likely: {why}" for why, names in _LIKELY.items() for name in names.split()
}


def reason(name: str) -> str:
    """Why an op is slow.

    >>> reason("no such op")
    'no cause is known'
    """
    return CAUSES.get(name, NONE_KNOWN)


def slow(rows: Iterable[tuple[str, float, float]]) -> tuple[dict[str, float], set[str]]:
    """The largest ratio of each op that has one above 2.0; and those above it in long rows too.

    A row is an op's name, minigrad's time over torch's, and minigrad's seconds.

    >>> slow([("exp", 3.0, 1e-6), ("exp", 2.5, 1e-3), ("mul", 4.0, 1e-6), ("sub", 1.0, 1e-3)])
    ({'exp': 3.0, 'mul': 4.0}, {'exp'})
    """
    worst: dict[str, float] = {}
    long = set()
    for name, ratio, seconds in rows:
        if ratio > LIMIT:
            worst[name] = max(worst.get(name, 0.0), ratio)
            if seconds >= SHORT:
                long.add(name)
    return worst, long


def by_reason(rows: Iterable[tuple[str, float, float]]) -> list[tuple[str, str]]:
    """Ops above 2.0, by cause: the cause, and each op with its largest ratio.

    >>> by_reason([("mul", 2.44, 1e-6), ("sub", 0.8, 1e-3)])[0][1]
    '`mul` 2.4'
    """
    worst, long = slow(rows)
    found: dict[str, list[str]] = {}
    for name, ratio in sorted(worst.items()):
        why = reason(name) if name in long else SMALL
        found.setdefault(why, []).append(f"`{name}` {ratio:.1f}")
    return [(why, ", ".join(names)) for why, names in sorted(found.items())]
