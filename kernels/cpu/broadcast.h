/* How arrays lie along the shape that they are broadcast to; for ufuncs.c, after NumPy's headers. */
#include "kernel.h"

/* What they are broadcast to so far. */
typedef struct {
    int axes;
    npy_intp sizes[NPY_MAXDIMS], n;
} shape;

/* Lets x count; 0 if it does not go with those before. */
static int broadcast(shape *full, PyArrayObject *x)
{
    const int axes = PyArray_NDIM(x), more = max(axes - full->axes, 0);
    memmove(full->sizes + more, full->sizes, (size_t)full->axes * sizeof *full->sizes);
    full->axes += more;
    for (int k = 0; k < axes; k++) {
        npy_intp *size = &full->sizes[full->axes - axes + k], its = PyArray_DIM(x, k);
        if (k < more || *size == 1)
            *size = its;
        else if (its != 1 && its != *size)
            return 0;
    }
    return 1;
}

/* How x lies along the whole: (..., many, wide), the axes before them without it. */
static int lies_along(PyArrayObject *x, const shape *full, npy_intp *wide, npy_intp *many)
{
    const int axes = PyArray_NDIM(x);
    const npy_intp *sizes = full->sizes + full->axes - axes;
    int k = axes - 1;
    *wide = *many = 1;
    for (; k >= 0 && PyArray_DIM(x, k) == 1; k--)
        *wide *= sizes[k];
    for (; k >= 0 && PyArray_DIM(x, k) == sizes[k]; k--)
        *many *= PyArray_DIM(x, k);
    for (; k >= 0 && PyArray_DIM(x, k) == 1; k--)
        ;
    return k < 0;
}
