"""The debugger's page: what it holds, and in a real browser that it loads, steps and is right."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minigrad as mg
from minigrad import inspect
from minigrad.cli import main
from minigrad.nn import functional as F
from minigrad.vision.models import LeNet

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --window-size=1500,1000"
)


def four_ops() -> inspect.Page:
    w = mg.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    with inspect.record() as recording:
        loss = ((w @ mg.tensor([[0.5], [2.0]])).relu() * 3).sum()
    recording.names["w"] = w
    return inspect.page(loss, recording, title="four ops")


def lenet() -> inspect.Page:
    mg.manual_seed(0)
    net = LeNet()
    with inspect.record(net) as recording:
        loss = F.cross_entropy(net(mg.randn(16, 1, 28, 28)), mg.arange(16) % 10)
    return inspect.page(loss, recording, title="LeNet")


def facts(page: inspect.Page) -> dict[str, Any]:
    text = re.search(r"const facts = (.*);\n", page.html)
    assert text is not None
    found: dict[str, Any] = json.loads(text[1].replace("<\\/", "</"))
    return found


def test_the_page_holds_the_numbers() -> None:
    found = facts(four_ops())
    assert [n["name"] for n in found["nodes"]] == ["w", "mm", "relu", "mul", "sum"]
    values = [found["arrays"][n["value"]]["values"] for n in found["nodes"]]
    assert values == [[[1, 2], [3, -1]], [[4.5], [-0.5]], [[4.5], [0]], [[13.5], [0]], [[13.5]]]
    steps = found["backward"]
    assert [found["nodes"][s["node"]]["name"] for s in steps] == ["sum", "mul", "relu", "mm", "w"]
    assert found["arrays"][steps[-1]["incoming"]]["values"] == [[1.5, 6], [0, 0]]
    jacobian = found["arrays"][found["nodes"][2]["jacobians"][0][1]]
    assert jacobian["values"] == [[1, 0], [0, 0]]


def test_the_page_needs_nothing_else_and_is_small() -> None:
    html = lenet().html
    assert len(html) < 2_000_000
    assert not re.search(r'(src|href)=["\']', html) and "import(" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")


def test_what_would_end_the_script_is_escaped() -> None:
    x = mg.ones(1, requires_grad=True)
    html = inspect.page(x * 2, {"</script><b>": x}).html
    assert "</script><b>" not in html and html.count("</script>") == 1


def test_nan_and_infinity() -> None:
    x = mg.tensor([0.0, float("inf"), float("nan")], requires_grad=True)
    with inspect.record() as recording:
        loss = x.log().sum()
    array = facts(inspect.page(loss, recording))["arrays"]
    assert ["-inf", "inf", "nan"] in [a["values"][0] for a in array]


def test_a_page_leaves_the_gradients_of_backward() -> None:
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    inspect.page((x * x).sum())
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield made
    made.quit()


def opened(browser: Any, page: inspect.Page, path: Path) -> Any:
    page.save(path)
    browser.get(path.as_uri())
    return browser


def panel(browser: Any) -> str:
    return str(browser.find_element("id", "panel").text)


def press(browser: Any, key: str) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.find_element("tag name", "body").send_keys(getattr(Keys, key))


def place(browser: Any) -> str:
    return str(browser.find_element("id", "place").text)


def test_four_ops_in_a_browser(browser: Any, tmp_path: Path) -> None:
    opened(browser, four_ops(), tmp_path / "page.html")
    assert browser.title.startswith("minigrad") and place(browser) == "forward 1 of 5: w"
    press(browser, "ARROW_RIGHT")
    assert place(browser) == "forward 2 of 5: mm" and "4.5\n-0.5" in panel(browser)
    press(browser, "END")
    assert place(browser) == "backward 5 of 5: w"
    assert "1.5 6\n0 0" in panel(browser) and "is added to .grad" in panel(browser)
    press(browser, "ARROW_LEFT")
    press(browser, "ARROW_LEFT")
    text = panel(browser)
    assert place(browser) == "backward 3 of 5: relu"
    assert "3\n3" in text and "goes out: d input, to mm" in text and "1 0\n0 0" in text
    press(browser, "HOME")
    assert place(browser) == "forward 1 of 5: w"
    assert browser.get_log("browser") == []


def test_a_click_shows_a_node_and_the_slider_moves(browser: Any, tmp_path: Path) -> None:
    opened(browser, four_ops(), tmp_path / "page.html")
    browser.find_element("css selector", "g[data-node='3'] rect").click()
    assert panel(browser).startswith("mul (2, 1)") and "g * other" in panel(browser)
    press(browser, "ESCAPE")
    assert panel(browser).startswith("w (2, 2)")
    slider = browser.find_element("id", "slider")
    assert slider.get_attribute("max") == "9"
    browser.execute_script(
        "arguments[0].value = 7; arguments[0].dispatchEvent(new Event('input'))", slider
    )
    assert place(browser) == "backward 3 of 5: relu"
    assert browser.get_log("browser") == []


def test_lenet_in_a_browser(browser: Any, tmp_path: Path) -> None:
    page = lenet()
    opened(browser, page, tmp_path / "page.html")
    count = len(facts(page)["nodes"])
    assert place(browser) == f"forward 1 of {count}: conv1.weight"
    for _ in range(2 * count):
        press(browser, "ARROW_RIGHT")
    assert place(browser).startswith(f"backward {count} of {count}: ")
    assert len(browser.find_elements("css selector", "g.box")) == count + 1
    opened_in = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
    assert 0 < browser.execute_script(opened_in) < 1000  # milliseconds
    assert browser.find_elements("tag name", "canvas")
    assert browser.get_log("browser") == []


PROGRAM = """
import sys, torch
assert sys.argv[1:] in ([], ["--epochs", "3"])
w = torch.tensor([1., 2.], requires_grad=True)
for _ in range(3):
    loss = (w * w).sum()
    loss.backward()
