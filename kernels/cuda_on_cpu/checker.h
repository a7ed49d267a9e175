/* Judges every access of a checked build, in which the compiler calls the hooks of thread and
 * undefined-behaviour sanitizers; their libraries are not linked, the hooks are here.
 *
 * For each element of each known range (an array that was passed, a shared variable) it is kept who
 * wrote it last and which two threads read it last. Two accesses of which one writes are in order if
 * one thread makes both, or a barrier or an operation of both threads' warp lies between. Otherwise
 * they are a race, in whatever order they came now. Between blocks nothing is in order.
 */
namespace cuda_on_cpu {

struct Access {
    uint32_t block; /* 0: none; else its number + 1 */
    uint32_t pc, barrier, warp_time;
    uint16_t thread;
    How how;
};

struct Cell {
    Access written, read, read_too;
};

struct Range {
    uintptr_t begin, end;
    bool writable, shared;
    uint8_t grain; /* bytes of one cell */
    Cell *cells;
};

static std::vector<Range> ranges;
static size_t last_range;
static bool judging;
static uintptr_t image_end()
{
    extern char end[] asm("_end") __attribute__((visibility("hidden")));
    return (uintptr_t)end;
}

static void launch_begins()
{
    for (Range &range : ranges) {
        if (range.shared && !range.begin) { /* the dynamic one */
            range.begin = (uintptr_t)dynamic;
            range.end = range.begin + dynamic_size;
        }
        size_t cells = (range.end - range.begin) / range.grain + 1;
        range.cells = (Cell *)calloc(cells, sizeof(Cell));
        if (!range.cells)
            abort();
    }
    last_range = 0;
    judging = !ranges.empty();
}

static void launch_ends()
{
    judging = false;
    for (Range &range : ranges)
        free(range.cells);
    ranges.clear();
}

/* What the last block left in shared memory is not there for the next one. */
static void block_begins()
{
    for (Range &range : ranges)
        if (range.shared)
            memset((void *)range.begin, 0xff, range.end - range.begin);
}

static bool in_order(const Access &a, const Access &b)
{
    if (!a.block)
        return true;
    if (a.block != b.block)
        return false;
    if (a.thread == b.thread || a.barrier != b.barrier)
        return true;
    return a.thread / 32 == b.thread / 32 && a.warp_time < b.warp_time;
}

static bool harmless(const Access &a, const Access &b)
{
    bool reads = a.how == READ && b.how == READ, atomics = a.how == ATOMIC && b.how == ATOMIC;
    return reads || atomics || in_order(a, b);
}

static void describe(How how, unsigned bytes, uintptr_t at, int range)
{
    finding.how = how;
    finding.size = (int)bytes;
    finding.range = range;
    finding.offset = range < 0 ? 0 : (long)(at - ranges[range].begin);
}

[[noreturn]] static void report(const char *kind, How how, unsigned bytes, uintptr_t at, int range,
                                void *pc)
{
    begin_finding(kind, "");
    finding.pc = (uintptr_t)pc - image();
    describe(how, bytes, at, range);
    leave();
}

[[noreturn]] static void report_race(const Access &other, How how, unsigned bytes, uintptr_t at,
                                     int range, void *pc)
{
    begin_finding("race", "");
    finding.pc = (uintptr_t)pc - image();
    describe(how, bytes, at, range);
    finding.other_how = other.how;
    finding.other_block = other.block - 1;
    finding.other_thread = other.thread;
    finding.other_pc = other.pc;
    leave();
}

static void judge(Cell &cell, const Access &here, unsigned bytes, uintptr_t at, int range, void *pc)
{
    if (ranges[range].shared) {
        /* blocks have shared memory of their own, which begins empty */
        for (Access *before : {&cell.written, &cell.read, &cell.read_too})
            if (before->block != here.block)
                before->block = 0;
        if (here.how != WRITE && !cell.written.block)
            report("unwritten", here.how, bytes, at, range, pc);
    }
    for (const Access *before : {&cell.written, &cell.read, &cell.read_too})
        if (!harmless(*before, here))
            report_race(*before, here.how, bytes, at, range, pc);
    if (here.how != READ) {
        cell.written = here;
    } else {
        if (cell.read.thread != here.thread || cell.read.block != here.block)
            cell.read_too = cell.read;
        cell.read = here;
    }
}

static bool holds(const Range &range, uintptr_t at, unsigned bytes)
{
    return at >= range.begin && at + bytes <= range.end;
}

[[noreturn]] static void report_outside(uintptr_t at, unsigned bytes, How how, void *pc)
{
    int nearest = -1;
    uintptr_t distance = 1 << 16;
    for (size_t k = 0; k < ranges.size(); k++) {
        uintptr_t d = at < ranges[k].begin ? ranges[k].begin - at : at + bytes - ranges[k].end;
        if (d < distance) {
            distance = d;
            nearest = (int)k;
        }
    }
    report(at < 4096 ? "null pointer" : "out of bounds", how, bytes, at, nearest, pc);
}

void note_access(const void *where, unsigned bytes, How how, void *pc)
{
    uintptr_t at = (uintptr_t)where;
    if (!judging || stopped || on_a_stack(at))
        return;
    size_t k = last_range;
    if (!holds(ranges[k], at, bytes)) {
        for (k = 0; k < ranges.size() && !holds(ranges[k], at, bytes); k++) {
        }
        if (k == ranges.size()) {
            if (how == READ && at >= image() && at < image_end())
                return; /* built-in variables and constants */
            report_outside(at, bytes, how, pc);
        }
        last_range = k;
    }
    const Range &range = ranges[k];
    if (how != READ && !range.writable)
        report("read-only", how, bytes, at, (int)k, pc);
    const Access here = {block_number + 1, (uint32_t)((uintptr_t)pc - image()), barriers,
                         all[now].warp_time, (uint16_t)now, how};
    uintptr_t first = (at - range.begin) / range.grain;
    uintptr_t last = (at - range.begin + bytes - 1) / range.grain;
    for (uintptr_t i = first; i <= last; i++)
        judge(range.cells[i], here, bytes, at, (int)k, pc);
}

static void perform(const Copy &copy)
{
    if (copy.valid)
        note_access(copy.from, copy.valid, READ, copy.pc);
    note_access(copy.to, copy.bytes, WRITE, copy.pc);
    memcpy(copy.to, copy.from, copy.valid);
    memset((char *)copy.to + copy.valid, 0, copy.bytes - copy.valid);
}

[[noreturn]] static void refuse_access(const char *kind, long number, void *pc)
{
    begin_finding(kind, "");
    finding.pc = (uintptr_t)pc - image();
    finding.offset = number;
    leave();
}

}  // namespace cuda_on_cpu

