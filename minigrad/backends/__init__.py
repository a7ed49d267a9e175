"""Which libraries stand behind the numbers, and torch's switches for them.

torch's programs set ``backends.cudnn.benchmark`` and its like before they begin. cuDNN, oneDNN and
MKL are not used here, on any device, so their switches are kept and change nothing.

Source: https://docs.pytorch.org/docs/stable/backends.html
"""

from minigrad.backends import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
