/* Stress for the pool of threads, to be compiled with kernels/cpu/threads.c, scratch.c and
 * -fsanitize=thread.
 *
 * Several threads run ranges at once while the number of threads changes, and forked children run
 * ranges of their own. Ends with 0 if every sum was right, and if whoever called was told when a
 * thread of the pool had no memory.
 */
#include "kernel.h"
#include "threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLERS = 4, ROUNDS = 300, COUNT = 5000, GRAIN = 64 };

typedef struct {
    long parts[COUNT / GRAIN + 1];
} sums;

static void add(void *context, long begin, long end)
{
    long total = 0;
    for (long i = begin; i < end; i++)
        total += i;
    ((sums *)context)->parts[begin / GRAIN] += total;
}

static long wrong(int rounds, int change)
{
    long bad = 0;
    for (int round = 0; round < rounds; round++) {
        sums found = {{0}};
        long total = 0;
        if (change)
            set_threads(1 + round % 4);
        parallel(COUNT, GRAIN, add, &found);
        for (int i = 0; i <= COUNT / GRAIN; i++)
            total += found.parts[i];
        bad += total != (long)COUNT * (COUNT - 1) / 2;
    }
    return bad;
}

static void *call(void *number)
{
    return (void *)wrong(ROUNDS, number == NULL);
}

typedef struct {
    pthread_t caller;
    atomic_int helped;
} lacking;

static void lack(void *context, long begin, long end)
{
    lacking *c = context;
    if (!pthread_equal(pthread_self(), c->caller)) {
        c->helped = 1;
        fail_for_memory();
    }
    for (atomic_long i = 20 * begin; i < 20 * end;)
        i++;
}

/* How often the caller was not told, or told of what had not been. */
static long untold(void)
{
    long bad = 0, helped = 0;
    for (int round = 0; round < ROUNDS; round++) {
        lacking c = {.caller = pthread_self()};
        out_of_memory = 0;
        parallel(COUNT, GRAIN, lack, &c);
        bad += out_of_memory != c.helped;
        helped += c.helped;
    }
    return bad + (helped == 0);
}

int main(int count, char **arguments)
{
    pthread_t callers[CALLERS];
    long bad = 0;
    int forks = count > 1 ? atoi(arguments[1]) : 0;
    set_threads(3);
    for (long i = 0; i < CALLERS; i++)
        pthread_create(&callers[i], NULL, call, (void *)i);
    for (int i = 0; i < forks; i++) {
        pid_t child = fork();
        int status;
        if (child == 0)
            _exit(wrong(20, 1) != 0);
        waitpid(child, &status, 0);
        bad += status != 0;
    }
    for (int i = 0; i < CALLERS; i++) {
        void *found;
        pthread_join(callers[i], &found);
        bad += (long)found;
    }
    set_threads(3);
    const long silent = untold();
    if (bad || silent)
        printf("%ld sums were wrong, %ld callers not told\n", bad, silent);
    return bad || silent;
}
