"""The check of gradients for NaN, under torch's import path."""

from minigrad.autograd.modes import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
