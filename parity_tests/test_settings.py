"""Settings of the whole program, as torch has them."""

from __future__ import annotations

import pytest

from parity_tests.both import both_raise, same_as_torch


@same_as_torch
def test_deterministic_algorithms(torch):
    found = []
    for mode in ("warn", 2, "default", 1, 0):
        torch.set_deterministic_debug_mode(mode)
        found.append(
            (
                torch.get_deterministic_debug_mode(),
                torch.are_deterministic_algorithms_enabled(),
                torch.is_deterministic_algorithms_warn_only_enabled(),
            )
        )
    torch.use_deterministic_algorithms(True, warn_only=True)
    found.append(torch.get_deterministic_debug_mode())
    torch.use_deterministic_algorithms(False)
    return [*found, torch.are_deterministic_algorithms_enabled()]


@pytest.mark.parametrize("mode", ["loud", 3, None])
@both_raise
def test_a_debug_mode_that_there_is_not(torch, mode):
    torch.set_deterministic_debug_mode(mode)


@same_as_torch
def test_float32_matmul_precision(torch):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    found = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before)
    return [before, found]


@same_as_torch
def test_number_of_threads(torch):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = torch.get_num_threads()
    torch.set_num_threads(before)
    return [found, torch.get_num_threads() == before, torch.get_num_interop_threads() >= 1]


@pytest.mark.parametrize("name", ["set_num_threads", "set_num_interop_threads"])
@both_raise
def test_no_threads_at_all(torch, name):
    getattr(torch, name)(0)


@same_as_torch
def test_repeated_warnings(torch):
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    found = torch.is_warn_always_enabled()
    torch.set_warn_always(before)
    return [before, found]


@same_as_torch
def test_anomaly_mode_for_good(torch):
    found = [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.set_anomaly_enabled(True, False)
    found += [torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()]
    torch.set_anomaly_enabled(False)
    return [*found, torch.is_anomaly_enabled()]