print("not reached")  # by step
"""


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "minigrad", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def program(tmp_path: Path) -> str:
    (tmp_path / "program.py").write_text(PROGRAM)
    return str(tmp_path / "program.py")


def test_the_command(program: str, tmp_path: Path) -> None:
    code, out, _ = run("step", "--at", "2", program)
    assert code == 0 and "not reached" not in out
    assert "goes out  input: [1. 2.]  = g * other  to w (node 0)" in out
    assert out.count("step ") == 3 and "program.py:6" in out
    page = tmp_path / "page.html"
    code, out, _ = run("step", program, "--page", str(page), "--epochs", "3")  # the last its own
    assert code == 0 and str(page) in out and page.read_text().startswith("<!doctype html>")
    code, _, err = run("step", "--at", "7", program)
    assert code == 2 and "called backward 3 times, not 7" in err.splitlines()[-1]
    assert main(["step", "--at", "0", program]) == 2
    assert main(["step", str(tmp_path / "none.py")]) == 2


def test_the_commands_that_draw_and_measure(program: str, tmp_path: Path) -> None:
    picture = tmp_path / "graph.svg"
    assert run("graph", program, "--at", "2", "--out", str(picture))[0] == 0
    assert picture.read_text().startswith("<svg") and ">mul<" in picture.read_text()
    code, out, _ = run("graph", program)
    assert code == 0 and "saved" in out and "not reached" not in out
    assert main(["graph", "--out", "a.gif", program]) == 2
    trace, page = tmp_path / "trace.json", tmp_path / "page.html"
    code, out, _ = run("profile", program, "--trace", str(trace), "--page", str(page))
    assert code == 0 and "not reached" in out and "MulBackward0" in out
    assert len(json.loads(trace.read_text())["traceEvents"]) > 10
    assert page.read_text().startswith("<!doctype html>")
