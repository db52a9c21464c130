"""report.html in a real Chromium: people can search, sort and filter it, and nothing in it runs or leaves."""

from __future__ import annotations

import csv
import select
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from browser import Browser, needs_chromium, opened
from page_contents import CONTENTS, HOSTILE, hostile_contents, many_lines

from importer.reporter.page import write_page
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from importer.journal.view import ShownRecord

pytestmark = needs_chromium
STATUSES = [Status.CREATED, Status.INVALID, Status.EXISTS, Status.REJECTED]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with opened(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def browser(running: Browser) -> Iterator[Browser]:
    """The browser; after every test it has made no request but for the page itself, and met no complaint."""
    yield running
    assert running.complaints() == []
    assert {url.rpartition("/")[2] for url in running.requests() if not url.startswith("file:")} <= {"about:blank"}


def page_of(folder: Path, number: int) -> Path:
    counts = {("rootly", status): number // len(STATUSES) for status in STATUSES}
    lines = cast("Iterator[Sequence[ShownRecord]]", many_lines(number, STATUSES))
    return write_page(folder / "report.html", replace(CONTENTS, counts=counts, lines=lines))


def press(browser: Browser, selector: str) -> None:
    browser.ask("document.querySelector(arguments[0]).click()", selector)


def search(browser: Browser, text: str) -> None:
    from selenium.webdriver.common.by import By

    field = browser.driver.find_element(By.CSS_SELECTOR, "#search")
    field.clear()
    field.send_keys(text)


def test_fifty_thousand_rows_open_and_only_a_page_of_them_is_drawn(browser: Browser, tmp_path: Path) -> None:
    browser.open(page_of(tmp_path, 50_000))
    assert browser.info == "Rows 1 to 50 of 50,000"
    assert browser.ask("return document.querySelectorAll('#records tbody tr').length") == 50
    assert set(browser.cells("outcome")) == {"invalid", "rejected"}  # first what needs attention
    search(browser, "person 49999@")
    assert browser.cells("row") == ["50001"]
    press(browser, "#attention")
    assert set(browser.cells("outcome")) == {"rejected"}


def test_the_filter_shows_only_the_statuses_that_are_ticked_and_all_again(browser: Browser, tmp_path: Path) -> None:
    browser.open(page_of(tmp_path, 40))
    press(browser, "#filter input[value=invalid]")
    assert browser.cells("outcome") == ["invalid"] * 10
    press(browser, "#filter input[value=exists]")
    assert browser.info == "Rows 1 to 20 of 20 (of 40 in this file)"
    press(browser, "#look a")
    assert set(browser.cells("outcome")) == {"invalid", "rejected"}
    assert browser.ask("return document.querySelectorAll('#filter input:checked').length") == 2
    press(browser, "#everything")
    assert len(browser.cells("outcome")) == 40


def test_a_search_finds_ids_and_the_words_of_the_source(browser: Browser, tmp_path: Path) -> None:
    browser.open(page_of(tmp_path, 40))
    search(browser, "id-17")
    assert browser.cells("id") == ["id-17"]
    search(browser, "PERSON 23@")
    assert browser.cells("row") == ["25"]
    search(browser, "nobody")
    assert browser.info == "No row (of 40 in this file)"


def test_rows_sort_as_numbers_and_by_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    browser.open(page_of(tmp_path, 40))
    heading = browser.driver.find_element(By.CSS_SELECTOR, "#records thead th.row")
    button = heading.find_element(By.CSS_SELECTOR, "button")
    button.send_keys(Keys.ENTER)
    button.send_keys(Keys.ENTER)
    assert browser.cells("row")[:3] == ["41", "40", "39"]
    assert heading.get_attribute("aria-sort") == "descending"


def test_the_rows_on_show_can_be_saved_as_a_table_that_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    """Cells are guarded as in report.csv, and every text is given back as it stands in the source."""
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path / "saved")}
    )
    browser.open(write_page(tmp_path / "report.html", hostile_contents()))
    search(browser, "evil.example")
    press(browser, "#export")
    saved = tmp_path / "saved" / "20270101-120000-rows.csv"
    deadline = time.monotonic() + 20
    while not saved.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with saved.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:5] == ["Sheet", "Row", "Part", "Kind", "Status"]
    assert [line[7] for line in lines] == ["'" + HOSTILE[3], HOSTILE[4]]
    assert [line[1] for line in lines] == ["5", "6"]
    browser.requests()  # the address of what it made itself, which is no request


