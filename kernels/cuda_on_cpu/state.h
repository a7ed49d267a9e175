/* What compiled kernels and the runtime share: the built-in variables, and the doors from one to the
 * other. The runtime is compiled once; a kernel file includes this through cuda_on_cpu.h.
 */
#ifndef MINIGRAD_CUDA_ON_CPU_STATE_H
#define MINIGRAD_CUDA_ON_CPU_STATE_H

#include <cstddef>
#include <cstdint>

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

#define CUDA_ON_CPU_EXPORT extern "C" __attribute__((visibility("default")))

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace cuda_on_cpu {

enum How : uint16_t { READ, WRITE, ATOMIC };

/* A kernel whose arguments are read from an array of pointers. */
typedef void Entry(void **arguments);
int launch(Entry *entry, dim3 grid, dim3 block, size_t shared, void **arguments);

unsigned char *dynamic_shared();

/* Where a thread waits for others. `line` is that of the call: a barrier that is reached on
 * different lines has diverged. */
void barrier(int line);
int barrier_reduce(int predicate, int how, int line);
void warp_barrier(unsigned mask, uint64_t given, int line);
uint64_t lane_value(unsigned mask, unsigned lane, int line);
bool lane_is_there(unsigned lane);
unsigned lane();

/* Asynchronous copies happen no sooner than they are waited for. */
void copy_later(void *to, const void *from, unsigned bytes, unsigned valid);
void commit_copies();
void wait_for_copies(unsigned groups_left);

/* End the launch with a finding. */
[[noreturn]] void stop(const char *kind, const char *detail, int line);

/* Tell the checker of an access; does nothing in a plain build. */
void note_access(const void *at, unsigned bytes, How how, void *from);

}  // namespace cuda_on_cpu

#endif
