"""Recording and differentiating: the graph, ops, the engine, modes, user-defined functions."""

from __future__ import annotations

from minigrad.autograd.function import Function
from minigrad.autograd.grad import backward, grad
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

__all__ = [
    "Function",
    "Node",
    "RemovableHandle",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_anomaly_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
