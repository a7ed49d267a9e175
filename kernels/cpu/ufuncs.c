/* The functions of pointwise.def as NumPy ufuncs, with a loop for float32 and one for float64.
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
