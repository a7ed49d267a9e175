#!/usr/bin/env bash
# Compiles the native kernels with checks of addresses and of undefined behaviour into a folder that
# is removed afterwards, and runs their tests on them, which go through all levels. Those of AVX-512 run
# in halves where the processor has only AVX2.
#
#     parity_tests/kernels/run_sanitized.sh [pytest arguments]
#
# Needs GCC or Clang on Linux. PYTHON chooses the interpreter, CC the compiler, JOBS the number of
# processes (2); HYPOTHESIS_PROFILE=ci draws more examples than are drawn here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

python=$(command -v "${PYTHON:-python}")
compiler=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The package is copied, and not linked: pytest would follow the links to the module without checks.
cp -R kernels parity_tests setup.py pyproject.toml README.md "$work"
mkdir "$work/minigrad"
tar cf - --exclude='*.so' --exclude=__pycache__ minigrad | tar xf - -C "$work"
cd "$work"

if ! grep -q avx512vl /proc/cpuinfo; then
    export MINIGRAD_IMITATE_AVX512=1
fi
MINIGRAD_SANITIZE=address,undefined CC=$compiler "$python" setup.py -q build_ext --inplace
export LD_PRELOAD
LD_PRELOAD="$("$compiler" -print-file-name=libasan.so):$("$compiler" -print-file-name=libubsan.so)"
# Python itself keeps memory to its end; what an error is must end the run, not only be told.
export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:abort_on_error=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export OMP_NUM_THREADS=1 PYTHONPATH=$work

"$python" - <<'PROGRAM'
from minigrad.backend import native
with open("/proc/self/maps") as maps:
    loaded = "/minigrad/_cpu." in maps.read()
if not loaded or not native.levels()[1:]:
    raise SystemExit(f"the kernels with checks are not there: {native.why_not}")
print("levels:", *native.levels()[1:], flush=True)
PROGRAM
# What is the same with and without checks is left out: how exact kernels are (which needs benchmarks/),
# the build, accounts of memory. The stress test of the pool is a program with checks of its own.
HYPOTHESIS_PROFILE=${HYPOTHESIS_PROFILE:-dev} \
    "$python" -m pytest -q -n "${JOBS:-2}" --dist worksteal -p no:cacheprovider \
    --ignore parity_tests/kernels/test_ulps.py --ignore parity_tests/kernels/test_build.py \
    --ignore parity_tests/kernels/test_memory.py -k "not stress" parity_tests/kernels "$@"
