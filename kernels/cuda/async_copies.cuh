/* Copies from global to shared memory that go on while the thread does something else.
 *
 *     copy_later<BYTES>(to, from, valid)   4, 8 or 16 bytes; those beyond `valid` become zeros
 *     commit_copies()                      what was asked for since the last commit is a group
 *     wait_for_copies<LEFT>()              until no more than LEFT groups are under way
 *
 * Other threads see what was copied after a barrier behind the wait. On the CPU nothing is copied
 * before it is waited for, so that a missing wait shows.
 */
#pragma once
#include "common.cuh"

#ifdef CUDA_ON_CPU
template <int BYTES> static inline void copy_later(void *to, const void *from, int valid = BYTES)
{
    cuda_on_cpu::copy_later(to, from, BYTES, (unsigned)valid);
}
static inline void commit_copies() { cuda_on_cpu::commit_copies(); }
template <int LEFT> static inline void wait_for_copies() { cuda_on_cpu::wait_for_copies(LEFT); }
#else
template <int BYTES>
__device__ __forceinline__ void copy_later(void *to, const void *from, int valid = BYTES)
{
    const u32 at = (u32)__cvta_generic_to_shared(to);
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(at), "l"(from), "n"(BYTES),
                 "r"(valid)
                 : "memory");
}
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LEFT> __device__ __forceinline__ void wait_for_copies()
{
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
#endif
