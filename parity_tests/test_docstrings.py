"""Every public name says what it is, and shows it by an example that runs."""

from __future__ import annotations

import doctest
import importlib
import inspect

import pytest

import minigrad
from minigrad.autograd.registry import REGISTRY

MODULES = (
    "minigrad",
    "minigrad.autograd",
    "minigrad.autograd.edges",
    "minigrad.autograd.functional",
    "minigrad.autograd.saved",
    "minigrad.backends.cpu",
    "minigrad.backends.cuda",
    "minigrad.backends.cudnn",
    "minigrad.backends.mps",
    "minigrad.compat",
    "minigrad.compiler",
    "minigrad.cpu",
    "minigrad.cpu.amp",
    "minigrad.cuda",
    "minigrad.distributions",
    "minigrad.distributions.constraints",
    "minigrad.distributions.utils",
    "minigrad.d2l",
    "minigrad.func",
    "minigrad.hub",
    "minigrad.inspect",
    "minigrad.jit",
    "minigrad.linalg",
    "minigrad.nn",
    "minigrad.nn.functional",
    "minigrad.nn.grad",
    "minigrad.nn.init",
    "minigrad.nn.parallel",
    "minigrad.nn.summary",
    "minigrad.nn.utils",
    "minigrad.nn.utils.parametrizations",
    "minigrad.nn.utils.parametrize",
    "minigrad.nn.utils.prune",
    "minigrad.nn.utils.rnn",
    "minigrad.onnx",
    "minigrad.optim",
    "minigrad.optim.lr_scheduler",
    "minigrad.optim.swa_utils",
    "minigrad.overrides",
    "minigrad.profiler",
    "minigrad.serialization",
    "minigrad.special",
    "minigrad.testing",
    "minigrad.utils.data",
    "minigrad.utils.download",
    "minigrad.vision.datasets",
    "minigrad.vision.datasets.folder",
    "minigrad.vision.datasets.utils",
    "minigrad.vision.io",
    "minigrad.vision.models",
    "minigrad.vision.transforms",
    "minigrad.vision.transforms.functional",
    "minigrad.vision.transforms.v2",
    "minigrad.vision.utils",
)
# Nothing to show without a card, an installation without one, or a file of the user's.
WITHOUT_EXAMPLE = {"minigrad.cuda.current_device", "minigrad.cuda.synchronize"}
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def public_names():
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isroutine(thing):
                yield pytest.param(thing, f"{module_name}.{name}", id=f"{module_name}.{name}")


def is_in_place(name: str, doc: str) -> bool:
    """Whether it is the form with an underscore of what has its own example."""
    return name.endswith("_") and doc.startswith("In-place form of")


@pytest.mark.parametrize(("thing", "name"), list(public_names()))
def test_public_name_has_a_docstring_with_an_example(thing, name):
    doc = inspect.getdoc(thing) or ""
    assert doc, f"{name} has no docstring"
    assert len(doc.splitlines()[0]) <= 100
    if name not in WITHOUT_EXAMPLE and not is_in_place(name, doc):
        assert ">>>" in doc, f"{name} shows no example"


@pytest.mark.parametrize("name", [n for n in dir(minigrad.Tensor) if not n.startswith("_")])
def test_tensor_method_has_a_docstring(name):
    thing = inspect.getattr_static(minigrad.Tensor, name)
    if thing is None or isinstance(thing, bool):  # is_sparse and its like
        return
    doc = inspect.getdoc(thing)
    assert doc, f"Tensor.{name} has no docstring"
    shown = ">>>" in doc or is_in_place(name, doc) or name == "cuda"
    assert shown, f"Tensor.{name} shows no example"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_example_of_an_operation_runs(name):
    record = REGISTRY[name]
    test = doctest.DocTestParser().get_doctest(record.doc, {}, name, None, 0)
    assert test.examples or record.name == "cuda", "no example"
    outcome = doctest.DocTestRunner(optionflags=FLAGS).run(test)
    assert outcome.failed == 0
