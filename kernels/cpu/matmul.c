/* Products of NumPy arrays by the kernel gemm, with as little around it as can be.
 *
 *     matmul(a, b, bias or None, out or None) -> array or None
 *
 * a (..., m, k) times b (..., k, n), plus bias (n), for arrays of one type, float32 or float64, in
 * any layout; one of two may be a vector (k). It is written to `out`, which is none of them, if given.
 * None where the sizes do not fit, the kernel has nothing to do, or NumPy's own product is the faster
 * one (`pays`), as measured beside OpenBLAS 0.3 on a core with AVX-512.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include "dispatch.h"


enum {
#define ONE(name, type, n) name##_##type##_number,
#include "kernels.def"
#undef ONE
};

/* A matrix, or a stack of them: sizes, and steps in elements. */
typedef struct {
    npy_intp count, rows, columns, step, row, column;
} stack;

/* Look at an array; 0 if it is no stack of matrices with even steps. A vector is taken for a row. */
static int read_stack(PyArrayObject *x, stack *s)
{
    const int axes = PyArray_NDIM(x);
    const npy_intp *sizes = PyArray_DIMS(x), *steps = PyArray_STRIDES(x);
    const npy_intp bytes = PyArray_ITEMSIZE(x);
    if (axes < 1 || !PyArray_ISALIGNED(x))
        return 0;
    if (axes == 1) {
        *s = (stack){1, 1, sizes[0], 0, 0, steps[0] / bytes};
        return steps[0] % bytes == 0;
    }
    s->rows = sizes[axes - 2];
    s->columns = sizes[axes - 1];
    s->row = steps[axes - 2] / bytes;
    s->column = steps[axes - 1] / bytes;
    s->count = 1;
    s->step = 0;
    if (steps[axes - 2] % bytes || steps[axes - 1] % bytes)
        return 0;
    for (int i = axes - 3; i >= 0; i--) {
        if (sizes[i] == 1)
            continue;
        if (steps[i] % bytes || (s->count > 1 && steps[i] / bytes != s->step * s->count))
            return 0;
        if (s->count == 1)
            s->step = steps[i] / bytes;
        s->count *= sizes[i];
    }
    return 1;
}

/* Whether the product is the kernel's. A large one always is: from MATRIX_WORK products of elements
 * on, VECTOR_WORK with a vector, OpenBLAS takes threads of its own, which go on waiting for work for
 * some 25 ms, in a loop, and so leave the kernels' threads no processor; and results shall not
 * depend on their number. A smaller one is where the kernel is faster: where few rows meet columns
 * that need not be packed, or long lines that need not be turned, and where a bias would cost NumPy
 * another call and pass. Stacks of matrices that are not tiny are the kernel's, which has several threads
 * where NumPy does one matrix after the other.
 */
#define MATRIX_WORK 262144
#define STACKED_WORK 4096
#define VECTOR_WORK 9216

static int pays(const stack *a, const stack *b, int bias)
{
    const double work = (double)a->rows * (double)b->columns * (double)a->columns;
    const npy_intp fewest = a->rows < b->columns ? a->rows : b->columns;
    const int lines = a->column == 1 && b->row == 1;
    if (work > (fewest == 1 ? VECTOR_WORK : MATRIX_WORK))
        return 1;
    if (fewest == 1)
        return 0;
    if (a->count > 1 && work >= STACKED_WORK && work * (double)a->count > MATRIX_WORK)
        return 1;
    if (lines && fewest <= 28 && a->columns >= 128)
        return 1;
    if (work < 8192 || b->columns < 24)
        return bias ? work < 20000 : work <= 1024 && a->count == 1;
    return bias || (a->rows <= 28 && b->columns >= 64 && b->column == 1);
}

PyObject *matmul(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 4)
        return PyErr_Format(PyExc_TypeError, "matmul takes a, b, bias or None, out or None");
    PyArrayObject *a = (PyArrayObject *)args[0], *b = (PyArrayObject *)args[1];
    PyArrayObject *bias = args[2] == Py_None ? NULL : (PyArrayObject *)args[2];
    PyArrayObject *c = args[3] == Py_None ? NULL : (PyArrayObject *)args[3];
    stack x, y;
    if (!PyArray_CheckExact(args[0]) || !PyArray_CheckExact(args[1]) ||
        (bias && !PyArray_CheckExact(args[2])) || (c && !PyArray_CheckExact(args[3])))
        Py_RETURN_NONE;
    const int type = PyArray_TYPE(a), axes = PyArray_NDIM(a), others = PyArray_NDIM(b);
    if ((type != NPY_FLOAT && type != NPY_DOUBLE) || PyArray_DESCR(a) != PyArray_DESCR(b) ||
        !PyArray_ISNOTSWAPPED(a) || !read_stack(a, &x) || !read_stack(b, &y))
        Py_RETURN_NONE;
    if (axes == 2 && others == 1)
        y = (stack){1, y.columns, 1, 0, y.column, 0};
    else if (axes == 1 ? others != 2
                       : axes != others || !PyArray_CompareLists(PyArray_DIMS(a), PyArray_DIMS(b),
                                                                 axes - 2))
        Py_RETURN_NONE;
    if (x.columns != y.rows)
        Py_RETURN_NONE;
    if (bias && (PyArray_DESCR(bias) != PyArray_DESCR(a) || PyArray_NDIM(bias) != 1 ||
                 PyArray_DIM(bias, 0) != y.columns || !PyArray_ISCARRAY_RO(bias)))
        Py_RETURN_NONE;
    if (!(x.count && x.rows && x.columns && y.columns) || !pays(&x, &y, bias != NULL))
        Py_RETURN_NONE;
    npy_intp sizes[NPY_MAXDIMS];
    memcpy(sizes, PyArray_DIMS(a), (size_t)axes * sizeof *sizes);
    sizes[axes - 1] = y.columns;
    const int left = others == 1 ? 1 : axes; /* of the axes of the product */
    if (c && (PyArray_DESCR(c) != PyArray_DESCR(a) || PyArray_NDIM(c) != left ||
              !PyArray_CompareLists(PyArray_DIMS(c), sizes, left) || !PyArray_ISCARRAY(c)))
        Py_RETURN_NONE;
    if (c)
        Py_INCREF(c);
    else if ((c = (PyArrayObject *)PyArray_SimpleNew(left, sizes, type)) == NULL)
        return NULL;
    const arg all[14] = {
        {.p = PyArray_DATA(a)}, {.p = PyArray_DATA(b)}, {.p = bias ? PyArray_DATA(bias) : NULL},
        {.p = PyArray_DATA(c)}, {.i = x.count}, {.i = x.rows}, {.i = y.columns}, {.i = x.columns},
        {.i = x.step}, {.i = x.row}, {.i = x.column}, {.i = y.step}, {.i = y.row}, {.i = y.column}};
    out_of_memory = 0;
    Py_BEGIN_ALLOW_THREADS
    level_in_use->entries[type == NPY_FLOAT ? gemm_f32_number : gemm_f64_number].run(all);
    Py_END_ALLOW_THREADS
    if (out_of_memory) {
        Py_DECREF(c);
        return PyErr_NoMemory();
    }
    return (PyObject *)c;
}

/* Ask NumPy for its functions; -1 if that fails. */
int prepare_matmul(void)
{
    return PyArray_ImportNumPyAPI();
}
