"""The page in a real browser: filters, sorting, links, width, and what an accessibility checker says of it.

It needs the packages of the group `browser` and a Chromium; without them it is skipped.
"""

import shutil

import pytest

from sdd_claims.report import render, write

api = pytest.importorskip("playwright.sync_api", reason="the group 'browser' is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the group 'browser' is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def document(document):
    """With distances from the margin, but for the last claim."""
    for claim in document["claims"][:-1]:
        claim["threshold"] = 0.001
        claim["decisive"] = {"of": "claim", "p": 0.0001, "level": 0.001, "t": 7.0, "beyond": 12, "seeds": 12}
    return document


@pytest.fixture
def opened(browser, tmp_path, document, source):
    """Opens the page; what the console says, and what is asked of a network, fails the test."""
    write(tmp_path, document, source)
    address = render(tmp_path).as_uri()
    said, asked, pages = [], [], []

    def open_page(**window):
        page = browser.new_page(reduced_motion="reduce", **window)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert said == []
    assert {*asked} <= {address, "data:,"}


def shown(page):
    return [row.get_attribute("data-id") for row in page.locator("table.verdicts tbody tr:visible").all()]


def test_filters_leave_the_rows_that_were_asked_for(opened, document):
    page = opened()
    everything = shown(page)
    assert sorted(everything) == sorted(claim["id"] for claim in document["claims"])
    page.locator("select[name=ruling]").select_option("refuted")
    refuted = [claim["id"] for claim in document["claims"] if claim["verdict"] == "refuted"]
    assert shown(page) == refuted
    assert page.locator("#count").inner_text() == f"{len(refuted)} of {len(everything)} shown"
    page.locator("input[name=text]").fill("no such words")
    assert shown(page) == []
    page.get_by_role("button", name="Show all").click()
    page.wait_for_function("!document.querySelector('tbody tr[hidden]')")
    assert shown(page) == everything


def test_a_click_on_a_heading_sorts_and_says_so(opened):
    page = opened()
    before = shown(page)
    heading = page.locator("table.verdicts").first.get_by_role("columnheader", name="Claim")
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    words = page.locator("table.verdicts").first.locator("tbody th a").all_inner_texts()
    assert words == sorted(words, key=str.lower)
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    assert page.locator("table.verdicts").first.locator("tbody th a").all_inner_texts() == words[::-1]
    assert sorted(shown(page)) == sorted(before)


def test_a_row_leads_to_its_claim_and_the_claim_back_to_its_row(opened):
    page = opened()
    link = page.locator("table.verdicts tbody th a").first
    link.click()
    anchor = page.url.partition("#")[2]
    claim = page.locator(f"article[id='{anchor}']")
    assert claim.locator("h3").is_visible()
    claim.get_by_role("link", name="Back to its row").click()
    assert page.url.endswith(f"#row-{anchor}")


def test_the_policy_of_the_page_lets_its_own_styles_apply(opened):
    page = opened(color_scheme="light")
    figure = page.locator("article figure svg").first
    assert figure.locator("path").count() > 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 251)"
    widths = figure.locator("path").evaluate_all("all => all.map((each) => getComputedStyle(each).strokeWidth)")
    assert {"1.9px", "3px"} <= {*widths}  # of a mean, and of the edge of paper around it


def test_without_scripts_everything_is_there_but_the_filters(browser, tmp_path, document, source):
    write(tmp_path, document, source)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(render(tmp_path).as_uri())
    assert page.locator("table.verdicts tbody tr").count() == len(document["claims"])
    assert not page.locator("#filter").is_visible()


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_nothing_is_wider_than_the_window(opened, width):
    page = opened(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_an_accessibility_checker_finds_nothing_serious(opened, scheme, width):
    page = opened(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = axe.Axe().run(page).response["violations"]
    serious = {
        each["id"]: each["nodes"][0]["html"][:200] for each in found if each["impact"] in ("serious", "critical")
    }
    assert serious == {}


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_the_distance_of_every_verdict_is_drawn_in_its_row_with_labels_that_can_be_read(opened, document, width):
    page = opened(viewport={"width": width, "height": 800})
    plots = page.locator("td.plot svg")
    assert plots.count() == len(document["claims"]) - 1
    enlarged = plots.evaluate_all("all => all.map((each) => each.getScreenCTM().a)")
    label = page.evaluate("parseFloat(getComputedStyle(document.querySelector('#labels text')).fontSize)")
    assert min(enlarged) * label >= 11
    for row in page.locator("tr", has=plots).all():
        whole, verdict, plot = (part.bounding_box() for part in (row, row.locator(".verdict"), row.locator(".forest")))
        assert whole["y"] <= plot["y"]
        assert plot["y"] + plot["height"] <= whole["y"] + whole["height"]
        if width == 360:
            assert plot["y"] >= verdict["y"] + verdict["height"]
            assert plot["width"] > 0.8 * width


def test_on_paper_the_distance_has_a_column_of_its_own(opened):
    page = opened(viewport={"width": 360, "height": 800})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('td.plot')).display") == "table-cell"
