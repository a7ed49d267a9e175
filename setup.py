"""What pyproject.toml cannot say: the top-level folder kernels/ is installed inside minigrad.

A wheel holds it as ``minigrad/kernels/``, so nothing named ``kernels`` lands in site-packages. All
else stands in pyproject.toml.
"""

from setuptools import find_packages, setup

KERNELS = ["minigrad.kernels", "minigrad.kernels.cpu", "minigrad.kernels.cuda"]

setup(
    packages=find_packages(include=["minigrad", "minigrad.*"]) + KERNELS,
    package_dir={"minigrad.kernels": "kernels"},
)