def test_hostile_text_stays_text_wherever_it_stands(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_page(tmp_path / "report.html", hostile_contents()))
    assert browser.driver.title == "Import 20270101-120000"
    assert browser.ask("return document.querySelectorAll('img, iframe, object, main script').length") == 0
    assert browser.ask("return [...document.querySelectorAll('a[href]:not([href^=\"#\"])')].length") == 0
    shown = browser.cells("reason")
    for text in HOSTILE[:6] + HOSTILE[7:8]:
        assert text in shown
    assert "\\u202etxet desrever\\u2028next" in shown
    assert "\\u0000\\u001b[31m" in shown
    search(browser, "onerror")
    assert len(browser.cells("reason")) == 2
    press(browser, "#records thead th.reason button")
    assert browser.driver.title == "Import 20270101-120000"


def test_the_page_makes_no_request_even_when_asked_to(browser: Browser, tmp_path: Path) -> None:
    """The policy holds: what a script that slipped in would try is refused."""
    browser.open(page_of(tmp_path, 4))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        fetching = "new Image().src = arguments[0]; fetch(arguments[0]).then(arguments[1], arguments[1])"
        browser.driver.execute_async_script(fetching, address)
        came, _, _ = select.select([listening], [], [], 0)
    assert came == []
    handler = "document.body.insertAdjacentHTML('beforeend', '<p onclick=\"document.title=1\" id=\"bad\">x</p>')"
    browser.ask(handler)
    press(browser, "#bad")
    assert browser.driver.title == "Import 20270101-120000"
    refused = browser.complaints()
    browser.requests()  # they were begun, and ended there
    assert len(refused) >= 3
    assert all("Content Security Policy" in words or "blocked" in words or "violates" in words for words in refused)


def test_on_a_phone_nothing_is_wider_than_the_screen_and_each_cell_says_what_it_is(
    browser: Browser, tmp_path: Path
) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for page in (page_of(tmp_path, 40), write_page(tmp_path / "report.html", hostile_contents())):
            browser.open(page)
            assert browser.ask("return document.documentElement.scrollWidth") == 390
        label = "return getComputedStyle(document.querySelector('#records td.reason'), '::before').content"
        assert browser.ask(label) == '"Reason"'
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", [970, 1100, 1250, 1400])
def test_all_columns_of_the_rows_fit_on_a_screen(browser: Browser, tmp_path: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for page in (page_of(tmp_path, 40), write_page(tmp_path / "report.html", hostile_contents())):
            browser.open(page)
            ask = "const table = document.querySelector('.table'); return table.scrollWidth - table.clientWidth"
            assert browser.ask(ask) <= 0
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_screen_reader_finds_landmarks_captions_counts_and_names(browser: Browser, tmp_path: Path) -> None:
    browser.open(write_page(tmp_path / "report.html", hostile_contents()))
    ask = browser.ask
    assert ask("return document.querySelectorAll('header, nav[aria-label], main, footer, html[lang]').length") >= 5
    assert ask("return [...document.querySelectorAll('table')].filter((one) => !one.caption).length") == 0
    assert ask("return [...document.querySelectorAll('svg')].filter((one) => !one.querySelector('title')).length") == 0
    assert ask("return [...document.querySelectorAll('section')].every((one) => one.getAttribute('aria-labelledby'))")
    assert ask("return document.querySelector('#info').getAttribute('aria-live')") == "polite"
    unnamed = """return [...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length"""
    assert ask(unnamed) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """4.5 to 1, as WCAG 2 AA asks for, in both colour schemes."""
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    counts = {("rootly", status): 1 for status in Status}
    lines = cast("Iterator[Sequence[ShownRecord]]", many_lines(8, list(Status)))
    browser.open(write_page(tmp_path / "report.html", replace(hostile_contents(), counts=counts, lines=lines)))
    assert browser.ask(_POOR_CONTRAST) == []
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


_POOR_CONTRAST = """
const parse = (text) => text.match(/[0-9.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
  .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
  .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
const behind = (element) => {
  for (let one = element; one; one = one.parentElement) {
    const colour = parse(getComputedStyle(one).backgroundColor);
    if (colour.length < 4 || colour[3] > 0) return colour;
  }
  return [255, 255, 255];
};
const poor = new Set();
for (const element of document.body.querySelectorAll("*")) {
  if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
  if (!element.checkVisibility() || element.closest("svg, script, .skip, .disabled")) continue;
  const [over, under] = [parse(getComputedStyle(element).color), behind(element)].map(light);
  const ratio = (Math.max(over, under) + 0.05) / (Math.min(over, under) + 0.05);
  if (ratio < 4.5) poor.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
}
return [...poor];
"""
