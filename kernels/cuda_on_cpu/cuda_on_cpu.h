/* Lets g++ compile a CUDA C++ kernel file, which then runs on the CPU:
 *
 *     g++ -std=c++17 -include cuda_on_cpu.h -x c++ pool.cu
 *
 * Here is what CUDA's own headers declare for device code: keywords, vector types, barriers, warp
 * operations, atomics, intrinsics. How threads run is in scheduler.h, what is checked in checker.h.
 */
#ifndef MINIGRAD_CUDA_ON_CPU_H
#define MINIGRAD_CUDA_ON_CPU_H

#define CUDA_ON_CPU 1

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "state.h"

/* Functions that stand for instructions, whose own accesses are not the kernel's. */
#define CUDA_ON_CPU_INSTRUCTION static __attribute__((no_sanitize("thread", "undefined"), unused))
#define CUDA_ON_CPU_LINE int line = __builtin_LINE()

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __shared__ static /* one block at a time: a static variable is the block's own */
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

#define CUDA_ON_CPU_VECTORS(T, name)                                                           \
    struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                         \
    struct name##3 { T x, y, z; };                                                             \
    struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4 { T x, y, z, w; };         \
    static inline name##2 make_##name##2(T x, T y) { return {x, y}; }                          \
    static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                  \
    static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDA_ON_CPU_VECTORS(float, float)
CUDA_ON_CPU_VECTORS(double, double)
CUDA_ON_CPU_VECTORS(int, int)
CUDA_ON_CPU_VECTORS(short, short)
CUDA_ON_CPU_VECTORS(unsigned short, ushort)
CUDA_ON_CPU_VECTORS(signed char, char)
CUDA_ON_CPU_VECTORS(unsigned char, uchar)
CUDA_ON_CPU_VECTORS(long long, longlong)
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return {x, y, z, w};
}

static const int warpSize = 32;

/* Barriers and fences. */
static inline void __syncthreads(CUDA_ON_CPU_LINE) { cuda_on_cpu::barrier(line); }
static inline int __syncthreads_count(int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::barrier_reduce(p, 0, line);
}
static inline int __syncthreads_and(int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::barrier_reduce(p, 1, line);
}
static inline int __syncthreads_or(int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::barrier_reduce(p, 2, line);
}
static inline void __syncwarp(unsigned mask = ~0u, CUDA_ON_CPU_LINE)
{
    cuda_on_cpu::warp_barrier(mask, 0, line);
}
static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}

