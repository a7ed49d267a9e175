"""Random numbers: those of torch's CPU generator, for the same seed and the same calls.

Integers, uniforms and Bernoulli masks agree bit for bit. Normals do too where torch runs its AVX2
code, that is on x86-64 processors since 2013; elsewhere the last bit of a float32 may differ. On
Intel processors torch leaves some draws to the MKL library, whose stream is another one:
``bernoulli_`` with a number p, hence dropout masks, and ``exponential_``. minigrad draws these as
torch does on all other processors, so that its numbers depend on the seed alone.

Modules: ``mt19937`` gives words, ``box_muller`` makes normals from uniforms, ``draws`` and
``checks`` hold what distributions share, ``generator`` is what a program meets.

Source: documented behaviour of ``torch.Generator`` and the sampling methods of ``torch.Tensor``.
"""

from __future__ import annotations

from minigrad.random.generator import Generator

__all__ = ["Generator", "default_generator", "manual_seed"]

default_generator = Generator()
"""The generator behind every draw that names no other."""


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and return it; the seed is converted by ``int``, as in torch.

    Example:
        >>> manual_seed(7).initial_seed()
        7
    """
    return default_generator.manual_seed(int(seed))
