/* The functions of pointwise.def, with a loop for float32 and one for float64, as callables; and
 * those of numpy.def as NumPy's own ufuncs, in which the loop for float32 is a kernel.
 *
 * A callable takes arrays of one type without gaps, and numbers, straight to the kernel of the level
 * in use, where each lies along rows or columns of the result: so a row is added to a matrix, or to
 * a column, in one call, and not in one for each row. All else it hands to a ufunc, of which the
 * kernel is a loop: NumPy broadcasts, walks strides, casts, and raises errors.
 *
 * float16 is worked out in float32, some numbers at a time, and rounded once: NumPy's values, who
 * converts number by number.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include <string.h>

#include "broadcast.h"
#include "dispatch.h"

enum { MOST_INPUTS = 4, MOST_ARGUMENTS = 3 + 4 * MOST_INPUTS };
enum { LONG_WORK = 1 << 14 }; /* elements from which on others may have the interpreter's lock */

static const struct {
    const char *name;
    int inputs;
} functions[] = {
#define P(name, inputs) {#name, inputs},
#include "pointwise.def"
#undef P
};
/* The first functions by NumPy's names, whose ufuncs do what the kernels can't. */
static const char *const arithmetic[] = {"add", "subtract", "multiply", "true_divide"};
enum {
    FUNCTIONS = (int)(sizeof functions / sizeof *functions),
    ARITHMETIC = (int)(sizeof arithmetic / sizeof *arithmetic),
};

static int used = 1;

/* Whether kernels are used, or NumPy's own loops run. */
void use_stand_ins(int wanted)
{
    used = wanted;
}

/* What a loop is told: which kernel it stands for. */
typedef struct {
    int inputs, entry;
} target;
static target targets[FUNCTIONS][2];

static int from_half, to_half; /* where these kernels for float32 stand in the tables */

static void find_conversions(void)
{
    for (int i = 0; i < kernel_count; i++) {
        const char *name = level_in_use->entries[i].name;
        if (strcmp(name, "from_half_f32") == 0)
            from_half = i;
        if (strcmp(name, "to_half_f32") == 0)
            to_half = i;
    }
}

static void convert(int entry, void *from, void *to, npy_intp n)
{
    const arg a[3] = {{.p = from}, {.p = to}, {.i = n}};
    level_in_use->entries[entry].run(a);
}

/* Some halves of contiguous arrays, by the kernel `entry` for float32 of `inputs` arguments. */
static void through_float(int entry, int inputs, char *const *args, npy_intp n)
{
    enum { MANY = 1024, HALF = 2 };
    float wide[MOST_INPUTS + 1][MANY];
    for (npy_intp begin = 0; begin < n; begin += MANY) {
        const npy_intp m = min(n - begin, (npy_intp)MANY);
        arg a[MOST_ARGUMENTS], *next = a;
        *next++ = (arg){.i = m};
        for (int k = 0; k <= inputs; k++) {
            *next++ = (arg){.p = wide[k]};
            *next++ = (arg){.i = sizeof(float)};
            if (k == inputs)
                break;
            *next++ = (arg){.i = 1};
            *next++ = (arg){.i = m};
            convert(from_half, args[k] + begin * HALF, wide[k], m);
        }
        level_in_use->entries[entry].run(a);
        convert(to_half, wide[inputs], args[inputs] + begin * HALF, m);
    }
}

static void loop(char **args, const npy_intp *dimensions, const npy_intp *steps, void *data)
{
    const target *me = data;
    arg a[MOST_ARGUMENTS], *next = a;
    *next++ = (arg){.i = dimensions[0]};
    for (int k = 0; k <= me->inputs; k++) {
        *next++ = (arg){.p = args[k]};
        *next++ = (arg){.i = steps[k]};
        if (k < me->inputs) {
            *next++ = (arg){.i = 1};
            *next++ = (arg){.i = dimensions[0]};
        }
    }
    level_in_use->entries[me->entry].run(a);
}

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *general; /* the ufunc */
    const target *targets;
    const char *name;
} FunctionObject;

