/* Launching a grid, and what is reported when it was stopped. */
namespace cuda_on_cpu {

/* A permutation of 0..n-1: a step without a common divisor with n visits every block. */
static size_t block_in_order(size_t k, size_t n)
{
    if (order == FORWARD)
        return k;
    size_t a = 2654435761ull % n, b = n;
    while (a) {
        size_t rest = b % a;
        b = a;
        a = rest;
    }
    return order == REVERSED || b != 1 ? n - 1 - k : (k * 2654435761ull + seed) % n;
}

static bool refuse(const char *detail)
{
    memset(&finding, 0, sizeof finding);
    strcpy(finding.kind, "launch");
    strcpy(finding.detail, detail);
    finding.range = -1;
    return true;
}

static bool refused(dim3 grid, dim3 block, size_t shared)
{
    if (!block.x || !block.y || !block.z || block.x * block.y * block.z > MOST_THREADS)
        return refuse("a block has 1 to 1024 threads");
    if (shared > sizeof dynamic - 1024)
        return refuse("a block has at most 227 KB of shared memory");
    if (!grid.x || !grid.y || !grid.z || grid.x >> 31 || grid.y > 65535 || grid.z > 65535)
        return refuse("a grid has 1 to 2147483647, 65535 and 65535 blocks along its axes");
    return false;
}

int launch(Entry *entry, dim3 grid, dim3 block, size_t shared, void **given)
{
    stopped = refused(grid, block, shared);
    if (stopped)
        return 1;
    count = block.x * block.y * block.z;
    if (all.size() < count)
        all.resize(count);
    prepare_stacks();
    blockDim = block;
    gridDim = grid;
    entry_point = entry;
    arguments = given;
    dynamic_size = shared;
    random_state = seed * 2654435761u + 1;
    for (unsigned i = 0; i < count; i++)
        all[i].index = {i % block.x, i / block.x % block.y, i / (block.x * block.y)};
    launch_begins();
    size_t blocks = (size_t)grid.x * grid.y * grid.z;
    for (size_t k = 0; k < blocks && !stopped; k++) {
        size_t b = block_in_order(k, blocks);
        block_number = (uint32_t)b;
        blockIdx = {(unsigned)(b % grid.x), (unsigned)(b / grid.x % grid.y),
                    (unsigned)(b / ((size_t)grid.x * grid.y))};
        run_block();
    }
    launch_ends();
    return stopped;
}

}  // namespace cuda_on_cpu

CUDA_ON_CPU_EXPORT const cuda_on_cpu::Finding *cuda_on_cpu_finding()
{
    return &cuda_on_cpu::finding;
}

CUDA_ON_CPU_EXPORT void cuda_on_cpu_configure(int order, unsigned seed)
{
    cuda_on_cpu::order = order;
    cuda_on_cpu::seed = seed;
}
