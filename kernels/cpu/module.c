/* The Python module minigrad._cpu: the kernels of the level in use, as callables.
 *
 *     kernels() -> {"relu_f32": <kernel>, ...}     of the level in use
 *     ufuncs() -> {"hypot": <ufunc>, ...}          of whatever level is in use
 *     stand_ins() -> {"exp": <ufunc>, ...}         NumPy's, with kernels for float32 (numpy.def)
 *     levels() -> [("base", True), ...]            name, whether this processor supports it
 *     use(name)                                    choose a level; ValueError if it can't be used;
 *                                                  "numpy": its own loops in stand_ins()
 *     set_threads(n), get_threads()
 *     allow_winograd(0 none, 1 large ones, 2 all), winograd_allowed()
 *     set_far(bytes) -> bytes                      from what size on results are written past the
 *                                                  caches; what it was before
 *     join_rows(arrays, out) -> bool               out[i] = arrays[i]; False, and nothing is written,
 *                                                  unless each fits out exactly and without gaps
 *     matmul(a, b, bias, out) -> array or None     see matmul.c
 *
 * A kernel is called with NumPy arrays, None, whole and floating-point numbers. Nothing is checked
 * but their number and that arrays are arrays: types, shapes and strides are up to the caller. The
 * interpreter's lock is released while it runs.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

#include "dispatch.h"
#include "threads.h"

enum { MOST_ARGUMENTS = 48 };

PyObject *matmul(PyObject *module, PyObject *const *args, Py_ssize_t count); /* matmul.c */
int prepare_matmul(void);
PyObject *make_ufuncs(void);
PyObject *make_stand_ins(void);
void use_stand_ins(int wanted);

typedef struct {
    PyObject_HEAD
    const entry *entry;
    vectorcallfunc call;
} KernelObject;

static PyObject *call_kernel(PyObject *self, PyObject *const *args, size_t flags, PyObject *names)
{
    const entry *e = ((KernelObject *)self)->entry;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    arg a[MOST_ARGUMENTS];
    if (names != NULL || count != e->arguments)
        return PyErr_Format(PyExc_TypeError, "%s takes %d arguments by position, got %zd", e->name,
                            e->arguments, count);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = args[i];
        if (PyArray_Check(x))
            a[i].p = PyArray_DATA((PyArrayObject *)x);
        else if (PyLong_Check(x))
            a[i].i = PyLong_AsLongLong(x);
        else if (PyFloat_Check(x))
            a[i].d = PyFloat_AS_DOUBLE(x);
        else if (x == Py_None)
            a[i].p = NULL;
        else
            return PyErr_Format(PyExc_TypeError, "%s: argument %zd is a %s; expected an array or "
                                "a number", e->name, i, Py_TYPE(x)->tp_name);
    }
    if (PyErr_Occurred())
        return NULL;
    out_of_memory = 0;
    Py_BEGIN_ALLOW_THREADS
    e->run(a);
    Py_END_ALLOW_THREADS
    if (out_of_memory)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *kernel_repr(PyObject *self)
{
    return PyUnicode_FromFormat("<kernel %s>", ((KernelObject *)self)->entry->name);
}

static PyTypeObject KernelType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "minigrad._cpu.Kernel",
    .tp_basicsize = sizeof(KernelObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(KernelObject, call),
    .tp_call = PyVectorcall_Call,
    .tp_repr = kernel_repr,
    .tp_doc = "A native kernel; arguments are arrays without their shapes, and numbers.",
};

const level *level_in_use;

static PyObject *kernels(PyObject *module, PyObject *unused)
{
    PyObject *found = PyDict_New();
    for (int i = 0; found != NULL && i < kernel_count; i++) {
        KernelObject *one = PyObject_New(KernelObject, &KernelType);
        if (one == NULL) {
            Py_CLEAR(found);
            break;
        }
        one->entry = &level_in_use->entries[i];
        one->call = call_kernel;
        if (PyDict_SetItemString(found, one->entry->name, (PyObject *)one) < 0)
            Py_CLEAR(found);
        Py_DECREF(one);
    }
    return found;
}

static PyObject *levels(PyObject *module, PyObject *unused)
{
    int count;
    const level *all = all_levels(&count);
    PyObject *found = PyList_New(count);
    for (int i = 0; found != NULL && i < count; i++)
        PyList_SET_ITEM(found, i, Py_BuildValue("(sN)", all[i].name,
                                                PyBool_FromLong(all[i].supported)));
    return found;
}

static PyObject *use(PyObject *module, PyObject *name)
{
    int count;
    const level *all = all_levels(&count);
    const char *wanted = PyUnicode_AsUTF8(name);
    if (wanted == NULL)
        return NULL;
    use_stand_ins(strcmp(wanted, "numpy") != 0);
    if (strcmp(wanted, "numpy") == 0)
        Py_RETURN_NONE;
    for (int i = 0; i < count; i++)
        if (all[i].supported && strcmp(all[i].name, wanted) == 0) {
            level_in_use = &all[i];
            Py_RETURN_NONE;
        }
    return PyErr_Format(PyExc_ValueError, "this processor cannot run level '%s'", wanted);
}