/* The result for arrays of halves of one size, some at a time; NULL without an error for others. */
static PyObject *halves_at_once(const target *both, PyObject *const *args, shape *full)
{
    char *data[MOST_INPUTS + 1];
    const npy_intp n = full->n;
    for (int k = 0; k < both->inputs; k++) {
        if (PyFloat_CheckExact(args[k]) || PyArray_SIZE((PyArrayObject *)args[k]) != n)
            return NULL;
        data[k] = PyArray_BYTES((PyArrayObject *)args[k]);
    }
    PyObject *out = PyArray_SimpleNew(full->axes, full->sizes, NPY_HALF);
    if (out == NULL)
        return NULL;
    data[both->inputs] = PyArray_BYTES((PyArrayObject *)out);
    PyThreadState *others = n < LONG_WORK ? NULL : PyEval_SaveThread();
    through_float(both[0].entry, both->inputs, data, n);
    if (others)
        PyEval_RestoreThread(others);
    return out;
}

/* The result, by the kernel; NULL without an error where that can't do it. */
static PyObject *at_once(const target *both, PyObject *const *args)
{
    const int inputs = both->inputs;
    PyArrayObject *first = NULL;
    shape full; /* its sizes are not cleared: it is asked for at each call */
    full.axes = 0, full.n = 1;
    for (int k = 0; k < inputs; k++) {
        if (PyFloat_CheckExact(args[k]))
            continue;
        PyArrayObject *x = (PyArrayObject *)args[k];
        if (!PyArray_CheckExact(args[k]) || !PyArray_ISCARRAY_RO(x) ||
            (first && PyArray_DESCR(x) != PyArray_DESCR(first)) || !broadcast(&full, x))
            return NULL;
        first = x;
    }
    for (int k = 0; k < full.axes; k++)
        full.n *= full.sizes[k];
    const int type = first ? PyArray_TYPE(first) : NPY_NOTYPE;
    if (!full.axes || !full.n || (type != NPY_HALF && type != NPY_FLOAT && type != NPY_DOUBLE))
        return NULL;
    PyObject *out = type == NPY_HALF ? halves_at_once(both, args, &full) : NULL;
    if (out != NULL || PyErr_Occurred())
        return out;
    const npy_intp n = full.n, bytes = type == NPY_DOUBLE ? sizeof(double) : sizeof(float);
    arg a[MOST_ARGUMENTS], *next = a;
    union {
        float one;
        double two;
    } numbers[MOST_INPUTS];
    float *wide_copies[MOST_INPUTS + 1] = {NULL}; /* of halves, and their result */
    int fits = 1;
    *next++ = (arg){.i = n};
    for (int k = 0; fits && k < inputs; k++) {
        npy_intp wide = 1, many = 1;
        if (!PyFloat_CheckExact(args[k])) {
            PyArrayObject *x = (PyArrayObject *)args[k];
            void *data = PyArray_DATA(x);
            fits = lies_along(x, &full, &wide, &many);
            if (fits && type == NPY_HALF) {
                fits = (wide_copies[k] = PyMem_RawMalloc((size_t)(PyArray_SIZE(x) * bytes))) != NULL;
                if (fits)
                    convert(from_half, data, wide_copies[k], PyArray_SIZE(x));
                data = wide_copies[k];
            }
            *next++ = (arg){.p = data};
        } else {
            if (type == NPY_DOUBLE)
                numbers[k].two = PyFloat_AS_DOUBLE(args[k]);
            else
                numbers[k].one = (float)PyFloat_AS_DOUBLE(args[k]);
            *next++ = (arg){.p = &numbers[k]};
        }
        *next++ = (arg){.i = many == 1 ? 0 : bytes};
        *next++ = (arg){.i = wide};
        *next++ = (arg){.i = many};
    }
    if (fits && type == NPY_HALF)
        fits = (wide_copies[inputs] = PyMem_RawMalloc((size_t)(n * bytes))) != NULL;
    if (fits && (out = PyArray_SimpleNew(full.axes, full.sizes, type)) != NULL) {
        void *data = PyArray_DATA((PyArrayObject *)out), *made = wide_copies[inputs];
        *next++ = (arg){.p = made ? made : data};
        *next++ = (arg){.i = bytes};
        kernel *run = level_in_use->entries[both[type == NPY_DOUBLE].entry].run;
        PyThreadState *others = n < LONG_WORK ? NULL : PyEval_SaveThread();
        run(a);
        if (made)
            convert(to_half, made, data, n);
        if (others)
            PyEval_RestoreThread(others);
    }
    for (int k = 0; k <= inputs; k++)
        PyMem_RawFree(wide_copies[k]);
    return out;
}

