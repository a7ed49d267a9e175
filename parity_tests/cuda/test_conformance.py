"""What minigrad relies on of CuPy, as a list of statements: true of the stand-in, and of CuPy.

Each statement is a function of the module ``cupy``; its name says it. They run on the stand-in
everywhere, and on CuPy itself where there is a card: a rule of the stand-in that CuPy does not have
would let wrong programs pass, or right ones fail.
"""

from __future__ import annotations

import contextlib
import importlib
import os

import numpy as np
import pytest

from minigrad.cuda import stand_in
from parity_tests.cuda.statements import STATEMENTS, STRICTER, floats, statement, stricter


def real_cupy():
    """CuPy itself, if there is a card; else the test is skipped."""
    if os.environ.get("MINIGRAD_CUDA", "").startswith("sim"):
        pytest.skip("cards are simulated")
    try:
        cupy = importlib.import_module("cupy")
        cupy.zeros(1)
    except Exception as error:
        pytest.skip(f"no CuPy with a card: {type(error).__name__}")
    return cupy


def pytest_generate_tests(metafunc):
    cases = [(where, c) for where in ("stand-in", "cupy") for c in STATEMENTS]
    cases = [(w, c) for w, c in cases if w == "stand-in" or c not in STRICTER]
    metafunc.parametrize(("where", "check"), cases, ids=[f"{w}-{c.__name__}" for w, c in cases])


@pytest.mark.usefixtures("no_garbage")
def test_statement(where, check):
    if where == "cupy":
        check(real_cupy())
        return
    with stand_in.installed() as cupy:
        check(cupy)


# --- memory, devices, streams --------------------------------------------------------------------


@statement
def the_pool_counts_in_512_bytes_and_keeps_what_is_freed(cp):
    pool = cp.get_default_memory_pool()
    before = pool.used_bytes()
    a = cp.zeros(1, np.float32)
    assert pool.used_bytes() == before + 512
    view = a[:]
    del a
    assert pool.used_bytes() == before + 512
    del view
    assert pool.used_bytes() == before and pool.total_bytes() >= before + 512
    pool.free_all_blocks()


@statement
def a_pool_beside_the_default_one_counts_by_itself(cp):
    pool, default = cp.cuda.MemoryPool(), cp.get_default_memory_pool()
    before = default.used_bytes()
    with cp.cuda.using_allocator(pool.malloc):
        a = cp.zeros(1, np.float32)
    assert (pool.used_bytes(), default.used_bytes()) == (512, before)
    del a
    assert (pool.used_bytes(), default.used_bytes()) == (0, before)
    pool.free_all_blocks()
    assert pool.total_bytes() == pool.free_bytes() == 0


@statement
def a_stream_is_found_again_by_its_handle(cp):
    stream = cp.cuda.Stream(non_blocking=True)
    again = cp.cuda.ExternalStream(stream.ptr, cp.cuda.Device().id)
    assert again.ptr == stream.ptr
    with again:
        assert cp.cuda.get_current_stream().ptr == stream.ptr


@statement
def too_much_is_a_MemoryError_and_the_program_goes_on(cp):
    assert issubclass(cp.cuda.memory.OutOfMemoryError, MemoryError)
    pool = cp.get_default_memory_pool()
    before = pool.get_limit()
    pool.free_all_blocks()
    pool.set_limit(pool.total_bytes() + 4096)
    try:
        with pytest.raises((MemoryError, RuntimeError), match="ut of memory"):
            cp.zeros(10_000, np.float32)
        assert float(cp.ones(3).sum()) == 3.0
    finally:
        pool.set_limit(before)


@statement
def an_allocator_is_any_function_of_a_size(cp):
    sizes, before = [], cp.cuda.get_allocator()

    def counted(size):
        sizes.append(size)
        return before(size)

    cp.cuda.set_allocator(counted)
    try:
        cp.zeros(100, np.float32)
    finally:
        cp.cuda.set_allocator(before)
    assert sizes == [400]


@statement
def a_card_that_is_not_there_is_an_error(cp):
    with pytest.raises(RuntimeError):
        cp.cuda.Device(cp.cuda.runtime.getDeviceCount()).use()


@statement
def streams_are_entered_and_events_order_them(cp):
    side, event = cp.cuda.Stream(non_blocking=True), cp.cuda.Event()
    a = floats(cp, 3)
    event.record()
    side.wait_event(event)
    with side:
        assert cp.cuda.get_current_stream().ptr == side.ptr != 0
        b = a + 1
    cp.cuda.Stream.null.wait_event(side.record())
    assert b.get().tolist() == [1.0, 2.0, 3.0]


@statement
def time_is_measured_between_recorded_events(cp):
    start, end = cp.cuda.Event(), cp.cuda.Event()
    start.record()
    floats(cp, 3) + 1
    end.record()
    end.synchronize()
    assert cp.cuda.get_elapsed_time(start, end) >= 0


@statement
def the_default_stream_cannot_be_captured(cp):
    with pytest.raises(RuntimeError):
        cp.cuda.Stream.null.begin_capture()


@statement
def a_capture_runs_nothing_and_its_graph_runs_it_each_time(cp):
    a = floats(cp, 3)
    side = cp.cuda.Stream(non_blocking=True)
    cp.cuda.Device().synchronize()
    with side:
        a += 0  # what has to be compiled is compiled before
        side.synchronize()
        side.begin_capture()
        a += 1
        graph = side.end_capture()
        side.synchronize()
    assert a.get().tolist() == [0.0, 1.0, 2.0]
    graph.launch(side)
    graph.launch(side)
    side.synchronize()
    assert a.get().tolist() == [2.0, 3.0, 4.0]