/* Ranges of the next launch, in the order in which findings number them. A range at 0 that is shared
 * is the dynamic shared memory.
 */
CUDA_ON_CPU_EXPORT void cuda_on_cpu_add_range(uintptr_t begin, size_t bytes, int writable,
                                              int shared, int grain, int in_image)
{
    if (in_image)
        begin += cuda_on_cpu::image();
    cuda_on_cpu::ranges.push_back(
        {begin, begin + bytes, writable != 0, shared != 0, (uint8_t)grain, nullptr});
}

#define HERE __builtin_return_address(0)
#define HOOKS(bytes)                                                                           \
    void __tsan_read##bytes(void *p) { note_access(p, bytes, READ, HERE); }                    \
    void __tsan_write##bytes(void *p) { note_access(p, bytes, WRITE, HERE); }                  \
    void __tsan_unaligned_read##bytes(void *p) { note_access(p, bytes, READ, HERE); }          \
    void __tsan_unaligned_write##bytes(void *p) { note_access(p, bytes, WRITE, HERE); }

extern "C" {
using namespace cuda_on_cpu;
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
void __tsan_read_range(void *p, size_t n) { note_access(p, (unsigned)n, READ, HERE); }
void __tsan_write_range(void *p, size_t n) { note_access(p, (unsigned)n, WRITE, HERE); }
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void *, void *) {}

void __ubsan_handle_type_mismatch_v1(void *, uintptr_t at)
{
    if (judging)
        refuse_access(at < 4096 ? "null pointer" : "misaligned", (long)(at & 255), HERE);
}
void __ubsan_handle_out_of_bounds(void *, uintptr_t index)
{
    if (judging)
        refuse_access("index", (long)index, HERE);
}
void __ubsan_handle_shift_out_of_bounds(void *, uintptr_t, uintptr_t by)
{
    if (judging)
        refuse_access("shift", (long)by, HERE);
}
void __ubsan_handle_divrem_overflow(void *, uintptr_t, uintptr_t)
{
    if (judging)
        refuse_access("division", 0, HERE);
}
}
