/* The pool of threads that all kernels share. */
#ifndef MINIGRAD_THREADS_H
#define MINIGRAD_THREADS_H

void set_threads(int count); /* from 1 on; takes effect with the next kernel */
int threads(void);

/* After a kernel, and after a thread's share of a range: give large scratch memory back. */
void end_scratch(void);

#endif
