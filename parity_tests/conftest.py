"""Profiles for hypothesis, and one BLAS thread: the suite runs on several processes."""

from __future__ import annotations

import gc
import os
import sys
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

from parity_tests.keeping import settings as settings_of

os.environ.setdefault("OMP_NUM_THREADS", "1")

COMMON = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("dev", max_examples=10, **COMMON)
settings.register_profile("ci", max_examples=60, derandomize=True, **COMMON)
settings.register_profile("nightly", max_examples=1000, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def pytest_configure(config):
    """A marker."""
    config.addinivalue_line("markers", "any_device: what `--device` runs on another device")


def pytest_collection_modifyitems(config, items):
    """On another device than the CPU run what is marked for any device."""
    if config.getoption("--device", "cpu") != "cpu":
        left = [item for item in items if not item.get_closest_marker("any_device")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.get_closest_marker("any_device")]


def pytest_collection_finish(session):
    """What is loaded by now stays; the collector need not look through it during the tests."""
    if torch := sys.modules.get("torch"):
        # Until a card is in use, `torch.manual_seed` writes out the stack three times, should the
        # seeding fail later: 3 ms under pytest, and most of the time of many tests.
        for library in (torch.cuda, torch.xpu, torch.mtia):
            library.traceback = SimpleNamespace(format_stack=list)
    gc.collect()
    gc.freeze()


@pytest.fixture
def no_garbage():
    """Nothing that tests before have left is freed while this one counts memory."""
    gc.collect()


@pytest.fixture(autouse=True)
def nothing_leaks():
    """A test leaves the settings of minigrad as it found them, and no mode of torch in force."""
    import minigrad

    before = settings_of(minigrad)
    yield
    assert settings_of(minigrad) == before
    if "torch" in sys.modules:
        assert not sys.modules["torch"]._C._len_torch_function_stack()
