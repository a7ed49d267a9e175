"""Transforms of functions: gradients, Jacobians, batches, modules as functions."""

from minigrad.func.batching import vmap
from minigrad.func.modules import (
    functional_call,
    replace_all_batch_norm_modules_,
    stack_module_state,
)
from minigrad.func.transforms import (
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
)

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]