/* Warp operations: a value of each lane is laid down, and read once all lanes are there. */
namespace cuda_on_cpu {

enum Shuffle { TO, UP, DOWN, XOR };

template <class T>
CUDA_ON_CPU_INSTRUCTION T shuffle(Shuffle how, unsigned mask, T value, unsigned by, int width,
                                  int line)
{
    static_assert(sizeof(T) <= 8, "shuffles move at most eight bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    warp_barrier(mask, bits, line);
    unsigned here = lane(), base = here & ~(unsigned)(width - 1), from = here;
    if (how == TO)
        from = base + (by & (width - 1));
    else if (how == UP)
        from = here >= base + by ? here - by : here;
    else if (how == DOWN)
        from = here + by < base + width ? here + by : here;
    else if ((here ^ by) < base + width)
        from = here ^ by;
    bits = lane_value(mask, from, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}

CUDA_ON_CPU_INSTRUCTION unsigned ballot(unsigned mask, bool predicate, int line)
{
    warp_barrier(mask, predicate, line);
    unsigned votes = 0;
    for (unsigned k = 0; k < 32; k++)
        if (mask >> k & 1 && lane_is_there(k) && lane_value(mask, k, line))
            votes |= 1u << k;
    return votes;
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_SHUFFLE(name, how)                                                         \
    template <class T>                                                                         \
    static inline T name(unsigned mask, T value, unsigned by, int width = 32,                  \
                         CUDA_ON_CPU_LINE)                                                     \
    {                                                                                          \
        return cuda_on_cpu::shuffle(cuda_on_cpu::how, mask, value, by, width, line);           \
    }
CUDA_ON_CPU_SHUFFLE(__shfl_sync, TO)
CUDA_ON_CPU_SHUFFLE(__shfl_up_sync, UP)
CUDA_ON_CPU_SHUFFLE(__shfl_down_sync, DOWN)
CUDA_ON_CPU_SHUFFLE(__shfl_xor_sync, XOR)
static inline unsigned __ballot_sync(unsigned mask, int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::ballot(mask, p != 0, line);
}
static inline int __any_sync(unsigned mask, int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::ballot(mask, p != 0, line) != 0;
}
static inline int __all_sync(unsigned mask, int p, CUDA_ON_CPU_LINE)
{
    return cuda_on_cpu::ballot(mask, p == 0, line) == 0;
}
static inline unsigned __activemask() { return 1u << cuda_on_cpu::lane(); }

/* Atomics: threads take turns, so plain code is atomic. */
#define CUDA_ON_CPU_ATOMIC(name, ...)                                                          \
    template <class T, class U>                                                                \
    CUDA_ON_CPU_INSTRUCTION __attribute__((noinline)) T name(T *at, U operand)                 \
    {                                                                                          \
        cuda_on_cpu::note_access(at, sizeof *at, cuda_on_cpu::ATOMIC,                          \
                                 __builtin_return_address(0));                                 \
        T old = *at, value = (T)operand;                                                       \
        *at = __VA_ARGS__;                                                                     \
        return old;                                                                            \
    }
CUDA_ON_CPU_ATOMIC(atomicAdd, (T)(old + value))
CUDA_ON_CPU_ATOMIC(atomicSub, (T)(old - value))
CUDA_ON_CPU_ATOMIC(atomicMax, value > old ? value : old)
CUDA_ON_CPU_ATOMIC(atomicMin, value < old ? value : old)
CUDA_ON_CPU_ATOMIC(atomicExch, value)
CUDA_ON_CPU_ATOMIC(atomicAnd, (T)(old & value))
CUDA_ON_CPU_ATOMIC(atomicOr, (T)(old | value))
CUDA_ON_CPU_ATOMIC(atomicXor, (T)(old ^ value))
CUDA_ON_CPU_ATOMIC(atomicInc, old >= value ? (T)0 : (T)(old + 1))
CUDA_ON_CPU_ATOMIC(atomicDec, old == 0 || old > value ? value : (T)(old - 1))
template <class T, class U, class V>
CUDA_ON_CPU_INSTRUCTION __attribute__((noinline)) T atomicCAS(T *at, U expected, V value)
{
    cuda_on_cpu::note_access(at, sizeof *at, cuda_on_cpu::ATOMIC, __builtin_return_address(0));
    T old = *at;
    if (old == (T)expected)
        *at = (T)value;
    return old;
}

/* Arithmetic. CUDA's functions of <math.h> take float as well. */
using std::exp, std::expm1, std::log, std::log1p, std::pow, std::sqrt, std::fabs, std::floor;
using std::sin, std::cos, std::tanh, std::erf, std::erfc, std::fmin, std::fmax, std::isnan;
using std::isinf, std::isfinite, std::fma, std::ceil, std::rint, std::trunc;
template <class T> static inline T __ldg(const T *at) { return *at; }
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / sqrt(x); }
#define __expf(x) expf(x) /* the C library declares functions of these names */
#define __logf(x) logf(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __saturatef(float a) { return a > 1 ? 1 : a > 0 ? a : 0; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
template <class To, class From> static inline To cuda_on_cpu_bits(From from)
{
    static_assert(sizeof(To) == sizeof(From), "both have the same bits");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
static inline int __float_as_int(float x) { return cuda_on_cpu_bits<int>(x); }
static inline float __int_as_float(int x) { return cuda_on_cpu_bits<float>(x); }
static inline unsigned __float_as_uint(float x) { return cuda_on_cpu_bits<unsigned>(x); }
static inline float __uint_as_float(unsigned x) { return cuda_on_cpu_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return cuda_on_cpu_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return cuda_on_cpu_bits<double>(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (uint64_t)a * b >> 32; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline unsigned __brev(unsigned x)
{
    unsigned reversed = 0;
    for (int i = 0; i < 32; i++)
        reversed |= (x >> i & 1) << (31 - i);
    return reversed;
}
template <class T, class U> static inline std::common_type_t<T, U> min(T a, U b)
{
    using Both = std::common_type_t<T, U>;
    return (Both)a < (Both)b ? (Both)a : (Both)b;
}
template <class T, class U> static inline std::common_type_t<T, U> max(T a, U b)
{
    using Both = std::common_type_t<T, U>;
    return (Both)a > (Both)b ? (Both)a : (Both)b;
}
#define __trap() cuda_on_cpu::stop("trap", "", __LINE__)
#undef assert
#define assert(c) ((c) ? (void)0 : cuda_on_cpu::stop("assertion", #c, __LINE__))

/* Launching, from Python: the kernel's own type says what its arguments are. */
namespace cuda_on_cpu {

template <class P> struct Described {
    static constexpr char kind = std::is_floating_point<P>::value ? 'f'
                                 : !std::is_integral<P>::value    ? 's'
                                 : std::is_signed<P>::value       ? 'i'
                                                                  : 'u';
    static constexpr size_t size = sizeof(P);
};
template <> struct Described<void *> { static constexpr char kind = 'p'; static constexpr size_t size = 1; };
template <> struct Described<const void *> { static constexpr char kind = 'c'; static constexpr size_t size = 1; };
template <class T> struct Described<T *> {
    static constexpr char kind = std::is_const<T>::value ? 'c' : 'p';
    static constexpr size_t size = sizeof(T);
};

template <auto K> struct Kernel;
template <class... P, void (*K)(P...)> struct Kernel<K> {
    template <size_t... I>
    CUDA_ON_CPU_INSTRUCTION void call(void **given, std::index_sequence<I...>)
    {
        K(*(std::remove_cv_t<P> *)given[I]...);
    }
    CUDA_ON_CPU_INSTRUCTION void run(void **given)
    {
        call(given, std::index_sequence_for<P...>{});
    }
    /* A letter for each parameter, and its size (of a pointer: of what it points to). */
    CUDA_ON_CPU_INSTRUCTION void describe(char *text)
    {
        *text = 0;
        ((text += sprintf(text, "%c%zu ", Described<std::remove_cv_t<P>>::kind,
                          Described<std::remove_cv_t<P>>::size)), ...);
    }
};

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_ENTRY(number, ...)                                                         \
    CUDA_ON_CPU_EXPORT int cuda_on_cpu_launch_##number(const unsigned *g, const unsigned *b,   \
                                                       size_t shared, void **given)            \
    {                                                                                          \
        return cuda_on_cpu::launch(&cuda_on_cpu::Kernel<(__VA_ARGS__)>::run,                   \
                                   dim3(g[0], g[1], g[2]), dim3(b[0], b[1], b[2]), shared,     \
                                   given);                                                     \
    }                                                                                          \
    CUDA_ON_CPU_EXPORT void cuda_on_cpu_describe_##number(char *text)                          \
    {                                                                                          \
        cuda_on_cpu::Kernel<(__VA_ARGS__)>::describe(text);                                    \
    }

#endif
