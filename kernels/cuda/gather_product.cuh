/* The product at the heart of convolutions: rows times columns that are gathered from images, so that no
 * matrix of columns is ever in memory.
 *
 *     out[m][n] = sum over k of rows[m * row_step + k.row] * image[n.offset + k.offset],
 *         where the second factor is 0 unless 0 <= n.y + k.y < height and 0 <= n.x + k.x < width
 *
 * The problem says what its n and k are: a Spot each, of place and offset. A block makes a tile of TILE_M by
 * TILE_N; 256 threads bring the next STEP units of k from memory to registers while they multiply the
 * present ones from shared memory.
 *
 *     Plain     numbers as they are, each thread rows x columns of its own
 *     Tensor    tensor cores: TF32, or pairs of 16-bit numbers (a unit holds PER of them)
 */
#pragma once
#include "tensor_cores.cuh"

#define THREADS 256
#define ROOM 46080 /* bytes of dynamic shared memory */
#define NOWHERE (-(1 << 29)) /* a coordinate that lies in no image */

struct Spot {
    int y, x;
    i64 offset; /* in the image */
    i64 row;    /* of a k: in a row; of an n: where its results go */
};

template <int M, int N> struct Plain {
    static constexpr int TILE_M = M, TILE_N = N, STEP = 16, PER = 1;
    static constexpr int ROWS = M / 16, COLUMNS = N / 16; /* of one thread, 16 apart */
    typedef wide unit;
    wide sum[ROWS][COLUMNS];

    static __device__ __forceinline__ unit pack(real x, real) { return widen(x); }
    __device__ __forceinline__ void clear()
    {
#pragma unroll
        for (int i = 0; i < ROWS * COLUMNS; i++)
            sum[i / COLUMNS][i % COLUMNS] = 0;
    }
    template <class A, class B> __device__ __forceinline__ void add(A a, B b)
    {
        const int m = threadIdx.x / 16, n = threadIdx.x % 16;
#pragma unroll 4
        for (int k = 0; k < STEP; k++) {
            unit row[ROWS], column[COLUMNS];
#pragma unroll
            for (int i = 0; i < ROWS; i++)
                row[i] = a(m + 16 * i, k);
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                column[j] = b(n + 16 * j, k);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++)
                    sum[i][j] += row[i] * column[j];
        }
    }
    template <class F> __device__ __forceinline__ void results(F f)
    {
#pragma unroll
        for (int i = 0; i < ROWS; i++)
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
                f(threadIdx.x / 16 + 16 * i, threadIdx.x % 16 + 16 * j, sum[i][j]);
    }
};

#ifndef REAL_FLOAT64
/* Eight warps, WARPS_M of them above each other. */
template <int M, int N, int WARPS_M> struct Tensor {
    static constexpr int TILE_M = M, TILE_N = N, STEP = 16, PER = 4 / sizeof(real);
    static constexpr int ROWS = M / WARPS_M / 16, COLUMNS = N * WARPS_M / 8 / 8; /* tiles of a warp */
    typedef u32 unit;
    float sum[ROWS][COLUMNS][4];

    static __device__ __forceinline__ unit pack(real x, real y)
    {
#ifdef REAL_FLOAT32
        return to_tf32(x);
#else
        return (u32)x.bits | (u32)y.bits << 16;
#endif
    }
    __device__ __forceinline__ void clear()
    {
#pragma unroll
        for (int i = 0; i < ROWS * COLUMNS * 4; i++)
            sum[i / 4 / COLUMNS][i / 4 % COLUMNS][i % 4] = 0;
    }
    __device__ __forceinline__ int first_row() const { return threadIdx.x / 32 % WARPS_M * (ROWS * 16); }
    __device__ __forceinline__ int first_column() const
    {
        return threadIdx.x / 32 / WARPS_M * (COLUMNS * 8);
    }
    template <class A, class B> __device__ __forceinline__ void add(A a, B b)
    {
        const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
        for (int k = 0; k < STEP; k += 8) {
            u32 rows[ROWS][4], columns[COLUMNS][2];
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int q = 0; q < 4; q++)
                    rows[i][q] = a(first_row() + 16 * i + g + q % 2 * 8, k + t + q / 2 * 4);
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
#pragma unroll
                for (int q = 0; q < 2; q++)
                    columns[j][q] = b(first_column() + 8 * j + g, k + t + q * 4);
#pragma unroll
            for (int i = 0; i < ROWS; i++)
#pragma unroll
                for (int j = 0; j < COLUMNS; j++)
                    multiply(sum[i][j], rows[i], columns[j]);
        }
    }
    template <class F> __device__ __forceinline__ void results(F f)
    {
        const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
        for (int i = 0; i < ROWS; i++)
#pragma unroll
            for (int j = 0; j < COLUMNS; j++)
#pragma unroll
                for (int q = 0; q < 4; q++)
                    f(first_row() + 16 * i + g + q / 2 * 8, first_column() + 8 * j + 2 * t + q % 2,
                      (wide)sum[i][j][q]);
    }
};
#endif

/* Units of k lie side by side where threads store along k; else columns do. The rests keep the accesses
 * of a warp, to store and to multiply, in different banks. */
