"""Recording and differentiating: the graph, ops, the engine, modes, user-defined functions."""

from __future__ import annotations

from minigrad.autograd import (
    anomaly_mode,
    edges,
    forward_ad,
    function,
    functional,
    grad_mode,
    graph,
    profiler,
    saved,
    variable,
)
from minigrad.autograd.function import Function
from minigrad.autograd.grad import backward, grad
from minigrad.autograd.grad_mode import set_multithreading_enabled
from minigrad.autograd.gradcheck import gradcheck, gradgradcheck
from minigrad.autograd.graph import Node, RemovableHandle
from minigrad.autograd.modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from minigrad.autograd.variable import Variable

# torch shows these in `autograd.graph`; here they stand in files above it.
for _module in (edges, saved):
    for _name in _module.__all__:
        setattr(graph, _name, getattr(_module, _name))

__all__ = [
    "Function",
    "Node",
    "RemovableHandle",
    "Variable",
    "anomaly_mode",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "grad_mode",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "is_anomaly_enabled",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
    "variable",
]