@statement
def nothing_is_copied_to_the_host_while_capturing(cp):
    a, side = floats(cp, 3), cp.cuda.Stream(non_blocking=True)
    cp.cuda.Device().synchronize()
    with side:
        side.begin_capture()
        try:
            with pytest.raises(RuntimeError):
                a.get()
        finally:
            with contextlib.suppress(RuntimeError):  # CUDA gives the broken capture up
                side.end_capture()


def captured(cp, work):
    """Do something while a stream is captured; what is captured is thrown away."""
    side = cp.cuda.Stream(non_blocking=True)
    cp.cuda.Device().synchronize()
    with side:
        side.begin_capture()
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # CUDA gives a broken capture up
                side.end_capture()


@statement
def what_libraries_do_is_not_captured(cp):
    a = floats(cp, 3, 3)
    for run in (lambda: a @ a, lambda: a.dot(a), lambda: cp.linalg.inv(a + 5 * cp.eye(3))):
        run()
        with pytest.raises(NotImplementedError, match="stream capture"):
            captured(cp, run)


# --- kernels -------------------------------------------------------------------------------------

SCALE = r"""
extern "C" __global__ void scale(const float* x, float* y, long long n, double p) {
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i] * (float)p;
}
"""


@statement
def a_raw_kernel_takes_python_numbers_as_64_bits(cp):
    scale = cp.RawModule(code=SCALE).get_function("scale")
    x, y = floats(cp, 5), cp.zeros(5, np.float32)
    scale((1,), (32,), (x, y, 5, 2.5))
    assert y.get().tolist() == [0.0, 2.5, 5.0, 7.5, 10.0]


@statement
def a_raw_kernel_refuses_arrays_of_the_host(cp):
    scale = cp.RawModule(code=SCALE).get_function("scale")
    with pytest.raises(TypeError):
        scale((1,), (32,), (np.ones(5, np.float32), cp.zeros(5, np.float32), 5, 2.5))


@statement
def a_grid_that_no_card_has_is_an_error(cp):
    scale = cp.RawModule(code=SCALE).get_function("scale")
    x, y = floats(cp, 5), cp.zeros(5, np.float32)
    for grid, block in (((1, 65536), (32,)), ((1, 1, 65536), (32,)), ((1,), (1025,))):
        with pytest.raises(RuntimeError, match="invalid"):
            scale(grid, block, (x, y, 5, 2.5))


# --- stricter than CuPy --------------------------------------------------------------------------


@stricter
def fresh_memory_holds_NaN(cp):
    assert np.isnan(cp.empty(3, np.float32).get()).all()


@stricter
def a_raw_kernel_refuses_gaps(cp):
    scale = cp.RawModule(code=SCALE).get_function("scale")
    with pytest.raises(ValueError, match="gaps"):
        scale((1,), (32,), (floats(cp, 10)[::2], cp.zeros(5, np.float32), 5, 2.5))


@stricter
def an_index_out_of_range_raises_where_CuPy_wraps_around(cp):
    with pytest.raises(IndexError):
        floats(cp, 3)[cp.asarray([5])]


@stricter
def nothing_is_copied_to_the_card_while_capturing(cp):
    """The copy would be captured, and the event that CuPy asks for behind it breaks the capture."""
    a = floats(cp, 3)
    for run in (
        lambda: cp.asarray(np.ones(3)),
        lambda: a[np.array([0, 2])],
        lambda: a[[0, 2]],
        lambda: a.set(np.ones(3, np.float32)),
        lambda: cp.concatenate([a] * 9),  # their addresses
    ):
        with pytest.raises(RuntimeError, match="capturing"):
            captured(cp, run)
    captured(cp, lambda: (cp.concatenate([a] * 8), cp.asarray(2.0), a.dot(a)))


@stricter
def a_stream_is_the_current_one_of_its_card_only(cp):
    with stand_in.installed(devices=2) as cupy:
        side = cupy.cuda.Stream(non_blocking=True)
        with side, cupy.cuda.Device(1):
            assert cupy.cuda.get_current_stream().ptr == 0
            assert cupy.cuda.get_current_stream(0).ptr == side.ptr
            with pytest.raises(RuntimeError, match="does not match with the current device"):
                side.use()


@stricter
def a_copy_from_another_card_waits_for_it(cp):
    with stand_in.installed(devices=2) as cupy:
        side = cupy.cuda.Stream(non_blocking=True)
        with side:
            a = cupy.zeros(3) + 1
            written = side.record()
        with cupy.cuda.Device(1):
            with pytest.raises(stand_in.StreamOrderError):
                cupy.array(a)
            cupy.cuda.get_current_stream().wait_event(written)
            assert cupy.array(a).device.id == 1


@stricter
def streams_that_nothing_orders_may_not_share_what_one_writes(cp):
    side, other = (cp.cuda.Stream(non_blocking=True) for _ in range(2))
    with side:
        a = floats(cp, 3) + 1
    with other, pytest.raises(stand_in.StreamOrderError):
        a + 1
    other.wait_event(side.record())
    with other:
        b = a + 1
    with side, pytest.raises(stand_in.StreamOrderError):
        a += 1  # the other stream may still be reading
    assert b.shape == (3,)


@stricter
def arrays_of_another_card_are_refused(cp):
    with stand_in.installed(devices=2) as cupy:
        with cupy.cuda.Device(1):
            a = cupy.zeros(3)
        with pytest.raises(ValueError, match="different from the current device"):
            a + 1
