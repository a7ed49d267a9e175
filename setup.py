"""What pyproject.toml cannot say: the kernels, as files of the package and as an extension.

The top-level folder kernels/ is installed as ``minigrad/kernels/``, so nothing named ``kernels``
lands in site-packages; benchmarks/ likewise, as ``minigrad/measuring/benchmarks/``, where
``minigrad bench`` finds it. ``minigrad._cpu`` is compiled from kernels/cpu; without a compiler the
package installs all the same and works on NumPy. ``MINIGRAD_SANITIZE=address,undefined`` builds it
with checks, for tests, and ``MINIGRAD_IMITATE_AVX512=1`` such that processors with AVX2 run
AVX-512's kernels, too, in halves.
"""

import contextlib
import functools
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

KERNELS = ["minigrad.kernels", "minigrad.kernels.cpu", "minigrad.kernels.cuda"]
KERNELS += ["minigrad.kernels.cuda_on_cpu"]
MEASURING = ["minigrad.measuring.benchmarks"]
LEVELS = ["level_base", "level_avx2", "level_avx512"]
SOURCES = ["module", "ufuncs", "matmul", "dispatch", "threads", "scratch", *LEVELS]


@contextlib.contextmanager
def alone(folder):
    """Let one build at a time work in a folder: two would mix up each other's files."""
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        except ImportError:  # Windows, where nothing is compiled
            pass
        yield


def compiled_together(one_by_one, sources, **options):
    """Compile several files at a time: each level of the kernels takes half a minute."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda source: one_by_one([source], **options), sources)
        return [name for objects in found for name in objects]


class BuildKernels(build_ext):
    """Finds NumPy's headers when it comes to compiling, and says so if that is not possible."""

    def run(self):
        """Build while no other build runs in this checkout."""
        with alone(self.build_temp):
            super().run()

    def build_extension(self, ext):
        """Compile, with NumPy's headers; a failure leaves the package on NumPy."""
        try:
            import numpy

            ext.include_dirs.append(numpy.get_include())
            self.compiler.compile = functools.partial(compiled_together, self.compiler.compile)
            super().build_extension(ext)
        except Exception as error:
            print(
                f"minigrad: the native kernels could not be compiled ({error}); "
                "minigrad works without them, on NumPy",
                file=sys.stderr,
            )


def flags():
    """How the kernels are compiled: for any processor; each level says what it needs."""
    if sys.platform == "win32":
        return [], []
    checks = os.environ.get("MINIGRAD_SANITIZE")
    sanitize = [f"-fsanitize={checks}", "-fno-omit-frame-pointer", "-g"] if checks else []
    speed = "-O0" if checks else "-O3"  # with checks, compilers need minutes to optimise
    halves = ["-DIMITATE_AVX512", "-Wno-psabi"] if os.environ.get("MINIGRAD_IMITATE_AVX512") else []
    precise = ["-std=c11", "-fno-math-errno", "-ffp-contract=fast"]
    return [speed, *precise, *halves, "-pthread", *sanitize], ["-pthread", *sanitize]


compile_args, link_args = flags()
setup(
    packages=find_packages(include=["minigrad", "minigrad.*"]) + KERNELS + MEASURING,
    package_dir={"minigrad.kernels": "kernels", "minigrad.measuring.benchmarks": "benchmarks"},
    ext_modules=[
        Extension(
            "minigrad._cpu",
            [f"kernels/cpu/{name}.c" for name in SOURCES],
            depends=[
                f"kernels/cpu/{name}"
                for name in sorted(os.listdir("kernels/cpu"))
                if name.endswith((".c", ".h", ".def"))
            ],
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildKernels},
)