static PyObject *call_function(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    const FunctionObject *me = (FunctionObject *)self;
    if (used && names == NULL && PyVectorcall_NARGS(flags) == me->targets->inputs) {
        PyObject *out = at_once(me->targets, args);
        if (out != NULL || PyErr_Occurred())
            return out;
    }
    return PyObject_Vectorcall(me->general, args, flags, names);
}

static PyObject *function_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<function %s of kernels>", ((FunctionObject *)self)->name);
}

static PyTypeObject FunctionType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "minigrad._cpu.Function",
    .tp_basicsize = sizeof(FunctionObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(FunctionObject, call),
    .tp_call = PyVectorcall_Call,
    .tp_repr = function_repr,
    .tp_doc = "An elementwise kernel of arrays and numbers, which are broadcast.",
};

/* The ufunc that does what a callable can't. */
static PyObject *general_for(int i, PyObject *numpy)
{
    static PyUFuncGenericFunction both[2] = {loop, loop};
    static void *data[FUNCTIONS][2];
    static char signatures[MOST_INPUTS + 1][2 * (MOST_INPUTS + 1)]; /* kept: not copied by NumPy */
    const int inputs = functions[i].inputs;
    if (i < ARITHMETIC)
        return PyObject_GetAttrString(numpy, arithmetic[i]);
    char *signature = signatures[inputs];
    for (int k = 0; k <= inputs; k++) {
        signature[k] = NPY_FLOAT;
        signature[inputs + 1 + k] = NPY_DOUBLE;
    }
    data[i][0] = &targets[i][0];
    data[i][1] = &targets[i][1];
    return PyUFunc_FromFuncAndData(both, data[i], signature, 2, inputs, 1, PyUFunc_None,
                                   functions[i].name, "An elementwise kernel.", 0);
}

/* The callables by name, made once. */
PyObject *make_ufuncs(void)
{
    if (PyArray_ImportNumPyAPI() < 0 || PyUFunc_ImportUFuncAPI() < 0 ||
        PyType_Ready(&FunctionType) < 0)
        return NULL;
    PyObject *numpy = PyImport_ImportModule("numpy"), *found = numpy ? PyDict_New() : NULL;
    find_conversions();
    for (int i = 0; found != NULL && i < FUNCTIONS; i++) {
        for (int type = 0; type < 2; type++) /* they are the last in the table of kernels */
            targets[i][type] = (target){functions[i].inputs,
                                        kernel_count - 2 * FUNCTIONS + 2 * i + type};
        FunctionObject *one = PyObject_New(FunctionObject, &FunctionType);
        if (one != NULL) {
            one->call = call_function;
            one->targets = targets[i];
            one->name = i < ARITHMETIC ? arithmetic[i] : functions[i].name;
            one->general = general_for(i, numpy);
        }
        if (one == NULL || one->general == NULL ||
            PyDict_SetItemString(found, one->name, (PyObject *)one) < 0)
            Py_CLEAR(found);
        Py_XDECREF((PyObject *)one);
    }
    Py_XDECREF(numpy);
    return found;
}

