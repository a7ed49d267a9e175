/* Blocks run one after another, and the threads of a block in turns: a thread runs until it ends or
 * waits. In which order is chosen by configure(): forward, reversed, or shuffled. A kernel whose
 * result depends on it lacks a barrier.
 */
#include <cstring>
#include <vector>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cuda_on_cpu {

enum State : uint8_t { NEW, READY, AT_BARRIER, AT_WARP, DONE };

struct Copy {
    void *to;
    const void *from;
    unsigned bytes, valid;
    void *pc;
};

struct Thread {
    Context context;
    char *stack;
    uint3 index;
    State state;
    int line;
    void *pc;               /* where it waits */
    unsigned mask;          /* with which lanes */
    uint64_t given, shown;  /* what it brings to a warp operation, and what the others see of it */
    uint32_t warp_time;     /* the number of its last warp operation */
    int predicate;
    std::vector<Copy> copies;
    std::vector<size_t> groups; /* where each committed group of copies ends */
};

/* What is reported of a launch that was stopped; Python makes sentences of it. */
struct Finding {
    char kind[32], detail[256];
    unsigned block[3], thread[3];
    uintptr_t pc;
    int how, size, range;
    long offset;
    int other_how;
    unsigned other_block, other_thread;
    uintptr_t other_pc;
    int line, other_line, count;
};

enum Order { FORWARD, REVERSED, SHUFFLED };

static std::vector<Thread> all;
static unsigned count, now;
static Context scheduler;
static Entry *entry_point;
static void **arguments;
static uint32_t block_number, barriers, warp_times[32];
alignas(1024) static unsigned char dynamic[232448 + 1024]; /* what a block may have on an H100 */
static size_t dynamic_size;
static int order;
static uint32_t seed, random_state;
static Finding finding;
static bool stopped;

static void block_begins();
static void perform(const Copy &copy);

static uintptr_t image() /* where the library lies: places in code are told relative to it */
{
    extern char base[] asm("__ehdr_start") __attribute__((visibility("hidden")));
    return (uintptr_t)base;
}

static void to_scheduler() { switch_context(&all[now].context, &scheduler); }

static void begin_finding(const char *kind, const char *detail)
{
    memset(&finding, 0, sizeof finding);
    strncpy(finding.kind, kind, sizeof finding.kind - 1);
    strncpy(finding.detail, detail, sizeof finding.detail - 1);
    memcpy(finding.block, &blockIdx, sizeof finding.block);
    memcpy(finding.thread, &all[now].index, sizeof finding.thread);
    finding.range = -1;
    stopped = true;
}

[[noreturn]] static void leave()
{
    to_scheduler();
    abort();
}

[[noreturn]] static void stop_at(void *pc, const char *kind, const char *detail, int line)
{
    begin_finding(kind, detail);
    finding.pc = (uintptr_t)pc - image();
    finding.line = line;
    leave();
}

[[noreturn]] __attribute__((noinline)) void stop(const char *kind, const char *detail, int line)
{
    stop_at(__builtin_return_address(0), kind, detail, line);
}

/* Found by the scheduler rather than by a thread: `who` waits at its line. */
static void blame(const char *kind, unsigned who, int number, int other_line)
{
    now = who;
    begin_finding(kind, "");
    finding.pc = (uintptr_t)all[who].pc - image();
    finding.line = all[who].line;
    finding.count = number;
    finding.other_line = other_line;
}

static void run_thread()
{
    entry_point(arguments);
    Thread &me = all[now];
    if (!me.copies.empty())
        stop_at(me.copies[0].pc, "unawaited copy", "", 0);
    me.state = DONE;
    leave();
}

static void resume(unsigned i)
{
    Thread &thread = all[i];
    if (thread.state == NEW) {
        thread.stack = idle[--idle_count];
        make_context(&thread.context, top_of(thread.stack, i), run_thread);
    }
    thread.state = READY;
    now = i;
    threadIdx = thread.index;
    switch_context(&scheduler, &thread.context);
    if (thread.state == DONE)
        idle[idle_count++] = thread.stack;
}

static uint32_t next_random()
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    return random_state ^= random_state << 5;
}

static void put_in_order(unsigned *place, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        place[i] = order == REVERSED ? n - 1 - i : i;
    if (order == SHUFFLED)
        for (unsigned i = n; i > 1; i--) {
            unsigned j = next_random() % i, kept = place[i - 1];
            place[i - 1] = place[j];
            place[j] = kept;
        }
}

static unsigned lanes_of(unsigned warp)
{
    unsigned n = count - warp * 32;
    return n >= 32 ? ~0u : (1u << n) - 1;
}

