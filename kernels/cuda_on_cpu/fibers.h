/* Fibers: each thread of a block runs on a stack of its own until it waits for others.
 *
 * On x86-64 a switch saves the six registers that a function must preserve, which takes some
 * nanoseconds; elsewhere ucontext does it, with a system call each way.
 */
#include <cstdlib>
#include <sys/mman.h>

namespace cuda_on_cpu {

constexpr unsigned MOST_THREADS = 1024;
constexpr size_t STACK = 64 << 10;

#if defined(__x86_64__) && !defined(CUDA_ON_CPU_UCONTEXT)

typedef void *Context;

extern "C" void cuda_on_cpu_switch(Context *save, Context *load);
asm(R"(
    .text
    .hidden cuda_on_cpu_switch
    .globl cuda_on_cpu_switch
    .type cuda_on_cpu_switch, @function
cuda_on_cpu_switch:
    endbr64
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov (%rsi), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size cuda_on_cpu_switch, . - cuda_on_cpu_switch
)");

static void switch_context(Context *save, Context *load) { cuda_on_cpu_switch(save, load); }

/* `top` is a multiple of 16: at the entry of a function rsp has 8 above such a multiple. */
static void make_context(Context *context, char *top, void (*run)())
{
    void **at = (void **)top;
    *--at = nullptr;      /* where run() would return to; it never does */
    *--at = (void *)run;
    *context = at - 6;
}

#else

}  // namespace cuda_on_cpu
#include <ucontext.h>
namespace cuda_on_cpu {

typedef ucontext_t Context;

static void switch_context(Context *save, Context *load) { swapcontext(save, load); }

static void make_context(Context *context, char *top, void (*run)())
{
    getcontext(context);
    context->uc_stack.ss_sp = top - STACK / 2;
    context->uc_stack.ss_size = STACK / 2;
    context->uc_link = nullptr;
    makecontext(context, run, 0);
}

#endif

static char *stacks;             /* MOST_THREADS of them, side by side */
static char *idle[MOST_THREADS]; /* those that no thread uses */
static unsigned idle_count;

static void prepare_stacks()
{
    if (!stacks) {
        void *room = mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (room == MAP_FAILED)
            abort();
        stacks = (char *)room;
    }
    idle_count = MOST_THREADS;
    for (unsigned i = 0; i < MOST_THREADS; i++)
        idle[i] = stacks + STACK * (MOST_THREADS - 1 - i);
}

static bool on_a_stack(uintptr_t at)
{
    return at - (uintptr_t)stacks < STACK * MOST_THREADS;
}

/* Stacks begin at staggered places: equal ones would contend for the same lines of the cache. */
static char *top_of(char *stack, unsigned thread)
{
    return stack + STACK - thread % 61 * 192;
}

}  // namespace cuda_on_cpu
