"""The page of a report in headless Chromium: nothing but itself is asked for, and it can be worked with.

Chromium is Debian's (`apt-get install chromium`), axe-core npm's; AXE names its script. What is missing is
skipped, with the reason.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from tests.report.hostile_names import NAMES

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = os.environ.get("AXE", "")
SCHEMES, WIDTHS = ("light", "dark"), (1280, 390)
SERIOUS = {"serious", "critical"}
SLOW_MS = 300_000
"""How long a browser and its pages may take on a busy machine."""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("chromium is not installed; run: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="run: pip install playwright")
    with playwright.sync_playwright() as driver:
        # Chromium's own sandbox does not start for root, as tests run in containers.
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=SLOW_MS)
        yield opened
        opened.close()


@pytest.fixture
def show(browser):
    """Open a page as a file; gives it, and what it said or asked for."""
    contexts = []

    def show(path, scheme="light", width=1280):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        context.set_default_timeout(SLOW_MS)
        contexts.append(context)
        page, noted = context.new_page(), []
        page.on("console", lambda message: noted.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: noted.append(f"error: {error}"))
        page.on("request", lambda request: noted.append(request.url))
        page.goto(path.as_uri())
        with page.expect_console_message(lambda message: message.text == "all is said"):
            page.evaluate("console.log('all is said')")
        own = (path.as_uri(), "log: all is said")
        return page, [note for note in noted if note not in own and not note.startswith("data:")]

    yield show
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def report(photos, tmp_path_factory):
    """The report of two operations on the photos, one of which fails to decode."""
    root = tmp_path_factory.mktemp("chromium")
    shutil.copytree(photos, root / "src")
    (root / "src" / "dress" / "broken.jpg").write_bytes(b"x")
    recipe = {"seed": 3, "op": [{"kind": "cutmix", "p": 0.5}, {"kind": "cutout", "p": 0.5}]}
    augcli.materialize(root / "src", root / "dst", recipe, max_errors=1, workers=1)
    augcli.write_report(root / "dst", root / "report.html", src=root / "src")
    return root / "report.html"


@pytest.fixture(scope="module")
def hostile(write_folder, tmp_path_factory):
    """The report of an output whose classes bear hostile names, and that is not complete."""
    root = tmp_path_factory.mktemp("hostile")
    src = write_folder(root / "src", {name.replace("/", "\u2215"): 1 for name in NAMES})
    augcli.materialize(src, root / "dst", single(CutMix(lam=0.9)), workers=1)
    (root / "dst" / "_SUCCESS").unlink()
    augcli.write_report(root / "dst", root / "report.html", src=src)
    return root / "report.html"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_says_nothing_on_the_console_and_asks_for_nothing(show, report, scheme):
    page, noted = show(report, scheme)
    assert noted == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(17, 21, 26)"
    )
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")


@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_no_wider_than_the_screen(show, report, hostile, width):
    for path in (report, hostile):
        page, _ = show(path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), zip(SCHEMES, WIDTHS, strict=True))
def test_axe_finds_no_serious_fault(show, report, hostile, scheme, width):
    if not Path(AXE).is_file():
        pytest.skip("AXE names no axe.min.js; run: npm install axe-core")
    for path in (report, hostile):
        page, _ = show(path, scheme, width)
        page.evaluate(Path(AXE).read_text("utf-8"))
        found = page.evaluate("axe.run()")["violations"]
        assert [(fault["id"], fault["impact"]) for fault in found if fault["impact"] in SERIOUS] == []


def shown(page):
    """The cards that are shown, as (class, operations, failure)."""
    script = "[...document.querySelectorAll('#cards > .card')].filter((card) => card.checkVisibility())"
    return page.evaluate(script + ".map((card) => ({...card.dataset}))")


def show_all(page):
    """Show all samples, not the first alone, and what filters them."""
    page.click("#more")
    page.click("text=Filter")


def test_the_first_samples_are_shown_until_all_are_wanted(show, report):
    page, _ = show(report)
    assert len(shown(page)) == 6
    assert page.inner_text("#shown") == "6 of 25 samples are shown."
    assert page.inner_text("#more") == "Show 19 more"
    page.focus("#more")
    page.keyboard.press("Enter")
    assert len(shown(page)) == 25
    assert not page.is_visible("#more")
    assert (
        page.evaluate("[...document.getElementById('cards').children].indexOf(document.activeElement)") == 6
    )


def test_the_first_of_those_that_fit_are_shown(show, report):
    page, _ = show(report)
    page.click("text=Filter")
    page.uncheck("input[value=cutmix]")
    assert len(shown(page)) == 6
    assert not [card for card in shown(page) if card["operations"] == "cutmix"]


def test_reading_goes_on_at_the_first_of_the_others_that_fits(show, report):
    page, _ = show(report)
    page.click("text=Filter")
    kinds = page.evaluate(
        "[...document.querySelectorAll('#cards > .card')].map(card => card.dataset.operations)"
    )
    other = kinds[6]  # the card behind those that are shown does not fit
    page.uncheck(f"input[value={other}]")
    fitting = [number for number, kind in enumerate(kinds) if kind != other]
    assert len(fitting) > 6
    page.focus("#more")
    page.keyboard.press("Enter")
    assert (
        page.evaluate("[...document.getElementById('cards').children].indexOf(document.activeElement)")
        == fitting[6]
    )


def test_samples_are_filtered_by_click(show, report):
    page, _ = show(report)
    show_all(page)
    everything = shown(page)
    assert len(everything) == 25
    page.uncheck("input[value=cutmix]")
    left = shown(page)
    assert left == [card for card in everything if card["operations"] != "cutmix"]
    assert page.inner_text("#shown") == f"{len(left)} of 25 samples are shown."
    page.click("text=Clear filters")
    page.wait_for_function("document.getElementById('shown').textContent.startsWith('25 of')")
    assert shown(page) == everything


def test_samples_are_filtered_by_class_and_by_failure(show, report):
    page, _ = show(report)
    show_all(page)
    page.select_option("select[name=class]", "hat")
    assert {card["class"] for card in shown(page)} == {"hat"}
    page.click("text=Clear filters")
    reason = page.get_attribute("#cards > .card:last-child", "data-failure")
    assert reason
    page.select_option("select[name=failure]", reason)
    assert [card["failure"] for card in shown(page)] == [reason]


def test_samples_are_filtered_by_key(show, report):
    page, _ = show(report)
    show_all(page)
    page.focus("select[name=class]")
    page.keyboard.press("d")  # dress
    assert {card["class"] for card in shown(page)} == {"dress"}
    page.focus("input[name=operation]")
    before = len(shown(page))
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    left = shown(page)
    assert 0 < len(left) < before
    assert {card["operations"] for card in left} == {"none"}
    page.focus("form button[type=reset]")
    page.keyboard.press("Enter")
    page.wait_for_function("document.getElementById('shown').textContent.startsWith('25 of')")
    page.focus("input[name=most]")
    page.keyboard.press("Control+A")
    page.keyboard.type("0.8")
    left = [card for card in shown(page) if card["lam"]]
    assert left
    assert all(float(card["lam"]) <= 0.8 for card in left)


def test_a_table_is_sorted_by_click_and_by_key(show, report):
    page, _ = show(report)

    def column(number):
        return page.eval_on_selector_all(
            f"#class-table tbody tr > :nth-child({number})",
            "(cells) => cells.map((cell) => cell.textContent)",
        )

    page.click("#class-table button:text('Class')")
    assert column(1) == sorted(column(1))
    page.click("#class-table button:text('Class')")
    assert column(1) == sorted(column(1), reverse=True)
    page.focus("#class-table button:text('Weights')")
    page.keyboard.press("Enter")
    weights = [float(text) for text in column(5)]
    assert weights == sorted(weights, reverse=True)
    assert page.get_attribute("#class-table th:nth-child(5)", "aria-sort") == "descending"
    assert page.get_attribute("#class-table th:nth-child(1)", "aria-sort") is None


def test_everything_that_can_be_used_is_reached_by_tab(show, report):
    page, _ = show(report)
    page.evaluate("document.getElementById('filter-box').open = true")
    expected = page.evaluate(
        "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex=\"0\"]')].length"
    )
    reached = 0
    for _ in range(expected + 5):
        page.keyboard.press("Tab")
        reached += page.evaluate("document.activeElement !== document.body")
        if page.evaluate("document.activeElement === document.body"):
            break
    assert reached >= expected


def test_hostile_names_do_nothing(show, hostile):
    page, noted = show(hostile)
    assert noted == []
    assert page.evaluate("window.planted") is None
    assert page.evaluate("document.scripts.length") == 1
    said = set(page.eval_on_selector_all("bdi", "(all) => all.map((one) => one.textContent)"))
    options = set(page.eval_on_selector_all("option", "(all) => all.map((one) => one.value)"))
    for name in NAMES:
        planted = name.replace("/", "\u2215").replace("\u0007", "\ufffd")
        assert planted in said
        assert planted in options


def test_without_scripts_all_samples_stand_there(browser, report):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#cards > .card:visible").count() == 25
    assert not page.is_visible("#filter-box")
    context.close()


def test_an_injected_script_or_style_is_refused(show, report, tmp_path):
    text = report.read_text("utf-8").replace(
        "</main>", "<script>window.planted = 1</script><p style='color:red'>x"
    )
    (tmp_path / "changed.html").write_text(text, "utf-8")
    page, noted = show(tmp_path / "changed.html")
    assert page.evaluate("window.planted") is None
    assert len([note for note in noted if "Content Security Policy" in note]) == 2
