"""``torch._dynamo``, the front of torch's compiler, whose settings programs change by name."""

from minigrad.compiler import allow_in_graph, config, disable, is_compiling, reset

__all__ = ["allow_in_graph", "config", "disable", "is_compiling", "reset"]
