"""A plugin for pytest: devices, parity with torch, capsules of failed gradient checks.

===================  ===============================================================================
``--device cuda``    the fixture ``device`` gives it (by default the CPU); ``cuda-sim`` is CuPy's
                     stand-in, :mod:`minigrad.cuda.stand_in`, which needs no card
``--parity``         tests marked ``parity`` run under torch too, and must return the same
``--capsules DIR``   each failed gradient check leaves a file there, for ``minigrad replay``
===================  ===============================================================================

A test marked ``parity`` takes the library as its argument ``torch`` and returns what is compared;
one marked ``needs_device("cuda")`` is skipped where there is none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import minigrad

__all__ = ["assert_parity", "device", "torch"]

SIMULATED = "cuda-sim"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("minigrad")
    group.addoption(
        "--device", default="cpu", help="device of the fixture `device`: cpu, cuda, cuda-sim"
    )
    group.addoption("--parity", action="store_true", help="run tests marked parity under torch too")
    group.addoption("--capsules", metavar="DIR", help="where failed gradient checks leave a file")


def pytest_configure(config: pytest.Config) -> None:
    """The markers."""
    config.addinivalue_line("markers", "parity: with --parity also run under torch, and compared")
    config.addinivalue_line("markers", "needs_device(name): skipped where there is no such device")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a device that is not there."""
    for mark in item.iter_markers("needs_device"):
        usable(mark.args[0])


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Any:
    """The device that was asked for; skips where it cannot be used."""
    return usable(request.config.getoption("--device"))


@pytest.fixture
def torch() -> Any:
    """The library that a test runs under: minigrad, and in a second run for parity torch."""
    return minigrad


@pytest.fixture
def assert_parity() -> Any:
    """:func:`minigrad.testing.assert_parity`; skips without torch."""
    pytest.importorskip("torch")
    from minigrad.testing.parity import assert_parity as check

    return check


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run a test that is marked ``parity`` under both libraries."""
    __tracebackhide__ = True
    if pyfuncitem.get_closest_marker("parity") is None:
        return (yield)
    run = pyfuncitem.obj
    names = pyfuncitem._fixtureinfo.argnames
    given = {name: pyfuncitem.funcargs[name] for name in names}
    if "torch" not in given:
        raise TypeError(f"{pyfuncitem.name} is marked parity: it takes the library as `torch`")

    def returned(torch: Any) -> Any:
        return run(**{**given, "torch": torch})

    if pyfuncitem.config.getoption("--parity"):
        from minigrad.testing.parity import assert_parity as check

        pytest.importorskip("torch")
        check(returned)
    else:
        minigrad.manual_seed(0)
        returned(minigrad)
    pyfuncitem.obj = _nothing  # it has been run
    try:
        return (yield)
    finally:
        pyfuncitem.obj = run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave a capsule of a failed gradient check."""
    report = yield
    folder = item.config.getoption("--capsules")
    if folder and call.excinfo is not None and call.when == "call":
        from minigrad.testing.capsules import write_capsule

        path = Path(folder) / f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', item.name)}.capsule"
        if write_capsule(path, call.excinfo.value):
            report.sections.append(("minigrad", f"to run it again: minigrad replay {path}"))
    return report


def _nothing(**given: Any) -> None:
    """Stands in for a test that has been run."""


def usable(name: str) -> Any:
    """A device, if a tensor can be made there; else the test is skipped."""
    try:
        return found(name)
    except Exception as error:
        pytest.skip(f"device {name}: {error}")


def found(name: str) -> Any:
    """A device by name; ``cuda-sim`` lets this process and those it starts use the stand-in."""
    if name == SIMULATED:
        os.environ["MINIGRAD_CUDA"] = "sim"
        name = "cuda"
    return minigrad.zeros(1, device=name).device
