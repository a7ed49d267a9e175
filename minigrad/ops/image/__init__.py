"""Signals, images and volumes: convolution, pooling, padding, resizing."""
