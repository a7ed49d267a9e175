"""The version of this package; the build reads it from here, and it stands nowhere else."""

from __future__ import annotations

__version__ = "0.1.0"
