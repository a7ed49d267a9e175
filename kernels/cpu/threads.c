/* One pool of threads for all kernels.
 *
 * `parallel` cuts its range into parts of `grain` elements, whatever the number of threads, and
 * hands them out one by one from a counter. The caller takes part, so a pool of one has no thread
 * of its own. Threads are made at the first range that is worth them and are gone in a forked
 * child, where the next range makes new ones. After a range they look for the next one for a fifth
 * of a millisecond, then they sleep: waking takes longer than many a range, and a program's way from
 * one range to the next, through Python, some ten microseconds. Who comes too late for a range is
 * not waited for: its processor may be somebody else's just then. One range runs at a time: a second
 * Python thread that comes while one runs does its own range alone.
 *
 * On Linux threads are kept off the processor of the caller. Where no processor is idle, one that wakes
 * is put beside the one that woke it, and waits there until that has done the whole range alone.
 */
#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif
#include "kernel.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { MOST = 256, PATIENCE = 200000 }; /* threads; nanoseconds of looking for work */

static atomic_int wanted = 1;      /* threads, the caller included */
static int running;                /* threads that have been made, the caller not included */
static pthread_t made[MOST];
static int kept_off = -1;          /* the processor that they are kept off */
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER;   /* held by who runs a range */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;   /* guards what follows */
static pthread_cond_t begin_work = PTHREAD_COND_INITIALIZER;
static pthread_cond_t end_work = PTHREAD_COND_INITIALIZER;
static atomic_ulong generation;    /* of ranges */
static int helpers;                /* how many may take part in this range; 0 when it is over */
static atomic_int active;          /* how many do */
static struct {
    range_body *body;
    void *context;
    long n, grain;
    atomic_long next;
    atomic_int failed;             /* whether a helper could not get memory */
} job;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Look for some time whether something is still as it was. */
#if defined(__x86_64__)
#define BREATHE() __builtin_ia32_pause()
#else
#define BREATHE() atomic_signal_fence(memory_order_seq_cst)
#endif
#define WHILE(same)                                                                                \
    for (int64_t end = now() + PATIENCE; (same) && now() < end;)                                   \
        BREATHE();

static void take_parts(void)
{
    for (;;) {
        long begin = atomic_fetch_add(&job.next, job.grain);
        if (begin >= job.n)
            return;
        job.body(job.context, begin, min(begin + job.grain, job.n));
    }
}

static void *work(void *number)
{
    long me = (long)number;
    unsigned long seen = 0;
    pthread_mutex_lock(&lock);
    for (;;) {
        pthread_mutex_unlock(&lock);
        WHILE(generation == seen)
        pthread_mutex_lock(&lock);
        while (generation == seen)
            pthread_cond_wait(&begin_work, &lock);
        seen = generation;
        if (me >= helpers)
            continue;
        active++;
        pthread_mutex_unlock(&lock);
        take_parts();
        if (out_of_memory) {
            out_of_memory = 0;
            job.failed = 1;
        }
        pthread_mutex_lock(&lock);
        if (--active == 0)
            pthread_cond_signal(&end_work);
    }
    return NULL;
}

/* A forked child has none of its parent's threads, and nobody who would release the locks. */
static void after_fork(void)
{
    running = helpers = 0;
    kept_off = -1;
    active = 0;
    pthread_mutex_init(&busy, NULL);
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&begin_work, NULL);
    pthread_cond_init(&end_work, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork);
}

static void make_threads(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    while (running < wanted - 1) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        int failed = pthread_create(&thread, &attributes, work, (void *)(long)running);
        pthread_attr_destroy(&attributes);
        if (failed)
            return; /* fewer threads give the same results */
        made[running++] = thread;
        kept_off = -1;
    }
}

/* Leave the caller's processor to it; where it may use no other, threads stay where they are. */
static void keep_off_caller(void)
{
#ifdef __linux__
    int here = sched_getcpu();
    cpu_set_t others;
    if (here == kept_off || here < 0 ||
        pthread_getaffinity_np(pthread_self(), sizeof others, &others))
        return;
    CPU_CLR(here, &others);
    if (CPU_COUNT(&others) == 0)
        return;
    for (int i = 0; i < running; i++)
        pthread_setaffinity_np(made[i], sizeof others, &others);
    kept_off = here;
#endif
}

void parallel(long n, long grain, range_body *body, void *context)
{
    if (grain < 1)
        grain = 1;
    if (n <= grain || wanted == 1 || pthread_mutex_trylock(&busy)) {
        for (long begin = 0; begin < n; begin += grain)
            body(context, begin, min(begin + grain, n));
        return;
    }
    pthread_mutex_lock(&lock);
    make_threads();
    keep_off_caller();
    job.body = body;
    job.context = context;
    job.n = n;
    job.grain = grain;
    atomic_store(&job.next, 0);
    job.failed = 0;
    long parts = (n + grain - 1) / grain;
    helpers = (int)min((long)min(running, wanted - 1), parts - 1);
    generation++;
    pthread_cond_broadcast(&begin_work);
    pthread_mutex_unlock(&lock);
    take_parts();
    pthread_mutex_lock(&lock);
    helpers = 0;
    pthread_mutex_unlock(&lock);
    WHILE(active)
    pthread_mutex_lock(&lock);
    while (active)
        pthread_cond_wait(&end_work, &lock);
    pthread_mutex_unlock(&lock);
    if (job.failed)
        fail_for_memory();
    pthread_mutex_unlock(&busy);
}

void set_threads(int count)
{
    wanted = count < 1 ? 1 : count > MOST ? MOST : count;
}

int threads(void)
{
    return wanted;
}
