/* The pool of threads that all kernels share. */
#ifndef MINIGRAD_THREADS_H
#define MINIGRAD_THREADS_H

void set_threads(int count); /* from 1 on; takes effect with the next kernel */
int threads(void);

#endif
