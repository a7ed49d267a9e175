"""``torch._dynamo``, the front of torch's compiler, whose settings programs change by name."""

from types import SimpleNamespace

from minigrad.compiler import allow_in_graph, disable, is_compiling, list_backends, reset

__all__ = ["allow_in_graph", "config", "disable", "is_compiling", "list_backends", "reset"]

config = SimpleNamespace(suppress_errors=False, cache_size_limit=8, verbose=False)
"""Settings of the compiler: whatever a program sets changes nothing."""