/* Let those lanes of a warp go on that have all arrived at the same operation; false if none. */
static bool release(unsigned warp)
{
    bool any = false;
    unsigned there = lanes_of(warp);
    for (unsigned lane = 0; lane < 32 && there >> lane; lane++) {
        Thread &thread = all[warp * 32 + lane];
        if (thread.state != AT_WARP)
            continue;
        unsigned mask = thread.mask & there;
        bool complete = true;
        for (unsigned k = 0; k < 32; k++) {
            if (!(mask >> k & 1))
                continue;
            Thread &other = all[warp * 32 + k];
            if (other.state == DONE) {
                blame("exited lane", warp * 32 + lane, k, 0);
                return false;
            }
            complete &= other.state == AT_WARP && (other.mask & there) == mask;
        }
        if (!complete)
            continue;
        warp_times[warp]++;
        for (unsigned k = 0; k < 32; k++)
            if (mask >> k & 1) {
                Thread &other = all[warp * 32 + k];
                other.shown = other.given;
                other.state = READY;
                other.warp_time = warp_times[warp];
            }
        any = true;
    }
    return any;
}

static void run_warp(unsigned warp)
{
    unsigned place[32];
    do {
        put_in_order(place, 32);
        for (unsigned k = 0; k < 32; k++) {
            unsigned i = warp * 32 + place[k];
            if (i < count && all[i].state <= READY) {
                resume(i);
                if (stopped)
                    return;
            }
        }
    } while (release(warp));
}

/* All threads wait or have ended: let them go on, or say why they cannot. False at the end. */
static bool pass_barrier()
{
    unsigned ended = 0, waiting = 0, first = 0;
    for (unsigned i = 0; i < count; i++) {
        Thread &thread = all[i];
        if (thread.state == DONE)
            ended++;
        else if (thread.state == AT_WARP)
            return blame("lanes missing", i, 0, 0), false;
        else if (!waiting++)
            first = i;
        else if (thread.line != all[first].line)
            return blame("divergent barrier", i, first, all[first].line), false;
    }
    if (!waiting)
        return false;
    if (ended)
        return blame("exited threads", first, ended, 0), false;
    for (unsigned i = 0; i < count; i++)
        all[i].state = READY;
    barriers++;
    return true;
}

static void run_block()
{
    unsigned warps = (count + 31) / 32, place[32];
    for (unsigned i = 0; i < count; i++) {
        all[i].state = NEW;
        all[i].warp_time = 0;
        all[i].copies.clear();
        all[i].groups.clear();
    }
    barriers = 0;
    memset(warp_times, 0, sizeof warp_times);
    block_begins();
    do {
        put_in_order(place, warps);
        for (unsigned k = 0; k < warps && !stopped; k++)
            run_warp(place[k]);
    } while (!stopped && pass_barrier());
}

static void wait_here(State state, int line, void *pc)
{
    Thread &me = all[now];
    me.state = state;
    me.line = line;
    me.pc = pc;
    to_scheduler();
}

__attribute__((noinline)) void barrier(int line)
{
    wait_here(AT_BARRIER, line, __builtin_return_address(0));
}

/* how: 0 counts, 1 is "and", 2 is "or" */
__attribute__((noinline)) int barrier_reduce(int predicate, int how, int line)
{
    void *pc = __builtin_return_address(0);
    all[now].predicate = predicate != 0;
    wait_here(AT_BARRIER, line, pc);
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++)
        n += all[i].predicate;
    wait_here(AT_BARRIER, line, pc);
    return how == 0 ? n : how == 1 ? n == count : n > 0;
}

__attribute__((noinline)) void warp_barrier(unsigned mask, uint64_t given, int line)
{
    Thread &me = all[now];
    if (!(mask >> (now & 31) & 1))
        stop_at(__builtin_return_address(0), "not in mask", "", line);
    me.given = given;
    me.mask = mask;
    wait_here(AT_WARP, line, __builtin_return_address(0));
}

bool lane_is_there(unsigned lane) { return (now & ~31u) + lane < count; }

unsigned lane() { return now & 31; }

/* Of a lane that does not exist the value is undefined: here, all bits are set. */
__attribute__((noinline)) uint64_t lane_value(unsigned mask, unsigned lane, int line)
{
    if (!lane_is_there(lane))
        return ~0ull;
    if (!(mask >> lane & 1))
        stop_at(__builtin_return_address(0), "lane outside mask", "", line);
    return all[(now & ~31u) + lane].shown;
}

unsigned char *dynamic_shared() { return dynamic; }

__attribute__((noinline)) void copy_later(void *to, const void *from, unsigned bytes, unsigned valid)
{
    all[now].copies.push_back({to, from, bytes, valid, __builtin_return_address(0)});
}

void commit_copies() { all[now].groups.push_back(all[now].copies.size()); }

void wait_for_copies(unsigned groups_left)
{
    Thread &me = all[now];
    if (me.groups.size() <= groups_left)
        return;
    size_t groups = me.groups.size() - groups_left, end = me.groups[groups - 1];
    for (size_t i = 0; i < end; i++)
        perform(me.copies[i]);
    me.copies.erase(me.copies.begin(), me.copies.begin() + end);
    me.groups.erase(me.groups.begin(), me.groups.begin() + groups);
    for (size_t &group : me.groups)
        group -= end;
}

}  // namespace cuda_on_cpu
