"""The Kullback-Leibler divergence, by a table of formulas for pairs of families.

Source: https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.kl
"""

from __future__ import annotations

from minigrad.distributions.kl import across, same, vectors  # noqa: F401  they fill the table
from minigrad.distributions.kl.registry import _KL_REGISTRY as _KL_REGISTRY
from minigrad.distributions.kl.registry import kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]
