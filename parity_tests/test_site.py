"""The documentation site: what it is made of holds, and what it says of the code is complete."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import minigrad
from docs.site import check, debugger, examples, kinks, op_example, op_pages, reference, source
from minigrad.autograd.registry import REGISTRY
from parity_tests.programs.comparing import assert_same_text
from parity_tests.programs.running import programs
from parity_tests.test_pages import PLAYED

DOCS = Path(__file__).parents[1] / "docs"
# Longer than half a second; the tests of the programs run these, too, beside torch.
SLOW = re.compile(
    r"(02|05|11|12|13|15|16|28|35|36|37|43|44|46|47|48|49|50|51|55|57|58|60|61|62|63|64|65|66|67"
    r"|75|76|78|79|80|81)_"
)


@pytest.mark.parametrize("name", ["docstrings", "session", "source"])
def test_examples_of_the_sites_own_code_run(name: str) -> None:
    module = importlib.import_module(f"docs.site.{name}")
    done = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert done.failed == 0 < done.attempted


# Operations


@cache
def op_page(name: str) -> str:
    return op_pages.page(REGISTRY[name], op_example.example(REGISTRY[name]))


def test_the_page_of_an_op_says_all_that_is_known_of_it() -> None:
    page = op_page("max_pool2d")
    for head in ("Formula and gradient", "Worked example", "Source", "kinks", "Cost", "Parity"):
        assert re.search(f"^## .*{head}", page, re.MULTILINE), head
    assert "![The graph that max_pool2d leaves for backward](graphs/max_pool2d.svg)" in page


def test_a_worked_example_is_what_comes_out() -> None:
    shown = re.search(r"## Worked example\n\n```pycon\n(.*?)```", op_page("mul"), re.DOTALL)
    assert shown and shown[1].count(">>>") == 8
    test = doctest.DocTestParser().get_doctest(shown[1], {"torch": minigrad}, "mul", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test) == (0, 8)


@pytest.mark.parametrize("family", op_pages.FAMILIES)
def test_examples_are_there_where_there_is_something_to_call(family: str) -> None:
    known = [r for r in REGISTRY.values() if op_pages.family(r) == family]
    for record in known[::8]:  # the site builds them all
        worked = op_example.example(record)
        docs = op_pages.documentation(record)
        assert worked is not None or ">>>" in docs or record.name == "cuda", record.name
        if worked and worked.graph:
            assert ".grad\n" in worked.text, record.name


@pytest.mark.parametrize("name", ["exp", "linalg_solve", "max_pool2d", "layer_norm"])
def test_ops_without_long_examples_are_shown_in_two_by_two(name: str) -> None:
    worked = op_example.example(REGISTRY[name])
    assert worked and worked.graph and len(worked.text.splitlines()) < op_example.LONGEST


def test_the_list_of_operations_is_complete() -> None:
    assert sorted(re.findall(r"\(ops/(\w+)\.md\)", op_pages.index())) == sorted(REGISTRY)


def test_what_the_benchmarks_say_of_slow_ops_is_found() -> None:
    slow = op_pages.slow()
    assert slow and slow.keys() <= REGISTRY.keys()
    name = min(slow)
    assert f"up to {slow[name][0]} times torch's time" in op_page(name)


# Conventions


def test_what_is_kept_of_torch_comes_out_of_minigrad() -> None:
    page = kinks.executed((DOCS / "conventions.md").read_text("utf-8"))
    rows = [line for line in page.splitlines() if re.match(r"\| .*`\[", line)]
    assert len(rows) >= 25 and all(line.count(" | ") == 4 for line in rows)


def test_another_value_stops_the_build() -> None:
    row = "| `abs` at 0 | `[-1., 0., 2.]` | `x.abs().sum()` | `[-1., 1., 1.]` |"
    with pytest.raises(ValueError, match="abs"):
        kinks.executed(row)


# Excerpts and links


def test_what_pages_quote_from_the_source_is_there() -> None:
    asked = []
    for page in DOCS.glob("**/*.md"):
        asked += re.findall(r"^```excerpt\n(.*)\n```$", page.read_text("utf-8"), re.MULTILINE)
    assert len(asked) >= 10
    assert all(source.excerpt(request).text for request in asked)


def test_an_excerpt_that_is_gone_is_an_error() -> None:
    with pytest.raises(LookupError, match="no Nothing"):
        source.excerpt("minigrad/autograd/op.py: Nothing")
    with pytest.raises(LookupError, match="no lines"):
        source.excerpt('minigrad/autograd/op.py: "class Op:" to "nowhere at all"')


def test_broken_links_and_files_of_other_hosts_are_found(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "index.html").write_text('<h1 id="top">x</h1>')
    good = '<a href="there/#top">a</a> <a href="https://example.org">b</a> <img src="data:x">'
    (tmp_path / "index.html").write_text(good)
    assert list(check.faults(tmp_path)) == []
    bad = '<a href="gone/">a</a><a href=there/#no>b</a><script src="https://example.org/x.js">'
    (tmp_path / "index.html").write_text(bad)
    said = sorted(fault.split(" ", 1)[1] for fault in check.faults(tmp_path))
    assert len(said) == 3 and "fetched from elsewhere" in "".join(said)


# Reference


@cache
def reference_pages() -> dict[str, str]:
    return dict(reference.pages())


def test_every_public_name_is_in_the_reference() -> None:
    for name, module in reference.modules().items():
        page = reference_pages()[f"reference/{name}.md"]
        for own in getattr(module, "__all__", []):
            linked = f"| [`{own}`](" in page
            value = getattr(module, own)  # a number, a dtype, a table: named, without a text
            assert linked or (f"| `{own}` |" in page and not callable(value)), f"{name}.{own}"


def test_every_package_is_in_the_reference() -> None:
    folders = {
        p.parent.relative_to(source.ROOT) for p in source.ROOT.glob("minigrad/**/__init__.py")
    }
    names = {".".join(folder.parts) for folder in folders}
    public = {name for name in names if not reference.INNER.match(name)}
    assert public - reference.modules().keys() == set()


def test_every_method_of_a_tensor_is_in_the_reference() -> None:
    page = reference_pages()["reference/minigrad.md"]
    missing = [n for n in dir(minigrad.Tensor) if n[0] != "_" and f"`{n}`" not in page]
    assert missing == []


# Examples


def test_every_program_is_an_example_and_keeps_what_it_prints() -> None:
    names = {name.removeprefix("program_") for name in programs()}
    assert set(examples.scripts()) == names
    assert {path.stem for path in examples.FOLDER.glob("*.txt")} == names


@pytest.mark.parametrize("name", [name for name in examples.scripts() if not SLOW.match(name)])
def test_an_example_prints_and_draws_what_is_kept(name: str) -> None:
    played = examples.play(name)
    assert_same_text(played.text, examples.kept(name))
    assert len(played.figures) == len(examples.kept_figures(name))


def test_figures_of_examples_are_small_and_belong_to_a_program() -> None:
    figures = list(examples.FOLDER.glob("*.svg"))
    assert len(figures) >= 40
    for path in figures:
        assert path.stem.rpartition("-")[0] in examples.scripts()
        assert "</svg>" in path.read_text("utf-8") and path.stat().st_size < 100_000, path.name


def test_a_script_is_a_program_without_what_only_tests_want() -> None:
    text = examples.scripts()["08_linear_regression_from_scratch"].text
    assert "def data_iter" in text and "        yield" in text, "a generator of the program's own"
    assert not re.search(r"^yield|# [A-Z]\d\d|^def program", text, re.MULTILINE)


# The debugger


def test_both_pages_of_the_debugger_are_there_and_small() -> None:
    made = dict(debugger.pages())
    assert list(made) == list(PLAYED)
    assert all("const facts" in html and len(html) < 2_000_000 for html in made.values())


# The whole


def test_the_site_is_made_without_torch() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from docs.site import examples, kinks, op_pages, reference\n"
        "from minigrad.autograd.registry import REGISTRY\n"
        "assert op_pages.index() and dict(examples.pages()) and reference.page('minigrad.nn')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=source.ROOT, check=False
    )
    assert done.returncode == 0