static PyObject *py_set_threads(PyObject *module, PyObject *count)
{
    long n = PyLong_AsLong(count);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    set_threads((int)n);
    Py_RETURN_NONE;
}

static PyObject *py_get_threads(PyObject *module, PyObject *unused)
{
    return PyLong_FromLong(threads());
}

static PyObject *py_allow_winograd(PyObject *module, PyObject *allowed)
{
    int wanted = (int)PyLong_AsLong(allowed);
    if (wanted == -1 && PyErr_Occurred())
        return NULL;
    allow_winograd(wanted);
    Py_RETURN_NONE;
}

static PyObject *py_winograd_allowed(PyObject *module, PyObject *unused)
{
    return PyLong_FromLong(winograd_allowed());
}

static PyObject *py_set_far(PyObject *module, PyObject *bytes)
{
    long before = far_bytes, now = PyLong_AsLong(bytes);
    if (now == -1 && PyErr_Occurred())
        return NULL;
    far_bytes = now;
    return PyLong_FromLong(before);
}

static PyObject *ufuncs(PyObject *module, PyObject *unused)
{
    return make_ufuncs();
}

static PyObject *py_stand_ins(PyObject *module, PyObject *unused)
{
    return make_stand_ins();
}

/* Whether an object is an array that a memcpy may put into a row of `out`. */
static int fits_row(PyObject *object, PyArrayObject *out)
{
    PyArrayObject *x = (PyArrayObject *)object;
    return PyArray_CheckExact(object) && PyArray_DESCR(x) == PyArray_DESCR(out) &&
           PyArray_NDIM(x) == PyArray_NDIM(out) - 1 && PyArray_IS_C_CONTIGUOUS(x) &&
           PyArray_CompareLists(PyArray_DIMS(x), PyArray_DIMS(out) + 1, PyArray_NDIM(x));
}

static PyObject *join_rows(PyObject *module, PyObject *const *args, Py_ssize_t count)
{
    if (count != 2 || !PyList_Check(args[0]) || !PyArray_Check(args[1]))
        return PyErr_Format(PyExc_TypeError, "join_rows takes a list and an array");
    PyObject *rows = args[0];
    PyArrayObject *out = (PyArrayObject *)args[1];
    npy_intp many = PyList_GET_SIZE(rows);
    if (PyArray_NDIM(out) == 0 || PyArray_DIM(out, 0) != many || !PyArray_ISCARRAY(out) ||
        PyDataType_REFCHK(PyArray_DESCR(out)))
        Py_RETURN_FALSE;
    for (npy_intp i = 0; i < many; i++)
        if (!fits_row(PyList_GET_ITEM(rows, i), out))
            Py_RETURN_FALSE;
    size_t bytes = many ? (size_t)(PyArray_NBYTES(out) / many) : 0;
    char *to = PyArray_BYTES(out);
    for (npy_intp i = 0; i < many; i++, to += bytes)
        memcpy(to, PyArray_DATA((PyArrayObject *)PyList_GET_ITEM(rows, i)), bytes);
    Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"kernels", kernels, METH_NOARGS, "The kernels of the level in use, by name."},
    {"ufuncs", ufuncs, METH_NOARGS, "The pointwise kernels as NumPy ufuncs, by name."},
    {"stand_ins", py_stand_ins, METH_NOARGS, "NumPy's ufuncs with kernels for float32, by name."},
    {"levels", levels, METH_NOARGS, "The levels of this build, and whether they can be used here."},
    {"use", use, METH_O, "Choose the level by name."},
    {"set_threads", py_set_threads, METH_O, "Set the number of threads."},
    {"get_threads", py_get_threads, METH_NOARGS, "The number of threads."},
    {"allow_winograd", py_allow_winograd, METH_O, "Set whether convolutions may be Winograd's."},
    {"winograd_allowed", py_winograd_allowed, METH_NOARGS, "Whether convolutions may be Winograd's."},
    {"set_far", py_set_far, METH_O, "Set from how many bytes on results go past the caches."},
    {"matmul", (PyCFunction)(void (*)(void))matmul, METH_FASTCALL,
     "The product of two matrices or stacks of them plus a bias, where it pays; else None."},
    {"join_rows", (PyCFunction)(void (*)(void))join_rows, METH_FASTCALL,
     "Copy the arrays of a list into the rows of one; whether they fitted."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "minigrad._cpu", "Native kernels for the CPU.", -1, methods,
};

PyMODINIT_FUNC PyInit__cpu(void)
{
    import_array();
    if (PyType_Ready(&KernelType) < 0 || prepare_matmul() < 0)
        return NULL;
    int count;
    const level *all = all_levels(&count);
    for (int i = 0; i < count; i++)
        if (all[i].supported)
            level_in_use = &all[i];
    return PyModule_Create(&definition);
}