template <class Math, bool ALONG_K> struct Tiles {
    static constexpr int A_LINE = Math::STEP + 4;
    static constexpr int B_LINE = ALONG_K ? Math::STEP + 4 : Math::TILE_N + 8;
    typename Math::unit a[2][Math::TILE_M * A_LINE];
    typename Math::unit b[2][ALONG_K ? Math::TILE_N * B_LINE : Math::STEP * B_LINE];
    Spot ks[2][Math::STEP * Math::PER];
    Spot ns[Math::TILE_N];

    static __device__ __forceinline__ int a_at(int m, int k) { return m * A_LINE + k; }
    static __device__ __forceinline__ int b_at(int n, int k)
    {
        return ALONG_K ? n * B_LINE + k : k * B_LINE + n;
    }
};

/* problem.n_at(n), problem.k_at(k): Spots; problem.rows, row_step, image, height, width; M rows; k from `begin`
 * to `end`. result(m, row of n, sum) takes what comes out.
 */
template <class Math, bool ALONG_K, class Problem, class Result>
__device__ __forceinline__ void gather_product(const Problem &problem, Tiles<Math, ALONG_K> *tiles, i64 M,
                                               i64 first_m, i64 first_n, i64 begin, i64 end,
                                               Result result)
{
    constexpr int STEP = Math::STEP, PER = Math::PER;
    constexpr int A_EACH = Math::TILE_M * STEP / THREADS, B_EACH = Math::TILE_N * STEP / THREADS;
    static_assert(sizeof(Tiles<Math, ALONG_K>) <= ROOM, "the tiles fit into what a launch asks for");
    static_assert(ALONG_K || THREADS % Math::TILE_N == 0, "a thread stays at its column");
    const int me = threadIdx.x;
    typename Math::unit a_next[A_EACH], b_next[B_EACH];
    Spot column = {NOWHERE, 0, 0, -1}; /* where each thread has one */
    Math math;
    math.clear();

    auto find_ks = [&](i64 from, int half) {
        if (me < STEP * PER)
            tiles->ks[half][me] = from + me < end ? problem.k_at(from + me) : Spot{NOWHERE, 0, 0, -1};
    };
    auto row_element = [&](int m, const Spot &k) {
        return k.row >= 0 && first_m + m < M ? problem.rows[(first_m + m) * problem.row_step + k.row]
                                             : narrow(0);
    };
    auto image_element = [&](const Spot &n, const Spot &k) {
        const bool inside = (u32)(n.y + k.y) < (u32)problem.height && (u32)(n.x + k.x) < (u32)problem.width;
        return inside ? problem.image[n.offset + k.offset] : narrow(0);
    };
    auto bring = [&](int half) { /* the next tiles, to registers */
        const Spot *ks = tiles->ks[half];
#pragma unroll
        for (int i = 0; i < A_EACH; i++) {
            const int m = me / STEP + i * (THREADS / STEP), k = me % STEP * PER;
            a_next[i] = Math::pack(row_element(m, ks[k]), row_element(m, ks[k + PER - 1]));
        }
#pragma unroll
        for (int i = 0; i < B_EACH; i++) {
            const int at = me + i * THREADS;
            const int n = ALONG_K ? at / STEP : at % Math::TILE_N;
            const int k = (ALONG_K ? at % STEP : at / Math::TILE_N) * PER;
            const Spot &spot = ALONG_K ? tiles->ns[n] : column;
            b_next[i] = Math::pack(image_element(spot, ks[k]), image_element(spot, ks[k + PER - 1]));
        }
    };
    auto keep = [&](int half) { /* the registers, in shared memory */
#pragma unroll
        for (int i = 0; i < A_EACH; i++)
            tiles->a[half][tiles->a_at(me / STEP + i * (THREADS / STEP), me % STEP)] = a_next[i];
#pragma unroll
        for (int i = 0; i < B_EACH; i++) {
            const int at = me + i * THREADS;
            const int n = ALONG_K ? at / STEP : at % Math::TILE_N;
            const int k = ALONG_K ? at % STEP : at / Math::TILE_N;
            tiles->b[half][tiles->b_at(n, k)] = b_next[i];
        }
    };

    for (int n = me; n < Math::TILE_N; n += THREADS)
        tiles->ns[n] = problem.n_at(first_n + n);
    find_ks(begin, 0);
    __syncthreads();
    if (!ALONG_K)
        column = tiles->ns[me % Math::TILE_N];
    bring(0);
    keep(0);
    find_ks(begin + STEP * PER, 1);
    __syncthreads();
    int half = 0;
    for (i64 k = begin; k < end; k += STEP * PER, half ^= 1) {
        const bool more = k + STEP * PER < end;
        if (more)
            bring(half ^ 1);
        math.add([&](int m, int u) { return tiles->a[half][tiles->a_at(m, u)]; },
                 [&](int n, int u) { return tiles->b[half][tiles->b_at(n, u)]; });
        if (more) {
            keep(half ^ 1);
            find_ks(k + 2 * STEP * PER, half);
        }
        __syncthreads();
    }
    math.results([&](int m, int n, wide sum) {
        const i64 to = tiles->ns[n].row;
        if (first_m + m < M && to >= 0)
            result(first_m + m, to, sum);
    });
}
