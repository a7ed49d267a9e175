"""The bare tensor: memory and a pointer into the graph. ``Tensor`` adds everything that people use.

It stands below the graph so that nodes can be written down in terms of it. The methods and
operators that come from op records are attached to this class by the registry, and
``tensor_base.pyi``, generated from the same records, tells type checkers about them.
"""

from __future__ import annotations


class TensorBase:
    """Storage, flags and graph pointer of a tensor.

    ``_array``: the NumPy or CuPy array; its strides make views. ``_node``: where the gradient
    goes (None: nowhere). ``_storage``: shared by all views of the memory (None: nobody asked yet).
    ``_view``: for a differentiable view, how it hangs on its base. ``_grad``: the gradient of a
    leaf, or of a tensor whose gradient is retained.
    """

    __slots__ = ("__dict__", "__weakref__", "_array", "_grad", "_node", "_storage", "_view")
