"""The version of this package; the build reads it from here, and it stands nowhere else."""

from __future__ import annotations

__version__ = "0.1.0"

TORCH_VERSION, TORCHVISION_VERSION = "2.13.0", "0.28.0"
"""The versions of torch and torchvision whose interfaces these are."""

cuda = hip = xpu = git_version = None  # what `torch.version` says of a build without them
debug = False
