"""Settings of the whole process, put back after a program that runs inside a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

CUDNN = ("benchmark", "deterministic")  # programs set them, as they are told to on a card


def settings(library: Any) -> dict[str, Any]:
    """What minigrad or torch has set for good, by name."""
    return {
        "default dtype": library.get_default_dtype(),
        "default device": library.get_default_device(),
        "gradients": library.is_grad_enabled(),
        "anomaly": library.is_anomaly_enabled(),
        "matmul precision": library.get_float32_matmul_precision(),
        "deterministic": library.get_deterministic_debug_mode(),
        "threads": library.get_num_threads(),
        "cudnn": {name: getattr(library.backends.cudnn, name) for name in CUDNN},
    }


@contextlib.contextmanager
def settings_kept(*libraries: Any) -> Iterator[None]:
    """Put back what the block sets in minigrad or torch."""
    before = [settings(library) for library in libraries]
    try:
        yield
    finally:
        for library, kept in zip(libraries, before, strict=True):
            library.set_default_dtype(kept["default dtype"])
            # None and not "cpu": under a device that was chosen, torch reads every call by another
            # way, on which its `l1_loss` loses the weights.
            device = kept["default device"]
            library.set_default_device(None if device.type == "cpu" else device)
            library.set_printoptions(profile="default", sci_mode=None)
            library.set_grad_enabled(kept["gradients"])
            library.autograd.set_detect_anomaly(kept["anomaly"])
            library.set_float32_matmul_precision(kept["matmul precision"])
            library.set_deterministic_debug_mode(kept["deterministic"])
            library.set_num_threads(kept["threads"])
            for name, value in kept["cudnn"].items():
                setattr(library.backends.cudnn, name, value)
