"""``torch.functional``: the module in which torch keeps some of its functions."""

from minigrad import functions as _functions

_NAMES = """
    atleast_1d atleast_2d atleast_3d block_diag broadcast_shapes broadcast_tensors cartesian_prod
    cdist chain_matmul einsum lu meshgrid norm pca_lowrank split svd_lowrank tensordot unique
    unique_consecutive unravel_index
"""
__all__ = [*_NAMES.split()]
globals().update({name: getattr(_functions, name) for name in __all__})
