/* The functions of pointwise.def as NumPy ufuncs, with a loop for float32 and one for float64; and
 * those of numpy.def as NumPy's own ufuncs, in which the loop for float32 is a kernel.
 *
 * NumPy broadcasts, walks strides and makes the result; a loop hands what it gets to the kernel of
 * the level in use.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/ndarraytypes.h>
#include <numpy/ufuncobject.h>

#include "dispatch.h"

enum { MOST_INPUTS = 4 };

static const struct {
    const char *name;
    int inputs;
} functions[] = {
#define P(name, inputs) {#name, inputs},
#include "pointwise.def"
#undef P
};
enum { FUNCTIONS = (int)(sizeof functions / sizeof *functions) };

/* What a loop is told: which kernel it stands for. */
typedef struct {
    int inputs, entry;
} target;
static target targets[FUNCTIONS][2];

static void loop(char **args, const npy_intp *dimensions, const npy_intp *steps, void *data)
{
    const target *me = data;
    arg a[1 + 2 * (MOST_INPUTS + 1)];
    a[0].i = dimensions[0];
    for (int k = 0; k <= me->inputs; k++) {
        a[1 + 2 * k].p = args[k];
        a[2 + 2 * k].i = steps[k];
    }
    level_in_use->entries[me->entry].run(a);
}

/* The ufuncs by name, made once. */
PyObject *make_ufuncs(void)
{
    static PyUFuncGenericFunction both[2] = {loop, loop};
    static void *data[FUNCTIONS][2];
    static char signatures[MOST_INPUTS + 1][2 * (MOST_INPUTS + 1)]; /* kept: not copied by NumPy */
    if (PyUFunc_ImportUFuncAPI() < 0)
        return NULL;
    PyObject *found = PyDict_New();
    for (int i = 0; found != NULL && i < FUNCTIONS; i++) {
        int inputs = functions[i].inputs;
        char *signature = signatures[inputs];
        for (int k = 0; k <= inputs; k++) {
            signature[k] = NPY_FLOAT;
            signature[inputs + 1 + k] = NPY_DOUBLE;
        }
        for (int type = 0; type < 2; type++) { /* they are the last in the table of kernels */
            targets[i][type].inputs = inputs;
            targets[i][type].entry = kernel_count - 2 * FUNCTIONS + 2 * i + type;
            data[i][type] = &targets[i][type];
        }
        PyObject *one = PyUFunc_FromFuncAndData(both, data[i], signature, 2, inputs, 1,
                                                PyUFunc_None, functions[i].name,
                                                "An elementwise kernel.", 0);
        if (one == NULL || PyDict_SetItemString(found, functions[i].name, one) < 0)
            Py_CLEAR(found);
        Py_XDECREF(one);
    }
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
    PyUFuncGenericFunction loop; /* NumPy's own */
    void *data;
} instead[STAND_INS];

static int used = 1;

/* Whether kernels stand in, or NumPy's own loops run. */
void use_stand_ins(int wanted)
{
    used = wanted;
}

static void stand_in(char **args, const npy_intp *dimensions, const npy_intp *steps, void *data)
{
    const int me = (int)(intptr_t)data;
    if (!used) {
        instead[me].loop(args, dimensions, steps, instead[me].data);
        return;
    }
    const arg a[5] = {{.i = dimensions[0]}, {.p = args[0]}, {.i = steps[0]}, {.p = args[1]},
                      {.i = steps[1]}};
    level_in_use->entries[instead[me].entry].run(a);
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