/* NumPy's ufuncs again, with loops for the same types: those for float32 stand in for NumPy's. */
enum { MOST_LOOPS = 32 };

static const char *const stand_ins[] = {
#define N(name) #name,
#include "numpy.def"
#undef N
};
enum { STAND_INS = (int)(sizeof stand_ins / sizeof *stand_ins) };

static struct {
    int entry;
    PyUFuncGenericFunction loop, half_loop; /* NumPy's own */
    void *data, *half_data;
} instead[STAND_INS];

static void stand_in(char **args, const npy_intp *dimensions, const npy_intp *steps, void *data)
{
    const int me = (int)(intptr_t)data;
    if (!used) {
        instead[me].loop(args, dimensions, steps, instead[me].data);
        return;
    }
    const arg a[7] = {{.i = dimensions[0]}, {.p = args[0]}, {.i = steps[0]}, {.i = 1},
                      {.i = dimensions[0]}, {.p = args[1]}, {.i = steps[1]}};
    level_in_use->entries[instead[me].entry].run(a);
}

static void stand_in_for_halves(char **args, const npy_intp *dimensions, const npy_intp *steps,
                                void *data)
{
    const int me = (int)(intptr_t)data;
    if (used && steps[0] == 2 && steps[1] == 2)
        through_float(instead[me].entry, 1, args, dimensions[0]);
    else
        instead[me].half_loop(args, dimensions, steps, instead[me].half_data);
}

static PyObject *one_stand_in(int me, const PyUFuncObject *numpys)
{
    static PyUFuncGenericFunction loops[STAND_INS][MOST_LOOPS];
    static void *data[STAND_INS][MOST_LOOPS]; /* kept: not copied by NumPy, as are the types */
    const int types = numpys->nin + numpys->nout;
    for (int i = 0; i < numpys->ntypes; i++) {
        loops[me][i] = numpys->functions[i];
        data[me][i] = numpys->data ? numpys->data[i] : NULL;
        if (numpys->types[i * types] == NPY_FLOAT && !instead[me].loop) { /* NumPy takes the first */
            instead[me].entry = kernel_count - 2 * FUNCTIONS - STAND_INS + me;
            instead[me].loop = loops[me][i];
            instead[me].data = data[me][i];
            loops[me][i] = stand_in;
            data[me][i] = (void *)(intptr_t)me;
        } else if (numpys->types[i * types] == NPY_HALF && !instead[me].half_loop) {
            instead[me].half_loop = loops[me][i];
            instead[me].half_data = data[me][i];
            loops[me][i] = stand_in_for_halves;
            data[me][i] = (void *)(intptr_t)me;
        }
    }
    return PyUFunc_FromFuncAndData(loops[me], data[me], numpys->types, numpys->ntypes, 1, 1,
                                   PyUFunc_None, stand_ins[me], numpys->doc, 0);
}

/* The ufuncs by name, made once, while NumPy's are there (which hold their types). */
PyObject *make_stand_ins(void)
{
    if (PyUFunc_ImportUFuncAPI() < 0)
        return NULL;
    PyObject *numpy = PyImport_ImportModule("numpy"), *found = numpy ? PyDict_New() : NULL;
    for (int me = 0; found != NULL && me < STAND_INS; me++) {
        PyObject *numpys = PyObject_GetAttrString(numpy, stand_ins[me]), *one = NULL;
        if (numpys && PyObject_TypeCheck(numpys, &PyUFunc_Type) &&
            ((PyUFuncObject *)numpys)->ntypes <= MOST_LOOPS)
            one = one_stand_in(me, (PyUFuncObject *)numpys);
        else if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "numpy.%s is no such ufunc", stand_ins[me]);
        if (one == NULL || PyDict_SetItemString(found, stand_ins[me], one) < 0)
            Py_CLEAR(found);
        Py_XDECREF(one);
        Py_XDECREF(numpys);
    }
    Py_XDECREF(numpy);
    return found;
}
